/* SPDX-License-Identifier: MIT
 * The virtual clock and the event queue. */
#include "softmmu/clock.h"

#include <glib.h>

static uint64_t host_ns;

static uint64_t host_now(void *opaque)
{
    return host_ns;
}

static void test_stops(void)
{
    struct clock c;

    host_ns = 5000;
    clock_init(&c, host_now, NULL);
    g_assert_cmpuint(clock_now(&c), ==, 0);
    host_ns = 6000;
    g_assert_cmpuint(clock_now(&c), ==, 0);
    clock_start(&c);
    clock_start(&c);
    host_ns = 6100;
    g_assert_cmpuint(clock_now(&c), ==, 100);
    clock_stop(&c);
    host_ns = 9000;
    g_assert_cmpuint(clock_now(&c), ==, 100);
    clock_start(&c);
    host_ns = 9001;
    g_assert_cmpuint(clock_now(&c), ==, 101);
}

struct note {
    struct event ev;
    struct clock *c;
    char name;
    uint64_t period, late;
};

static GString *ran;

static void fire(void *opaque, uint64_t late_ns)
{
    struct note *n = opaque;

    g_string_append_c(ran, n->name);
    n->late = late_ns;
    if (n->period)
        event_schedule(n->c, &n->ev, clock_now(n->c) + n->period);
}

static void kick(void *opaque)
{
    ++*(unsigned *)opaque;
}

static void test_order(void)
{
    struct clock c;
    struct note n[4];
    unsigned kicks = 0, i;

    host_ns = 0;
    ran = g_string_new(NULL);
    clock_init(&c, host_now, NULL);
    clock_start(&c);
    c.kick = kick;
    c.kick_opaque = &kicks;
    for (i = 0; i < 4; i++)
        n[i] = (struct note){.ev = {.fn = fire, .opaque = &n[i]}, .c = &c, .name = 'a' + i};
    g_assert_cmpuint(clock_deadline(&c), ==, CLOCK_NEVER);
    event_schedule(&c, &n[0].ev, 300);
    event_schedule(&c, &n[1].ev, 100);
    event_schedule(&c, &n[2].ev, 300);
    event_schedule(&c, &n[3].ev, 200);
    g_assert_cmpuint(kicks, ==, 2);
    event_schedule(&c, &n[1].ev, 250); /* moved back */
    g_assert_cmpuint(clock_deadline(&c), ==, 200);
    event_cancel(&c, &n[3].ev);
    event_cancel(&c, &n[3].ev);
    clock_run_events(&c);
    g_assert_cmpstr(ran->str, ==, "");
    host_ns = 310;
    clock_run_events(&c);
    g_assert_cmpstr(ran->str, ==, "bac");
    g_assert_cmpuint(n[1].late, ==, 60);
    g_assert_cmpuint(n[2].late, ==, 10);
    g_assert_false(n[0].ev.queued);

    n[0].period = 10;
    event_schedule(&c, &n[0].ev, 311);
    for (i = 0; i < 5; i++) {
        host_ns += 10;
        clock_run_events(&c);
    }
    g_assert_cmpstr(ran->str, ==, "bacaaaaa");
    event_schedule(&c, &n[0].ev, CLOCK_NEVER);
    g_assert_cmpuint(clock_deadline(&c), ==, CLOCK_NEVER);
    g_string_free(ran, TRUE);
}

static void test_muldiv(void)
{
    g_assert_cmpuint(muldiv64(UINT64_MAX / 2, 1000, 2000), ==, UINT64_MAX / 4);
    g_assert_cmpuint(muldiv64(NS_PER_S, 1193182, NS_PER_S), ==, 1193182);
    g_assert_cmpuint(muldiv64(7, 3, 2), ==, 10);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clock/stops", test_stops);
    g_test_add_func("/clock/order", test_order);
    g_test_add_func("/clock/muldiv", test_muldiv);
    return g_test_run();
}
