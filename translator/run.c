/* SPDX-License-Identifier: MIT
 * The run loop. Between blocks all guest state is in *cpu; an exception or a
 * restart arrives here by longjmp with the state of the instruction's start. */
#include "translator/run.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/x87.h"
#include "softmmu/log.h"
#include "translator/cache.h"
#include "translator/ir_exec.h"
#include "translator/trace.h"

#define BLOCK_BYTES_MAX (256u << 20)
#define JIT_THRESHOLD 1 /* runs under ir_exec before a block is compiled */

enum { JMP_EXCEPTION = 1, JMP_RESTART = 2 };

enum inside { OUTSIDE, IN_IR, IN_JIT };

struct run {
    struct cpu *cpu;
    struct run_opts opts;
    struct cache cache;
    struct jit *jit;
    struct ir_block ir;    /* translation buffer */
    enum inside inside;    /* what is running: decides how state is made exact */
    bool no_restart;       /* a code write comes from a device */
    bool restart;          /* run the next instruction alone, from fresh bytes */
    uint32_t as_id, hi_id; /* cpu->jc and jc_hi belong to them */
    struct block_link *last;
    bool (*exc_hook)(void *opaque, const struct exc *x);
    void *exc_opaque;
    void (*event_hook)(void *opaque);
    void *event_opaque;
    void (*code_hook)(void *opaque, const void *code, size_t n, gva pc);
    void *code_opaque;
    struct run_stats stats;
};

static struct run *run_of(struct cpu *cpu)
{
    return cpu->run;
}

/* ---- hooks from the mmu ---- */

static void code_write(void *opaque, gpa pa, uint64_t size)
{
    struct run *r = run_of(opaque);

    if (!cache_write(&r->cache, pa, size))
        return;
    if (r->inside == OUTSIDE || r->no_restart)
        return;
    /* The running block may be among the dropped: run this instruction again, alone. */
    r->restart = true;
    siglongjmp(r->cpu->jmp, JMP_RESTART);
}

static void unmapped(void *opaque, uint32_t as_id, gva va, uint64_t len)
{
    cache_unmapped(&run_of(opaque)->cache, as_id, va, len);
    jit_forget_returns(opaque);
}

void run_dma_write(struct cpu *cpu, gpa pa, uint64_t size)
{
    struct run *r = run_of(cpu);

    r->no_restart = true;
    mmu_dma_write(&cpu->mmu, pa, size);
    r->no_restart = false;
}

/* ---- fetching and translating ---- */

static bool in_long_code(const struct cpu *cpu)
{
    return (cpu->mode & CM_SIZE) == CM_64;
}

/* Linear address of rip with the checks of an instruction fetch. */
static gva fetch_linear(struct cpu *cpu)
{
    if (in_long_code(cpu)) {
        if (!cpu_canonical(cpu->rip))
            cpu_raise_err(cpu, EXC_GP, 0);
        return cpu->rip;
    }
    if (cpu->rip > cpu->seg[SEG_CS].limit)
        cpu_raise_err(cpu, EXC_GP, 0);
    return (uint32_t)(cpu->seg[SEG_CS].base + cpu->rip);
}

static gpa fetch_page(struct cpu *cpu, gva va, const uint8_t **host)
{
    struct mmu_fault f;
    gpa pa;

    if (!mmu_fetch_page(&cpu->mmu, va, cpu->cpl == 3 ? MMU_USER : MMU_SUPER, &pa, host, &f))
        cpu_raise_pf(cpu, &f);
    return pa;
}

/* Bytes from va to the end of its page, at most n, wherever they live. */
static size_t copy_bytes(struct cpu *cpu, gva va, uint8_t *buf, size_t n, gpa *pa)
{
    size_t left = GUEST_PAGE_SIZE - (va & GUEST_PAGE_MASK);
    const uint8_t *host;
    gpa page = fetch_page(cpu, va, &host);

    if (n > left)
        n = left;
    *pa = page | (va & GUEST_PAGE_MASK);
    for (size_t i = 0; i < n; i++)
        buf[i] = host ? host[(va & GUEST_PAGE_MASK) + i]
                      : (uint8_t)cpu->mmu.io_read(cpu->mmu.opaque, *pa + i, 1);
    return n;
}

/* One instruction that crosses the page or lies in I/O space. */
static struct block *translate_split(struct run *r, gva va, bool *cacheable)
{
    struct cpu *cpu = r->cpu;
    uint8_t buf[2 * INSN_MAX_LEN];
    gpa pa, pa2 = 0;
    size_t n = copy_bytes(cpu, va, buf, INSN_MAX_LEN, &pa), n2 = 0;
    uint64_t left = in_long_code(cpu) ? INSN_MAX_LEN : cpu->seg[SEG_CS].limit - cpu->rip + 1ull;
    struct block *b;

    if (n > left)
        n = left;
    if (lower_block(&r->ir, cpu, cpu->rip, buf, n, 1) < 0) {
        gva va2 = (va | GUEST_PAGE_MASK) + 1;

        if (!in_long_code(cpu))
            va2 = (uint32_t)va2;
        if (n == left)
            cpu_raise_err(cpu, EXC_GP, 0); /* the limit cuts it */
        n2 = copy_bytes(cpu, va2, buf + n, left - n < INSN_MAX_LEN ? left - n : INSN_MAX_LEN, &pa2);
        if (lower_block(&r->ir, cpu, cpu->rip, buf, n + n2, 1) < 0)
            cpu_raise_err(cpu, EXC_GP, 0);
    }
    opt_flags(&r->ir, FL_ARITH);
    opt_dead(&r->ir);
    b = block_create(&r->ir, pa);
    if (!b)
        abort();
    b->crosses = b->bytes > n;
    b->pa2 = pa2;
    *cacheable = *cacheable && b->crosses && cache_covers(&r->cache, pa) &&
                 cache_covers(&r->cache, pa2);
    return b;
}

static void log_block(const struct run *r, const uint8_t *code)
{
    if (log_on(LOG_IN_ASM) && code)
        trace_in_asm(r->ir.cs_base + r->ir.rip, code, r->ir.bytes, r->ir.mode);
    if (log_on(LOG_OP))
        trace_ir(&r->ir);
}

/* Translates at the current rip. Blocks that the cache does not keep belong to
 * the caller (*cacheable is false then). */
static struct block *translate(struct run *r, gva va, gpa pa, const uint8_t *host,
                               unsigned max_insns, bool *cacheable)
{
    struct cpu *cpu = r->cpu;
    unsigned off = va & GUEST_PAGE_MASK;
    size_t n = GUEST_PAGE_SIZE - off;
    struct block *b;

    if (!in_long_code(cpu) && cpu->seg[SEG_CS].limit - cpu->rip < n - 1)
        n = cpu->seg[SEG_CS].limit - cpu->rip + 1;
    if (!host || lower_block(&r->ir, cpu, cpu->rip, host + off, n, max_insns) < 0) {
        b = translate_split(r, va, cacheable);
    } else {
        opt_flags(&r->ir, FL_ARITH);
        opt_dead(&r->ir);
        b = block_create(&r->ir, pa | off);
        if (!b)
            abort();
        *cacheable = *cacheable && cache_covers(&r->cache, pa);
    }
    log_block(r, host ? host + off : NULL);
    r->stats.blocks++;
    r->stats.insns_translated += b->ninsn;
    return b;
}

/* Whose look-up caches linear address va is in. */
static uint32_t id_of(const struct run *r, gva va)
{
    return (int64_t)va < 0 ? r->hi_id : r->as_id;
}

/* The block at the current state; *cacheable tells whether the cache owns it. */
static struct block *find_block(struct run *r, bool one, bool *cacheable)
{
    struct cpu *cpu = r->cpu;
    gva va = fetch_linear(cpu);
    uint16_t mode = cpu->mode | (one ? CM_ONE : 0);
    uint64_t cs_base = in_long_code(cpu) ? 0 : cpu->seg[SEG_CS].base;
    uint64_t key = r->restart ? 0 : jc_key(cpu->rip, cs_base, mode);
    const uint8_t *host;
    struct block *b;
    gpa pa;

    *cacheable = true;
    if ((b = cache_lookup_pc(&r->cache, id_of(r, va), va, key)))
        return b;
    r->stats.lookups++;
    pa = fetch_page(cpu, va, &host);
    b = cache_find(&r->cache, pa | (va & GUEST_PAGE_MASK), cpu->rip, cs_base, mode);
    if (b && b->crosses) {
        const uint8_t *host2;

        if (fetch_page(cpu, (va | GUEST_PAGE_MASK) + 1, &host2) != b->pa2)
            b = NULL;
    }
    if (!b) {
        if (r->cache.bytes > BLOCK_BYTES_MAX)
            run_flush(cpu);
        *cacheable = !r->restart;
        b = translate(r, va, pa, host, one ? 1 : IR_MAX_INSNS, cacheable);
        b->mode = mode;
        if (!*cacheable)
            return b;
        cache_add(&r->cache, b);
    }
    if (!r->restart)
        cache_insert_pc(&r->cache, id_of(r, va), b);
    return b;
}

/* ---- running ---- */

/* Logs of every block want every block to pass through the run loop. */
static bool may_compile(const struct run *r, const struct block *b)
{
    return r->jit && !log_on(LOG_EXEC | LOG_CPU) && !(b->mode & CM_ONE) && jit_mode_ok(b->mode);
}

static void compiled(struct run *r, struct block *b)
{
    cache_compiled(&r->cache, b);
    r->stats.compiled++;
    if (r->code_hook)
        r->code_hook(r->code_opaque, b->code, b->code_size, block_linear(b));
}

static void compile(struct run *r, struct block *b)
{
    enum jit_result res = jit_compile(r->jit, b);

    if (res == JIT_FULL) {
        /* b stays out of the flush: it is the only one that still has to be run */
        run_flush(r->cpu);
        return;
    }
    if (res == JIT_UNSUPPORTED)
        b->exec_count = UINT32_MAX; /* never again */
    else
        compiled(r, b);
}

static void log_state(const struct run *r, const struct block *b)
{
    if (log_on(LOG_EXEC))
        log_printf("exec: %016llx mode %04x, %u instructions\n",
                   (unsigned long long)block_linear(b), b->mode, b->ninsn);
    if (log_on(LOG_CPU))
        trace_cpu(r->cpu);
}

static void run_ir(struct run *r, struct block *b)
{
    if (log_on(LOG_EXEC | LOG_CPU))
        log_state(r, b);
    r->inside = IN_IR;
    r->stats.ir_execs++;
    ir_exec(r->cpu, b->ops);
    r->inside = OUTSIDE;
}

static void run_jit(struct run *r, struct block *b)
{
    if (r->last && !r->last->to && !r->last->from->dead && r->last->same_page &&
        r->last->target_rip == b->rip && !b->crosses && r->last->from->mode == b->mode &&
        r->last->from->cs_base == b->cs_base) {
        jit_chain(r->jit, r->last, b);
        r->stats.chains++;
    }
    r->inside = IN_JIT;
    r->stats.jit_enters++;
    r->last = NULL;
    jit_enter(r->jit, r->cpu, b, &r->last);
    r->inside = OUTSIDE;
    if (r->last)
        r->stats.exit_direct++;
    else if (__atomic_load_n(&r->cpu->kick, __ATOMIC_RELAXED))
        r->stats.exit_kick++;
    else
        r->stats.exit_indirect++;
}

static void run_block(struct run *r, struct block *b)
{
    if (!b->code && may_compile(r, b) && b->exec_count != UINT32_MAX) {
        if (b->exec_count++ >= JIT_THRESHOLD) {
            compile(r, b);
            if (b->dead) /* the code cache was full and everything went */
                return;
            if (b->code)
                cache_insert_pc(&r->cache, id_of(r, block_linear(b)), b);
        }
    }
    if (b->code) {
        run_jit(r, b);
    } else {
        r->last = NULL;
        run_ir(r, b);
    }
}

/* One instruction by itself: under an interrupt shadow, a trap, a restart, or
 * at the end of an instruction budget. */
static void run_one(struct run *r)
{
    struct cpu *cpu = r->cpu;
    bool cacheable, tf = cpu->eflags & FL_TF;
    struct block *b = find_block(r, true, &cacheable);
    enum insn_id id = b->nops > 1 && b->ops[1].op == IR_CALL ? b->ops[1].ext->id : I_NONE;

    r->restart = false;
    cpu->shadow = 0;
    if (!cacheable) { /* freed with the dead ones, also when it leaves by longjmp */
        b->hash_next = r->cache.dead;
        r->cache.dead = b;
    }
    r->last = NULL;
    run_ir(r, b);
    if (tf || (cpu->mode & CM_STEP) || (cpu->eflags & FL_RF))
        cpu_step_done(cpu, tf, id);
}

/* ---- between blocks ---- */

static void sync_as(struct run *r)
{
    struct cpu *cpu = r->cpu;

    r->as_id = cpu->mmu.as_id;
    r->hi_id = cpu->mmu.hi_id;
    /* generated code may have gone to another one by itself */
    if (LIKELY(cpu->jc && cpu->jc_as == r->as_id && cpu->jc_hi_as == r->hi_id))
        return;
    cpu->jc_as = r->as_id;
    cpu->jc_hi_as = r->hi_id;
    cpu->jc = cache_code_jc(&r->cache, r->as_id);
    cpu->jc_hi = cache_code_jc(&r->cache, r->hi_id);
    cpu->jc_of = r->cache.code;
    jit_forget_returns(r->cpu);
}

/* Delivers an NMI or external interrupt when one may be taken. */
static void take_interrupt(struct run *r)
{
    struct cpu *cpu = r->cpu;
    int vector;

    if (cpu->shadow)
        return;
    if (UNLIKELY(__atomic_load_n(&cpu->nmi_line, __ATOMIC_ACQUIRE)) && !cpu->nmi_blocked) {
        __atomic_store_n(&cpu->nmi_line, 0, __ATOMIC_RELEASE);
        cpu->halted = false;
        r->stats.interrupts++;
        exc_nmi(cpu);
        return;
    }
    if (!__atomic_load_n(&cpu->intr_line, __ATOMIC_ACQUIRE) || !(cpu->eflags & FL_IF))
        return;
    vector = cpu->hooks.ack_intr(cpu->hooks.opaque);
    if (vector < 0)
        return;
    cpu->halted = false;
    r->stats.interrupts++;
    exc_interrupt(cpu, (uint8_t)vector);
}

/* false: leave run_cpu with *why */
static bool between_blocks(struct run *r, enum run_exit *why)
{
    struct cpu *cpu = r->cpu;
    uint32_t k = __atomic_exchange_n(&cpu->kick, 0, __ATOMIC_SEQ_CST);

    if (UNLIKELY(k & KICK_EVENT) && r->event_hook) {
        x87_sync(cpu);
        r->event_hook(r->event_opaque);
    }
    if (UNLIKELY(k & KICK_EXIT)) {
        *why = RUN_KICKED;
        return false;
    }
    if (UNLIKELY(cpu->shutdown)) {
        *why = RUN_SHUTDOWN;
        return false;
    }
    if (UNLIKELY(cpu->halted))
        cpu->shadow = 0; /* HLT was the instruction that it covered */
    take_interrupt(r);
    if (UNLIKELY(cpu->halted)) {
        *why = RUN_HALTED;
        return false;
    }
    if (UNLIKELY(r->opts.counting && cpu->budget <= 0)) {
        *why = RUN_BUDGET;
        return false;
    }
    return true;
}

static void step(struct run *r)
{
    struct cpu *cpu = r->cpu;
    uint64_t before = cpu->icount;
    bool cacheable;
    struct block *b;

    sync_as(r);
    if (UNLIKELY(r->restart || cpu->shadow || (cpu->mode & CM_STEP))) {
        if ((cpu->mode & CM_STEP) && !(cpu->eflags & FL_RF) && cpu_insn_breakpoint(cpu))
            cpu_raise_db(cpu, 0);
        run_one(r);
    } else {
        b = find_block(r, false, &cacheable);
        if (!cacheable) {
            b->hash_next = r->cache.dead;
            r->cache.dead = b;
            run_ir(r, b);
        } else if (r->opts.counting && b->ninsn > cpu->budget) {
            run_one(r);
        } else if (b->code) {
            run_jit(r, b);
            before = cpu->icount; /* generated code keeps the budget itself */
        } else {
            run_block(r, b);
            if (b->code)
                before = cpu->icount;
        }
    }
    if (r->opts.counting)
        cpu->budget -= (int64_t)(cpu->icount - before);
}

/* Makes the state exact after a longjmp out of a block. */
static void leave_block(struct run *r)
{
    struct cpu *cpu = r->cpu;

    if (r->inside == IN_IR) {
        cpu->icount--;
    } else if (r->inside == IN_JIT) {
        r->stats.exit_fault++;
        jit_restore(r->jit, cpu);
    }
    cpu->jit_ra = 0;
    r->inside = OUTSIDE;
    r->last = NULL;
}

static enum run_exit run_loop(struct cpu *cpu)
{
    struct run *r = run_of(cpu);
    enum run_exit why;

    switch (sigsetjmp(cpu->jmp, 0)) {
    case JMP_EXCEPTION:
        leave_block(r);
        if (cpu->shutdown)
            break;
        r->stats.exceptions++;
        if (r->exc_hook)
            x87_sync(cpu);
        if (r->exc_hook && cpu->exc.pending && r->exc_hook(r->exc_opaque, &cpu->exc)) {
            cpu->exc.pending = false;
            cpu->exc.delivering = -1;
            return RUN_STOPPED;
        }
        if (cpu->exc.pending)
            exc_deliver(cpu);
        break;
    case JMP_RESTART:
        leave_block(r);
        break;
    default:
        break;
    }
    for (;;) {
        if (r->cache.dead)
            cache_reap(&r->cache);
        if (!between_blocks(r, &why))
            return why;
        step(r);
    }
}

enum run_exit run_cpu(struct cpu *cpu)
{
    enum run_exit why;

    cpu_update_upper(cpu); /* a debugger or a snapshot may have changed registers */
    why = run_loop(cpu);
    x87_sync(cpu);
    return why;
}

/* ---- life ---- */

bool run_attach(struct cpu *cpu, const struct run_opts *opts, struct err *e)
{
    struct jit_opts jo = {.counting = opts->counting,
                          .code_bytes = opts->code_bytes,
                          .host_off = jit_host_above(opts->host_level)};
    struct run *r = calloc(1, sizeof(*r));
    gpa top = cpu->ram_top;

    if (!r)
        return err_set(e, "out of memory");
    r->cpu = cpu;
    r->opts = *opts;
    r->as_id = UINT32_MAX;
    if (opts->jit && !(r->jit = jit_create(cpu, &jo, e))) {
        free(r);
        return false;
    }
    if (!cache_init(&r->cache, &cpu->mmu, r->jit, top, e)) {
        jit_destroy(r->jit);
        free(r);
        return false;
    }
    cpu->run = r;
    cpu->mmu.opaque = cpu;
    cpu->mmu.trace = log_on(LOG_MMU) ? trace_walk : NULL;
    cpu->mmu.code_write = code_write;
    cpu->mmu.unmapped = unmapped;
    return true;
}

void run_detach(struct cpu *cpu)
{
    struct run *r = run_of(cpu);

    if (!r)
        return;
    cache_finish(&r->cache);
    jit_destroy(r->jit);
    cpu->mmu.code_write = NULL;
    cpu->mmu.unmapped = NULL;
    cpu->jc = cpu->jc_hi = NULL;
    cpu->jc_of = NULL;
    cpu->run = NULL;
    free(r);
}

void run_flush(struct cpu *cpu)
{
    struct run *r = run_of(cpu);

    cache_flush(&r->cache);
    if (r->jit)
        jit_flush(r->jit);
    r->last = NULL;
    r->stats.flushes++;
}

void run_set_exception_hook(struct cpu *cpu, bool (*fn)(void *opaque, const struct exc *x),
                            void *opaque)
{
    run_of(cpu)->exc_hook = fn;
    run_of(cpu)->exc_opaque = opaque;
}

void run_set_event_hook(struct cpu *cpu, void (*fn)(void *opaque), void *opaque)
{
    run_of(cpu)->event_hook = fn;
    run_of(cpu)->event_opaque = opaque;
}

void run_set_code_hook(struct cpu *cpu,
                       void (*fn)(void *opaque, const void *code, size_t n, gva pc),
                       void *opaque)
{
    run_of(cpu)->code_hook = fn;
    run_of(cpu)->code_opaque = opaque;
}

const struct run_stats *run_stats(const struct cpu *cpu)
{
    struct run *r = cpu->run;

    r->stats.invalidations = r->cache.invalidations;
    if (r->jit)
        jit_get_stats(r->jit, &r->stats.jit);
    return &r->stats;
}
