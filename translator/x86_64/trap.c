/* SPDX-License-Identifier: MIT
 * Host traps in translated code that stand for guest events: SIGFPE for a SIMD
 * exception that the guest unmasked, SIGSEGV for an access through a non-canonical
 * address. The handler looks the instruction up and resumes at its slow path. It runs on
 * its own stack, because RSP points at struct cpu in translated code. */
#include "translator/x86_64/x64.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define ALT_STACK (64u << 10)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct jit *all;
static struct sigaction old_fpe, old_segv;
static __thread bool thread_ready;

/* Traps lie in the order of their targets, which stand behind their block, and of their
 * ranges: the one wanted is among those from the first target past `off` on. */
static const struct x64_trap *find(const struct jit *j, uint32_t off, bool fpe)
{
    const struct x64_trap *t = j->traps.v, *end = t + j->traps.n;
    size_t lo = 0, hi = j->traps.n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;

        if (t[mid].target <= off)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (t += lo; t < end && t->from <= off; t++)
        if (off < t->to && t->fpe == fpe)
            return t;
    return NULL;
}

static void chain(int sig, siginfo_t *si, void *ctx, const struct sigaction *old)
{
    if (old->sa_flags & SA_SIGINFO) {
        old->sa_sigaction(sig, si, ctx);
    } else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
        old->sa_handler(sig);
    } else {
        signal(sig, SIG_DFL); /* dies of it when the instruction is run again */
    }
}

static void handler(int sig, siginfo_t *si, void *ctx)
{
    ucontext_t *u = ctx;
    uint64_t rip = (uint64_t)u->uc_mcontext.gregs[REG_RIP];

    for (struct jit *j = __atomic_load_n(&all, __ATOMIC_ACQUIRE); j; j = j->next) {
        uint64_t off = rip - (uint64_t)(uintptr_t)j->rx;
        const struct x64_trap *t;

        if (off >= j->size)
            continue;
        t = find(j, (uint32_t)off, sig == SIGFPE);
        if (!t)
            break;
        j->trapped[sig == SIGFPE]++;
        u->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)(j->rx + t->target);
        return;
    }
    chain(sig, si, ctx, sig == SIGFPE ? &old_fpe : &old_segv);
}

void x64_trap_register(struct jit *j)
{
    struct sigaction sa;

    pthread_mutex_lock(&lock);
    if (!all) {
        memset(&sa, 0, sizeof(sa));
        sa.sa_sigaction = handler;
        sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
        sigfillset(&sa.sa_mask);
        sigaction(SIGFPE, &sa, &old_fpe);
        sigaction(SIGSEGV, &sa, &old_segv);
    }
    j->next = all;
    __atomic_store_n(&all, j, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&lock);
}

void x64_trap_unregister(struct jit *j)
{
    struct jit **p;

    pthread_mutex_lock(&lock);
    for (p = &all; *p && *p != j; p = &(*p)->next)
        ;
    if (*p)
        *p = j->next;
    if (!all) {
        sigaction(SIGFPE, &old_fpe, NULL);
        sigaction(SIGSEGV, &old_segv, NULL);
    }
    pthread_mutex_unlock(&lock);
}

void x64_trap_thread(void)
{
    stack_t ss = {.ss_size = ALT_STACK}, old;

    if (LIKELY(thread_ready))
        return;
    thread_ready = true;
    if (!sigaltstack(NULL, &old) && !(old.ss_flags & SS_DISABLE))
        return; /* somebody (a sanitizer) provided one */
    ss.ss_sp =
        mmap(NULL, ALT_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ss.ss_sp != MAP_FAILED)
        sigaltstack(&ss, NULL);
}
