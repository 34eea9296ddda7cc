/* SPDX-License-Identifier: MIT
 * When the vCPU thread wakes the main thread: for deadlines before the one that it sleeps
 * towards, and for no others. loop_wake is wrapped by the linker. */
#include <glib.h>

#include "frontend/vm_int.h"

static unsigned wakes;

void __wrap_loop_wake(struct loop *l);
void __wrap_loop_wake(struct loop *l)
{
    wakes++;
}

static unsigned wakes_since(void)
{
    unsigned n = wakes;

    wakes = 0;
    return n;
}

static void nothing(void *opaque, uint64_t late)
{
}

static void start(struct vm *vm, const struct opts *o)
{
    *vm = (struct vm){.o = o};
    pthread_mutex_init(&vm->lock, NULL);
    vm->calls_tail = &vm->calls;
    vm_init_time(vm);
    clock_start(&vm->clock);
    wakes = 0;
}

static void test_answers(void)
{
    struct event far = {.fn = nothing};
    struct opts o = {0};
    struct vm vm;

    start(&vm, &o);
    vm.waiting_for = CLOCK_NEVER;
    event_schedule(&vm.clock, &far, clock_now(&vm.clock) + 3600 * NS_PER_S);
    g_assert_cmpuint(wakes_since(), ==, 1);
    vm_run_events(&vm); /* as after an answer of a disk: nothing new to sleep towards */
    vm_run_events(&vm);
    g_assert_cmpuint(wakes_since(), ==, 0);
    vm.waiting_for = CLOCK_NEVER; /* it found a deadline due, kicked the vCPU and sleeps */
    vm_run_events(&vm);
    vm_run_events(&vm);
    g_assert_cmpuint(wakes_since(), ==, 1);
    g_assert_cmpuint(vm.waiting_for, ==, far.when);
}

static void test_deadlines(void)
{
    struct event a = {.fn = nothing}, b = {.fn = nothing}, due = {.fn = nothing};
    struct opts o = {0};
    uint64_t now;
    struct vm vm;

    start(&vm, &o);
    now = clock_now(&vm.clock);
    vm.waiting_for = CLOCK_NEVER;
    event_schedule(&vm.clock, &a, now + 2000 * NS_PER_S);
    g_assert_cmpuint(wakes_since(), ==, 1);
    event_schedule(&vm.clock, &b, now + 3000 * NS_PER_S); /* later */
    g_assert_cmpuint(wakes_since(), ==, 0);
    event_schedule(&vm.clock, &b, now + 1000 * NS_PER_S); /* earlier */
    g_assert_cmpuint(wakes_since(), ==, 1);
    event_schedule(&vm.clock, &due, now);
    g_assert_cmpuint(wakes_since(), ==, 1);
    vm_run_events(&vm); /* the main thread is awake from `due` on and looks for itself */
    g_assert_false(due.queued);
    g_assert_cmpuint(wakes_since(), ==, 0);
}

/* The deadline that it waited for has passed, and the vCPU was first to see to it. */
static void test_next(void)
{
    struct event a = {.fn = nothing}, b = {.fn = nothing};
    struct opts o = {0};
    struct vm vm;

    start(&vm, &o);
    event_schedule(&vm.clock, &a, clock_now(&vm.clock));
    event_schedule(&vm.clock, &b, clock_now(&vm.clock) + 1000 * NS_PER_S);
    vm.waiting_for = CLOCK_NEVER;
    vm_run_events(&vm);
    g_assert_false(a.queued);
    g_assert_cmpuint(wakes_since(), ==, 1);
    g_assert_cmpuint(vm.waiting_for, ==, b.when);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wake/answers", test_answers);
    g_test_add_func("/wake/deadlines", test_deadlines);
    g_test_add_func("/wake/next", test_next);
    return g_test_run();
}
