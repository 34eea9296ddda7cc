/* SPDX-License-Identifier: MIT
 * Code memory and the fixed pieces of generated code: entry, exit, and the
 * ways from translated code to C and back. The code cache is one memfd mapped
 * twice, writable and runnable, so that no page is ever both.
 *
 * On the way to C all pinned state goes to struct cpu, MXCSR becomes the
 * host's, RSP becomes cpu->jit_sp, and cpu->jit_ra names the place (jit_restore). */
#include "translator/x86_64/x64.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Two views of the same memory, so that no page is writable and executable at once. Anonymous
 * rather than a memfd: perf looks into its map file for anonymous memory alone. */
bool x64_code_create(struct jit *j, size_t bytes, struct err *e)
{
    j->size = bytes;
    j->rx = MAP_FAILED;
    j->rw = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (j->rw != MAP_FAILED) /* of a shared mapping, size 0 makes a second one */
        j->rx = mremap(j->rw, 0, bytes, MREMAP_MAYMOVE);
    if (j->rx == MAP_FAILED || mprotect(j->rx, bytes, PROT_READ | PROT_EXEC)) {
        err_set(e, "code cache: no %zu bytes of executable memory: %s", bytes, strerror(errno));
        x64_code_destroy(j);
        return false;
    }
    j->pos = j->rw;
    return true;
}

void x64_code_destroy(struct jit *j)
{
    if (j->rw && j->rw != MAP_FAILED)
        munmap(j->rw, j->size);
    if (j->rx && j->rx != MAP_FAILED)
        munmap(j->rx, j->size);
    j->rw = j->rx = NULL;
}

static void gprs(struct emit *e, unsigned base, int32_t disp, bool store)
{
    for (unsigned n = 0; n < 16; n++) {
        struct x64_rm m = rm_mem(base, disp + (int32_t)n * 8);

        if (x64_pinned[n] == X_NOREG)
            continue;
        if (store)
            e_mov_rm_r(e, 8, m, x64_pinned[n]);
        else
            e_mov_r_rm(e, 8, x64_pinned[n], m);
    }
}

static void vector_moves(struct emit *e, bool ymm, bool store)
{
    for (unsigned n = 0; n < 16; n++) {
        struct x64_rm m = rm_mem(X_RSP, ENV(v) + (int32_t)n * 32);

        if (ymm)
            e_vex(e, VEX_L | 0, 1, 4, store ? 0x29 : 0x28, n, 0, m);
        else
            e_ins(e, OPC(1, store ? 0x29 : 0x28), 4, n, m);
    }
}

/* While the guest's upper halves are zero the host's are too, and neither is moved: legacy SSE
 * instructions, the guest's and those of C, merge with an upper half that is in use, which
 * costs. Destroys EFLAGS. */
static void vectors(struct jit *j, struct emit *e, bool store)
{
    struct x64_rm upper = rm_mem(X_RSP, ENV(upper));
    uint8_t *zero, *done;

    if (!j->ymm) {
        vector_moves(e, false, store);
        return;
    }
    e_alu_imm(e, 7, 1, upper, UPPER_ZERO);
    zero = e_jcc_fwd(e, CC_Z);
    vector_moves(e, true, store);
    if (store) {
        e_vzeroupper(e);
        e_alu_imm(e, 4, 1, upper, UPPER_USED); /* no longer UPPER_STALE */
    }
    done = e_jmp_fwd(e);
    e_patch_here(e, zero);
    if (!store)
        e_vzeroupper(e); /* after C */
    vector_moves(e, false, store);
    e_patch_here(e, done);
}

/* LDMXCSR is /2, STMXCSR /3. */
static void mxcsr(struct emit *e, bool store, unsigned base, int32_t off)
{
    e_ins(e, OPC(1, 0xae), 4, store ? 3 : 2, rm_mem(base, off));
}

static const uint8_t saved[] = {X_RBX, X_RBP, X_R12, X_R13, X_R14, X_R15};

/* Back to jit_enter's caller; RSP is jit_sp, rax the result. */
static void emit_return(struct emit *e)
{
    e_lea(e, 8, X_RSP, rm_mem(X_RSP, 8));
    for (unsigned i = ARRAY_SIZE(saved); i-- > 0;)
        e_ins(e, 0x8f, 4, 0, rm_reg(saved[i])); /* pop */
    e8(e, 0xc3);
}

/* Host state of the caller to its stack, guest state to registers. rdi = cpu, rsi = code. */
static void emit_enter(struct jit *j, struct emit *e)
{
    j->t_enter = e->p;
    for (unsigned i = 0; i < ARRAY_SIZE(saved); i++)
        e_ins(e, 0xff, 4, 6, rm_reg(saved[i])); /* push */
    e_lea(e, 8, X_RSP, rm_mem(X_RSP, -8));
    e_mov_rm_r(e, 8, rm_mem(X_RDI, ENV(jit_sp)), X_RSP);
    mxcsr(e, true, X_RDI, ENV(host_mxcsr));
    mxcsr(e, false, X_RDI, ENV(mxcsr));
    e_mov_rr(e, 8, X_RSP, X_RDI);
    e_mov_rr(e, 8, X_RAX, X_RSI);
    gprs(e, X_RSP, ENV(gpr), false);
    vectors(j, e, false);
    e_ins(e, 0xff, 4, 4, rm_reg(X_RAX)); /* jmp rax */

    j->t_exit = e->p; /* rax = result of jit_enter's thunk */
    gprs(e, X_RSP, ENV(gpr), true);
    vectors(j, e, true);
    mxcsr(e, true, X_RSP, ENV(mxcsr));
    mxcsr(e, false, X_RSP, ENV(host_mxcsr));
    e_mov_r_rm(e, 8, X_RSP, rm_mem(X_RSP, ENV(jit_sp)));
    emit_return(e);
}

/* A RET has found its target's key in an entry of the ring that holds none. */
static void emit_nowhere(struct jit *j, struct emit *e)
{
    j->cpu->jit_nowhere = e_here(e);
    e_mov_rm_r(e, 8, rm_mem(X_RSP, ENV(rip)), X_RAX);
    e_mov_imm(e, X_RAX, 0);
    e_jmp(e, j->t_exit);
}

static void take_ra(struct emit *e)
{
    e_ins(e, 0x8f, 4, 0, rm_mem(X_RSP, ENV(jit_ra))); /* pop: RSP is the cpu again */
}

static void return_to_ra(struct emit *e)
{
    e_ins(e, 0xff, 4, 6, rm_mem(X_RSP, ENV(jit_ra))); /* push */
    e_mov_rm_imm(e, 8, rm_mem(X_RSP, ENV(jit_ra) + 8), 0);
    e8(e, 0xc3);
}

/* All guest state to struct cpu, then the function in rax with (cpu, X_ADDR, X_ENT) on its own
 * stack; struct cpu is in rbx after it. */
static void call_with_state(struct jit *j, struct emit *e)
{
    take_ra(e);
    gprs(e, X_RSP, ENV(gpr), true);
    vectors(j, e, true);
    mxcsr(e, true, X_RSP, ENV(mxcsr));
    mxcsr(e, false, X_RSP, ENV(host_mxcsr));
    e_mov_rr(e, 8, X_RBX, X_RSP);
    e_mov_rr(e, 8, X_RDI, X_RSP);
    e_mov_rr(e, 8, X_RSI, X_ADDR);
    e_mov_rr(e, 8, X_RDX, X_ENT);
    e_mov_r_rm(e, 8, X_RSP, rm_mem(X_RBX, ENV(jit_sp)));
    e_ins(e, 0xff, 4, 2, rm_reg(X_RAX)); /* call rax */
}

/* The reverse, rax excepted. */
static void load_state(struct jit *j, struct emit *e)
{
    e_mov_rr(e, 8, X_RSP, X_RBX);
    mxcsr(e, false, X_RSP, ENV(mxcsr));
    vectors(j, e, false);
    gprs(e, X_RSP, ENV(gpr), false);
}

/* Calls the C function in rax with (cpu, X_ADDR, X_ENT) and reloads everything;
 * X_ADDR and X_ENT are kept, rax is the result. */
static void emit_sync(struct jit *j, struct emit *e)
{
    j->t_sync = e->p;
    call_with_state(j, e);
    load_state(j, e);
    return_to_ra(e);
}

/* The last instruction of a block, in C: calls the function in rax with (cpu, X_ADDR),
 * then goes on in the block that x64_helper_next finds, without the run loop. */
static void emit_callexit(struct jit *j, struct emit *e)
{
    uint8_t *none;

    j->t_callexit = e->p;
    call_with_state(j, e);
    e_mov_rm_imm(e, 8, rm_mem(X_RBX, ENV(jit_ra)), 0);
    e_mov_rr(e, 8, X_RDI, X_RBX);
    e_mov_imm(e, X_RAX, (uint64_t)(uintptr_t)x64_helper_next);
    e_ins(e, 0xff, 4, 2, rm_reg(X_RAX));
    e_test_rm_r(e, 8, rm_reg(X_RAX), X_RAX);
    none = e_jcc_fwd(e, CC_Z);
    load_state(j, e);
    e_ins(e, 0xff, 4, 4, rm_reg(X_RAX)); /* jmp rax */
    e_patch_here(e, none);               /* rax = 0: no link was taken */
    emit_return(e);
}

/* Calls the function in rax with (cpu, X_ADDR): one that leaves vector registers, MXCSR and x87
 * alone, does not raise, and needs little stack, that below struct cpu. NZ: it returned true. */
static void call_fast(struct emit *e)
{
    const int32_t cpu = 16; /* from RSP: padding and the return address of the thunk */

    e_lea(e, 8, X_RSP, rm_mem(X_RSP, 8 - cpu));
    gprs(e, X_RSP, cpu + ENV(gpr), true);
    e_lea(e, 8, X_RDI, rm_mem(X_RSP, cpu));
    e_mov_rr(e, 8, X_RSI, X_ADDR);
    e_ins(e, 0xff, 4, 2, rm_reg(X_RAX)); /* call rax */
    e_test_rm_r(e, 1, rm_reg(X_RAX), X_RAX);
}

static void reload_after_fast(struct emit *e)
{
    gprs(e, X_RSP, 16 + ENV(gpr), false);
    e_lea(e, 8, X_RSP, rm_mem(X_RSP, 8));
}

static void emit_fast(struct jit *j, struct emit *e)
{
    j->t_fast = e->p;
    call_fast(e);
    reload_after_fast(e);
    e8(e, 0xc3);
}

/* The last instruction of a block likewise: true goes on at next_rip, false returns. */
static void emit_fastexit(struct jit *j, struct emit *e)
{
    uint8_t *undone, *none;

    j->t_fastexit = e->p;
    call_fast(e);
    undone = e_jcc_fwd(e, CC_Z);
    e_lea(e, 8, X_RDI, rm_mem(X_RSP, 16));
    e_mov_imm(e, X_RAX, (uint64_t)(uintptr_t)x64_helper_next);
    e_ins(e, 0xff, 4, 2, rm_reg(X_RAX)); /* call rax */
    e_test_rm_r(e, 8, rm_reg(X_RAX), X_RAX);
    reload_after_fast(e);
    e_lea(e, 8, X_RSP, rm_mem(X_RSP, 8));
    none = e_jcc_fwd(e, CC_Z);
    e_ins(e, 0xff, 4, 4, rm_reg(X_RAX)); /* jmp rax */
    e_patch_here(e, none);               /* rax = 0: no link was taken */
    e_jmp(e, j->t_exit);
    e_patch_here(e, undone);
    reload_after_fast(e);
    e8(e, 0xc3);
}

static uint8_t *emit_sync_of(struct jit *j, struct emit *e, uint64_t fn)
{
    uint8_t *at = e->p;

    e_mov_imm(e, X_RAX, fn);
    e_jmp(e, j->t_sync);
    return at;
}

/* Second half of a slow read-modify-write: stores the bounce buffer. The
 * operation may already have changed registers, but the store may still restart the
 * instruction (a write to translated code), so struct cpu keeps the values from before and
 * the new ones wait on the host stack. Keeps rax and EFLAGS. */
static void emit_commit(struct jit *j, struct emit *e)
{
    const int32_t shadow = -128;

    j->t_commit = e->p;
    take_ra(e);
    e_mov_rm_r(e, 8, rm_mem(X_RSP, ENV_SCR(SCR_RAX)), X_RAX);
    e8(e, 0x9f);                                        /* lahf */
    e_ins(e, OPC(1, 0x90 | CC_O), 1, 0, rm_reg(X_RAX)); /* seto al */
    e_mov_rm_r(e, 2, rm_mem(X_RSP, ENV_SCR(SCR_FLAGS)), X_RAX);
    e_mov_r_rm(e, 8, X_RAX, rm_mem(X_RSP, ENV(jit_sp)));
    gprs(e, X_RAX, shadow, true);
    e_mov_rr(e, 8, X_RBX, X_RSP);
    mxcsr(e, true, X_RSP, ENV(mxcsr));
    mxcsr(e, false, X_RSP, ENV(host_mxcsr));
    e_mov_rr(e, 8, X_RDI, X_RSP);
    e_mov_rr(e, 8, X_RSI, X_ADDR);
    e_mov_rr(e, 8, X_RDX, X_ENT);
    e_lea(e, 8, X_RSP, rm_mem(X_RAX, shadow));
    e_mov_imm(e, X_RAX, (uint64_t)(uintptr_t)x64_helper_store);
    e_ins(e, 0xff, 4, 2, rm_reg(X_RAX)); /* call rax */
    e_mov_rr(e, 8, X_RSP, X_RBX);
    e_mov_r_rm(e, 8, X_RAX, rm_mem(X_RSP, ENV(jit_sp)));
    mxcsr(e, false, X_RSP, ENV(mxcsr));
    vectors(j, e, false);
    gprs(e, X_RAX, shadow, false);
    e_movzx(e, 2, X_RAX, rm_mem(X_RSP, ENV_SCR(SCR_FLAGS)));
    e_alu_imm(e, 0, 1, rm_reg(X_RAX), 0x7f);
    e8(e, 0x9e); /* sahf */
    e_mov_r_rm(e, 8, X_RAX, rm_mem(X_RSP, ENV_SCR(SCR_RAX)));
    return_to_ra(e);
}

void x64_thunks_emit(struct jit *j)
{
    struct emit e = {.p = j->pos, .end = j->rw + j->size, .rx = j->rx - j->rw};

    j->k_pagemask = e.p;
    e64(&e, 0x0000fffffffff000ull);
    emit_enter(j, &e);
    emit_nowhere(j, &e);
    emit_sync(j, &e);
    emit_callexit(j, &e);
    emit_fast(j, &e);
    emit_fastexit(j, &e);
    emit_commit(j, &e);
    j->t_load = emit_sync_of(j, &e, (uint64_t)(uintptr_t)x64_helper_load);
    j->t_store = emit_sync_of(j, &e, (uint64_t)(uintptr_t)x64_helper_store);
    j->t_rmw = emit_sync_of(j, &e, (uint64_t)(uintptr_t)x64_helper_rmw);
    j->t_probe = emit_sync_of(j, &e, (uint64_t)(uintptr_t)x64_helper_probe);
    j->t_raise = emit_sync_of(j, &e, (uint64_t)(uintptr_t)x64_helper_raise);
    jit_forget_returns(j->cpu);
    j->first = j->pos = j->rw + ((e.p - j->rw + 63) & ~63);
}
