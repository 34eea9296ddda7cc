/* SPDX-License-Identifier: MIT
 * The child maps the guest region at its fixed addresses and loops: read a slot number,
 * run the slot's cases, write the number back. A case that ends well jumps to an exit
 * without any signal; a fault arrives in a signal handler on its own stack, which copies
 * the context and leaves. Strict seccomp allows no system call but read, write, exit. */
#include "tests/oracle/native.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/seccomp.h>
#include <ucontext.h>
#include <unistd.h>

#include "cpu/cpuid.h"
#include "tests/oracle/mem.h"

enum { BATCH_TIMEOUT_MS = 5000, ALT_STACK = 65536 };

struct batch {
    volatile uint32_t count, next; /* next: case being run */
    struct orc_case cases[NATIVE_BATCH];
    struct orc_state states[NATIVE_BATCH];
};

struct native {
    struct batch *batch; /* NATIVE_SLOTS, shared */
    pid_t pid;
    int to, from; /* pipes */
    unsigned starts;
};

void orc_enter(const void *fx);
/* Does not return, but must not be declared so: AddressSanitizer would make system calls
 * before it. */
void orc_leave(void);
extern const char orc_exit0[], orc_exit1[], orc_exit2[], orc_exit3[];

/* ---- the child ---- */

static struct orc_state *volatile running; /* its result; NULL outside cases */
static struct orc_mem mem;

static inline volatile uint64_t *scratch(uintptr_t addr)
{
    return (volatile uint64_t *)addr;
}

static _Noreturn void child_die(const char *msg)
{
    if (write(2, msg, strlen(msg)) < 0)
        msg = NULL;
    for (;;)
        syscall(SYS_exit, 3);
}

/* From the XSAVE image that a signal frame holds. */
__attribute__((no_sanitize("address", "undefined"))) static void
copy_upper(struct orc_state *s, const uint8_t *image)
{
    memset(s->ymm, 0, sizeof(s->ymm));
    if (*scratch(ORC_S_AVX) && image[512] & 4)
        memcpy(s->ymm, image + 576, sizeof(s->ymm));
}

/* Left without returning: its frame may not stay poisoned. */
__attribute__((no_sanitize("address", "undefined"))) static void
on_fault(int sig, siginfo_t *info, void *context)
{
    static const uint8_t reg[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                    REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                    REG_R12, REG_R13, REG_R14, REG_R15};
    const ucontext_t *uc = context;
    const greg_t *g = uc->uc_mcontext.gregs;
    struct orc_state *s = running;

    if (!s)
        child_die("oracle: the child itself faulted\n");
    for (unsigned i = 0; i < 16; i++)
        s->gpr[i] = (uint64_t)g[reg[i]];
    s->rip = (uint64_t)g[REG_RIP];
    s->rflags = (uint64_t)g[REG_EFL];
    s->vector = (uint8_t)g[REG_TRAPNO];
    s->error = (uint32_t)g[REG_ERR];
    s->cr2 = s->vector == 14 ? (uint64_t)g[REG_CR2] : 0;
    memcpy(s->fx, uc->uc_mcontext.fpregs, 416);
    copy_upper(s, (const uint8_t *)uc->uc_mcontext.fpregs);
    orc_leave();
}

static bool map_at(uintptr_t addr, size_t len, int prot)
{
    void *p =
        mmap((void *)addr, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    return p == (void *)addr;
}

static bool map_region(void)
{
    if (!map_at(ORC_SCRATCH, 4096, PROT_READ | PROT_WRITE))
        return false;
    for (unsigned n = 0; n < ORC_PAGES; n++) {
        uintptr_t addr = ORC_BASE + n * GUEST_PAGE_SIZE;
        enum orc_page_kind kind = orc_page_kind(n);
        int prot = PROT_READ | PROT_WRITE | (kind == ORC_PAGE_CODE ? PROT_EXEC : 0);

        if (!map_at(addr, GUEST_PAGE_SIZE, prot))
            return false;
        memcpy((void *)addr, orc_mem_pattern(n), GUEST_PAGE_SIZE);
        if (orc_mem_rw_index(n) >= 0)
            mem.rw[orc_mem_rw_index(n)] = (uint8_t *)addr;
        if (kind == ORC_PAGE_RO)
            mprotect((void *)addr, GUEST_PAGE_SIZE, PROT_READ);
        else if (kind == ORC_PAGE_NONE)
            mprotect((void *)addr, GUEST_PAGE_SIZE, PROT_NONE);
    }
    *scratch(ORC_S_AVX) = cpu_host_has(CW_1_ECX, 28);
    *scratch(ORC_S_EXITS) = (uintptr_t)orc_exit0;
    *scratch(ORC_S_EXITS + 8) = (uintptr_t)orc_exit1;
    *scratch(ORC_S_EXITS + 16) = (uintptr_t)orc_exit2;
    *scratch(ORC_S_EXITS + 24) = (uintptr_t)orc_exit3;
    return true;
}

static void take_signals(void)
{
    static const int sigs[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    stack_t alt = {.ss_size = ALT_STACK};
    struct sigaction sa = {.sa_sigaction = on_fault,
                           .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

    alt.ss_sp =
        mmap(NULL, ALT_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaltstack(&alt, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(sigs); i++)
        sigaction(sigs[i], &sa, NULL);
}

/* Puts the code into its pages; an exit is a jump through its scratch slot. */
static void place_code(const struct orc_case *c)
{
    uint8_t *code = (uint8_t *)c->rip;
    uint64_t room = ORC_HOLE1 - c->rip;

    memcpy(code, c->code, c->code_len < room ? c->code_len : room);
    for (unsigned i = 0; i < c->nexits; i++) {
        uint8_t jump[7] = {0xff, 0x24, 0x25};
        uint32_t slot = ORC_S_EXITS + 8 * i;

        memcpy(jump + 3, &slot, 4);
        if (c->exit[i] + (uint64_t)ORC_EXIT_LEN <= room)
            memcpy(code + c->exit[i], jump, sizeof(jump));
    }
}

static void run_case(const struct orc_case *c, struct orc_state *s)
{
    place_code(c);
    orc_mem_apply(&mem, c);
    memcpy((void *)(uintptr_t)ORC_S_GPR, c->gpr, sizeof(c->gpr));
    *scratch(ORC_S_RIP) = c->rip;
    *scratch(ORC_S_FLAGS) = c->rflags;
    memset(s->fx + 416, 0, 96);
    s->status = ORC_DONE;
    s->vector = ORC_NO_FAULT;
    running = s;
    orc_enter(c->fx);
    running = NULL;
    if (s->vector == ORC_NO_FAULT) {
        memcpy(s->fx, (void *)(uintptr_t)ORC_S_OUTFX, 416);
        memcpy(s->ymm, (void *)(uintptr_t)ORC_S_OUTYMM, sizeof(s->ymm));
        memcpy(s->gpr, (void *)(uintptr_t)ORC_S_OUT, sizeof(s->gpr));
        s->rflags = *scratch(ORC_S_OUTFL);
        s->rip = c->rip + c->exit[*(volatile uint32_t *)(uintptr_t)ORC_S_EXITID];
        s->error = 0;
        s->cr2 = 0;
    }
    orc_mem_collect(&mem, s);
}

static _Noreturn void child_main(struct native *n, int in, int out)
{
    uint8_t slot;

    take_signals();
    if (!map_region())
        child_die("oracle: the fixed addresses are taken\n");
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
    while (read(in, &slot, 1) == 1) {
        struct batch *b = &n->batch[slot];

        while (b->next < b->count) {
            uint32_t i = b->next;

            run_case(&b->cases[i], &b->states[i]);
            b->next = i + 1;
        }
        if (write(out, &slot, 1) != 1)
            break;
    }
    for (;;)
        syscall(SYS_exit, 0);
}

/* ---- the parent ---- */

static bool child_start(struct native *n, struct err *e)
{
    int to[2], from[2];

    if (pipe(to) < 0)
        return err_set(e, "pipe: %s", strerror(errno));
    if (pipe(from) < 0) {
        close(to[0]);
        close(to[1]);
        return err_set(e, "pipe: %s", strerror(errno));
    }
    fflush(NULL);
    n->pid = fork();
    if (n->pid == 0) {
        close(to[1]);
        close(from[0]);
        child_main(n, to[0], from[1]);
    }
    close(to[0]);
    close(from[1]);
    n->to = to[1];
    n->from = from[0];
    n->starts++;
    if (n->pid < 0) {
        close(n->to);
        close(n->from);
        return err_set(e, "fork: %s", strerror(errno));
    }
    return true;
}

static void child_stop(struct native *n)
{
    if (n->pid <= 0)
        return;
    close(n->to);
    close(n->from);
    kill(n->pid, SIGKILL);
    waitpid(n->pid, NULL, 0);
    n->pid = 0;
}

struct native *native_create(struct err *e)
{
    struct native *n = calloc(1, sizeof(*n));

    if (!n) {
        err_set(e, "out of memory");
        return NULL;
    }
    orc_mem_setup();
    n->batch = mmap(NULL, NATIVE_SLOTS * sizeof(*n->batch), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (n->batch == MAP_FAILED || !child_start(n, e)) {
        free(n);
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    return n;
}

void native_destroy(struct native *n)
{
    if (!n)
        return;
    child_stop(n);
    munmap(n->batch, NATIVE_SLOTS * sizeof(*n->batch));
    free(n);
}

struct orc_case *native_cases(struct native *n, unsigned slot)
{
    return n->batch[slot].cases;
}

struct orc_state *native_states(struct native *n, unsigned slot)
{
    return n->batch[slot].states;
}

unsigned native_starts(const struct native *n)
{
    return n->starts;
}

static bool child_send(struct native *n, unsigned slot)
{
    uint8_t b = (uint8_t)slot;

    return write(n->to, &b, 1) == 1;
}

bool native_begin(struct native *n, unsigned slot, unsigned count, struct err *e)
{
    n->batch[slot].count = count;
    n->batch[slot].next = 0;
    if (!child_send(n, slot))
        return err_set(e, "the native child is gone");
    return true;
}

bool native_end(struct native *n, unsigned slot, struct err *e)
{
    struct batch *b = &n->batch[slot];

    for (;;) {
        struct pollfd p = {.fd = n->from, .events = POLLIN};
        int ready = poll(&p, 1, BATCH_TIMEOUT_MS);
        uint8_t answer;

        if (ready > 0 && read(n->from, &answer, 1) == 1)
            return true;
        if (ready < 0 && errno == EINTR)
            continue;
        child_stop(n);
        if (b->next >= b->count || n->starts > 1000)
            return err_set(e, "the native child does not run");
        b->states[b->next].status = ready == 0 ? ORC_TIMEOUT : ORC_DIED;
        b->next++;
        if (!child_start(n, e))
            return false;
        if (!child_send(n, slot))
            return err_set(e, "the native child is gone");
    }
}
