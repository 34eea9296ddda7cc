/* SPDX-License-Identifier: MIT
 * Decimal adjustment, PUSHA, POPA, ENTER, CMPXCHG8B/16B and CRC32: against the
 * SDM's text written down a second time, and on an x86-64 host against the
 * CPU itself, 32-bit code by a far call into a compatibility-mode segment. */
#include <glib.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "cpu/sys_fns.h"
#include "tests/cpu/x87_fake.h"

static struct cpu cpu;

/* --- the host in compatibility mode --- */

struct regs32 {
    uint32_t ax, bp, sp, flags, save;
    uint32_t far_off, far_sel, pad;
    uint64_t save64;
};

#ifdef __x86_64__
#define LOW_STACK 0x3000
static uint8_t
    *low; /* 64-bit entry at 0, 32-bit code at 200h, regs at 800h, stack below 3000h */

static uint8_t *emit(uint8_t *p, const char *bytes, unsigned n, const void *addr)
{
    uint32_t a = (uint32_t)(uintptr_t)addr;

    memcpy(p, bytes, n);
    p += n;
    if (addr) {
        memcpy(p, &a, 4);
        p += 4;
    }
    return p;
}

static struct regs32 *low_regs(void)
{
    return (struct regs32 *)(low + 0x800);
}

static void native_prepare(const uint8_t *op, unsigned n)
{
    struct regs32 *r = low_regs();
    uint8_t *p = low;

    g_assert_nonnull(p);
    p = emit(p, "\x53\x55", 2, NULL);               /* push rbx; push rbp */
    p = emit(p, "\x48\x89\x24\x25", 4, &r->save64); /* mov [save64], rsp */
    p = emit(p, "\xbc", 1, low + LOW_STACK);        /* mov esp, ... */
    p = emit(p, "\xff\x1c\x25", 3, &r->far_off);    /* call far [far_off] */
    p = emit(p, "\x48\x8b\x24\x25", 4, &r->save64);
    emit(p, "\x5d\x5b\xc3", 3, NULL);
    r->far_off = (uint32_t)(uintptr_t)(low + 0x200);
    r->far_sel = 0x23;
    p = low + 0x200;
    p = emit(p, "\xb8\x2b\0\0\0\x8e\xd8\x8e\xc0", 9, NULL); /* ds, es */
    p = emit(p, "\x89\x25", 2, &r->save);
    p = emit(p, "\xff\x35", 2, &r->flags);
    p = emit(p, "\x9d\xa1", 2, &r->ax);
    p = emit(p, "\x8b\x2d", 2, &r->bp);
    p = emit(p, "\x8b\x25", 2, &r->sp);
    memcpy(p, op, n);
    p = emit(p + n, "\x89\x25", 2, &r->sp);
    p = emit(p, "\x89\x2d", 2, &r->bp);
    p = emit(p, "\xa3", 1, &r->ax);
    p = emit(p, "\x8b\x25", 2, &r->save);
    p = emit(p, "\x9c\x8f\x05", 3, &r->flags);
    emit(p, "\xcb", 1, NULL);
}

static sigjmp_buf no_compat;

static void on_signal(int sig)
{
    siglongjmp(no_compat, 1);
}

/* False when the host cannot run 32-bit code. */
static bool native_open(void)
{
    struct sigaction sa = {.sa_handler = on_signal}, old_segv, old_ill;
    bool ok;

    low = mmap(NULL, 0x4000, PROT_READ | PROT_WRITE | PROT_EXEC,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (low == MAP_FAILED)
        return false;
    native_prepare((const uint8_t *)"\x90", 1);
    sigaction(SIGSEGV, &sa, &old_segv);
    sigaction(SIGILL, &sa, &old_ill);
    ok = sigsetjmp(no_compat, 1) == 0;
    if (ok) {
        low_regs()->sp = (uint32_t)(uintptr_t)(low + 0x2000);
        low_regs()->flags = 0x202;
        ((void (*)(void))low)();
    }
    sigaction(SIGSEGV, &old_segv, NULL);
    sigaction(SIGILL, &old_ill, NULL);
    return ok;
}

static void native_run(void)
{
    ((void (*)(void))low)();
}
#endif

/* --- decimal adjustment --- */

struct bcd {
    uint16_t ax;
    uint32_t fl;
};

/* The SDM's operations, carry by carry; returns flags that are defined. */
static uint32_t sdm_bcd(unsigned op, struct bcd *b)
{
    unsigned al = b->ax & 0xff, ah = b->ax >> 8, old_al = al;
    bool cf = b->fl & FL_CF, af = b->fl & FL_AF, old_cf = cf, low_digit = (al & 15) > 9 || af;
    bool sub = op == 0x2f || op == 0x3f;

    if (op == 0x27 || op == 0x2f) {
        cf = false;
        if (low_digit) {
            unsigned t = sub ? al - 6 : al + 6;

            cf = old_cf || t > 0xff;
            al = t & 0xff;
        }
        af = low_digit;
        if (old_al > 0x99 || old_cf) {
            al = (sub ? al - 0x60 : al + 0x60) & 0xff;
            cf = true;
        } else if (!sub) {
            cf = false;
        }
    } else {
        unsigned ax = b->ax;

        if (low_digit && sub)
            ax = ((ax - 6) & 0xffff) - 0x100;
        else if (low_digit)
            ax += 0x106;
        al = ax & 15;
        ah = ax >> 8 & 0xff;
        af = cf = low_digit;
    }
    b->ax = (uint16_t)(ah << 8 | al);
    b->fl = (cf ? FL_CF : 0) | (af ? FL_AF : 0) | (al ? 0 : FL_ZF) | (al & 0x80 ? FL_SF : 0) |
            (__builtin_parity(al) ? 0 : FL_PF);
    return op < 0x30 ? FL_ARITH & ~FL_OF : FL_CF | FL_AF;
}

static void test_bcd(gconstpointer data)
{
    static sys_fn *const fns[4] = {sys_daa, sys_das, sys_aaa, sys_aas};
    unsigned op = GPOINTER_TO_UINT(data), i;
    sys_fn *fn = fns[(op - 0x27) / 8];
    bool native = false;

#ifdef __x86_64__
    uint8_t bytes[1] = {(uint8_t)op};

    native = native_open();
    if (native)
        native_prepare(bytes, 1);
#endif
    for (i = 0; i < 0x40000; i += native ? 3 : 1) {
        struct bcd b = {(uint16_t)i, (i >> 16 & 1 ? FL_CF : 0) | (i >> 17 & 1 ? FL_AF : 0)};
        uint32_t defined;

        fake_init(&cpu);
        cpu.gpr[R_AX] = 0x1234567800000000 | b.ax;
        cpu_set_aflags(&cpu, b.fl);
#ifdef __x86_64__
        if (native) {
            *low_regs() = (struct regs32){.ax = b.ax,
                                          .flags = 0x202 | b.fl,
                                          .sp = (uint32_t)(uintptr_t)(low + 0x2000),
                                          .far_off = low_regs()->far_off,
                                          .far_sel = 0x23};
            native_run();
        }
#endif
        fn(&cpu, NULL);
        defined = sdm_bcd(op, &b);
        g_assert_cmphex(cpu.gpr[R_AX], ==, 0x1234567800000000 | b.ax);
        g_assert_cmphex(cpu_get_aflags(&cpu) & defined, ==, b.fl & defined);
#ifdef __x86_64__
        if (native) {
            g_assert_cmphex((uint16_t)low_regs()->ax, ==, b.ax);
            g_assert_cmphex(low_regs()->flags & defined, ==, b.fl & defined);
        }
#endif
    }
    if (!native)
        g_test_message("no 32-bit code on this host: SDM text only");
}

static void test_aam_aad(void)
{
    struct insn in = {.nops = 1};
    unsigned ax, base;

    for (base = 0; base < 256; base += base < 12 ? 1 : 61) {
        in.op[0].imm = (int8_t)base;
        for (ax = 0; ax < 0x10000; ax += 7) {
            unsigned al = ax & 0xff, ah = ax >> 8;

            fake_init(&cpu);
            cpu.gpr[R_AX] = ax;
            g_assert_cmpint(fake_run(sys_aam, &cpu, &in), ==, base != 0);
            g_assert_cmphex(cpu.gpr[R_AX], ==, base ? al / base << 8 | al % base : ax);
            g_assert_cmpint(fake_vector, ==, base ? -1 : EXC_DE);
            cpu.gpr[R_AX] = ax;
            g_assert(fake_run(sys_aad, &cpu, &in));
            g_assert_cmphex(cpu.gpr[R_AX], ==, (al + ah * base) & 0xff);
            g_assert_cmpint(!!(cpu_get_aflags(&cpu) & FL_ZF), ==, cpu.gpr[R_AX] == 0);
        }
    }
}

/* --- stack --- */

static void set_mode(unsigned size_bits)
{
    fake_init(&cpu);
    if (size_bits != 64)
        cpu.mode = (uint16_t)((size_bits == 32 ? CM_32 | CM_SS32 : CM_16) | CM_PE);
}

static void test_pusha(void)
{
    struct insn in = {.opsize = 4};
    uint64_t was[8];
    unsigned i;

    set_mode(32);
    for (i = 0; i < 8; i++)
        cpu.gpr[i] = fake_random() & 0xffffffff;
    cpu.gpr[R_SP] = 0x1010;
    memcpy(was, cpu.gpr, sizeof(was));
    g_assert(fake_run(sys_pusha, &cpu, &in));
    g_assert_cmphex(cpu.gpr[R_SP], ==, 0xff0);
    for (i = 0; i < 8; i++)
        g_assert_cmphex(*(uint32_t *)(fake_mem + 0x1010 - 4 * (i + 1)), ==, was[i]);
    for (i = 0; i < 8; i++)
        cpu.gpr[i] = i == R_SP ? 0xff0 : 0;
    g_assert(fake_run(sys_popa, &cpu, &in));
    g_assert(memcmp(cpu.gpr, was, sizeof(was)) == 0);
    /* A fault in the second page touched leaves memory as it was. */
    fake_fault_va = 0;
    memset(fake_mem + 0x1000, 0xee, 16);
    g_assert(!fake_run(sys_pusha, &cpu, &in));
    g_assert_cmphex(fake_mem[0x100c], ==, 0xee);
    g_assert_cmphex(cpu.gpr[R_SP], ==, 0x1010);
}

static void test_pusha16(void)
{
    struct insn in = {.opsize = 2};

    set_mode(16);
    cpu.gpr[R_SP] = 0x55550100;
    cpu.gpr[R_DI] = 0x99990123;
    g_assert(fake_run(sys_pusha, &cpu, &in));
    g_assert_cmphex(cpu.gpr[R_SP], ==, 0x555500f0);
    g_assert_cmphex(*(uint16_t *)(fake_mem + 0xf0), ==, 0x123);
    g_assert_cmphex(*(uint16_t *)(fake_mem + 0xf6), ==, 0x100);
    cpu.gpr[R_DI] = 0x77770000;
    g_assert(fake_run(sys_popa, &cpu, &in));
    g_assert_cmphex(cpu.gpr[R_DI], ==, 0x77770123);
    g_assert_cmphex(cpu.gpr[R_SP], ==, 0x55550100);
}

static void put_stack(uint64_t at, unsigned size, uint64_t v)
{
    memcpy(fake_mem + at, &v, size);
}

/* ENTER by the SDM, stack wide enough not to wrap; frame pointers in 0x1000.. */
static void sdm_enter(uint8_t *mem, unsigned size, unsigned alloc, unsigned level, uint64_t *sp,
                      uint64_t *bp)
{
    uint64_t frame, b = *bp;
    unsigned i;

    *sp -= size;
    memcpy(mem + *sp, bp, size);
    frame = *sp;
    for (i = 1; i < level % 32; i++) {
        b -= size;
        *sp -= size;
        memcpy(mem + *sp, mem + b, size);
    }
    if (level % 32) {
        *sp -= size;
        memcpy(mem + *sp, &frame, size);
    }
    *bp = frame;
    *sp -= alloc;
}

static void test_enter(void)
{
    static const unsigned modes[][2] = {{64, 8}, {64, 2}, {32, 4}, {32, 2}, {16, 2}, {16, 4}};
    static uint8_t want[FAKE_MEM];
    unsigned m, i;

    for (m = 0; m < ARRAY_SIZE(modes); m++)
        for (i = 0; i < 400; i++) {
            unsigned size = modes[m][1], level = i % 40,
                     alloc = (unsigned)fake_random() & 0xfff;
            struct insn in = {.opsize = (uint8_t)size, .nops = 2};
            uint64_t sp = 0x3000 + (fake_random() & 0xffe),
                     bp = 0x5000 + (fake_random() & 0xff);
            unsigned k;

            set_mode(modes[m][0]);
            for (k = 0x2000; k < 0x6000; k += 8)
                put_stack(k, 8, fake_random());
            memcpy(want, fake_mem, FAKE_MEM);
            in.op[0].imm = (int64_t)alloc;
            in.op[1].imm = (int8_t)level;
            cpu.gpr[R_SP] = sp;
            cpu.gpr[R_BP] = bp;
            g_assert(fake_run(sys_enter, &cpu, &in));
            sdm_enter(want, size, alloc, level, &sp, &bp);
            g_assert_cmphex(cpu.gpr[R_SP], ==, sp);
            g_assert_cmphex(cpu.gpr[R_BP], ==, bp);
            g_assert(memcmp(want, fake_mem, FAKE_MEM) == 0);
        }
}

static void test_enter_fault(void)
{
    struct insn in = {.opsize = 8, .nops = 2};

    set_mode(64);
    in.op[0].imm = 0x1800; /* the frame's end lies in a page that faults */
    cpu.gpr[R_SP] = 0x3800;
    cpu.gpr[R_BP] = 0x4000;
    fake_fault_va = 0x1000;
    g_assert(!fake_run(sys_enter, &cpu, &in));
    g_assert_cmpint(fake_vector, ==, EXC_PF);
    g_assert_cmphex(cpu.gpr[R_SP], ==, 0x3800);
    g_assert_cmphex(cpu.gpr[R_BP], ==, 0x4000);
}

#ifdef __x86_64__
/* ENTER alloc, level in 32-bit code, both operand sizes, on the host. */
static void test_enter_native(void)
{
    unsigned i;

    if (!native_open()) {
        g_test_skip("no 32-bit code on this host");
        return;
    }
    for (i = 0; i < 80; i++) {
        uint8_t op[5] = {0x66, 0xc8, (uint8_t)(i * 3), 0, (uint8_t)(i / 2)};
        unsigned size = i & 1 ? 2 : 4;
        struct insn in = {.opsize = (uint8_t)size, .nops = 2};
        struct regs32 *r = low_regs();
        uint8_t *stack = low + 0x2000;

        set_mode(32);
        memset(stack, 0, 0x800);
        memset(fake_mem, 0, FAKE_MEM);
        native_prepare(op + (size == 4), 5 - (size == 4));
        r->ax = 0;
        r->flags = 0x202;
        r->sp = (uint32_t)(uintptr_t)(stack + 0x400);
        r->bp = (uint32_t)(uintptr_t)(stack + 0x600);
        in.op[0].imm = op[2];
        in.op[1].imm = op[4];
        cpu.seg[SEG_SS].base = (uint64_t)0 - (uintptr_t)low; /* same offsets as the host's */
        cpu.gpr[R_SP] = r->sp;
        cpu.gpr[R_BP] = r->bp;
        g_assert(fake_run(sys_enter, &cpu, &in));
        native_run();
        g_assert_cmphex(cpu.gpr[R_SP], ==, r->sp);
        g_assert_cmphex(cpu.gpr[R_BP], ==, r->bp);
        g_assert(memcmp(stack, fake_mem + 0x2000, 0x800) == 0);
    }
}
#endif

/* --- CMPXCHG8B, CMPXCHG16B, CRC32 --- */

static void test_cmpxchg(gconstpointer data)
{
    unsigned size = GPOINTER_TO_UINT(data), i;
    struct insn in = {.has_mem = true, .mem = {SEG_DS, R_SI, MEM_NOREG, 1, 8, 0}};
    sys_fn *fn = size == 8 ? sys_cmpxchg8b : sys_cmpxchg16b;
    uint64_t half = size == 8 ? 0xffffffff : ~0ull;

    for (i = 0; i < 100; i++) {
        uint64_t lo = fake_random() & half, hi = fake_random() & half;
        bool equal = i & 1;

        fake_init(&cpu);
        cpu.gpr[R_SI] = 0x100;
        put_stack(0x100, 8, lo);
        put_stack(0x100 + size / 2, size / 2, hi);
        cpu.gpr[R_AX] = equal ? lo : ~lo;
        cpu.gpr[R_DX] = i & 2 || equal ? hi : hi ^ 1;
        cpu.gpr[R_BX] = 0x1111111122222222;
        cpu.gpr[R_CX] = 0x3333333344444444;
        cpu_set_aflags(&cpu, FL_ARITH & (i & 4 ? ~0u : 0u));
        g_assert(fake_run(fn, &cpu, &in));
        g_assert_cmphex(cpu_get_aflags(&cpu), ==,
                        (FL_ARITH & ~FL_ZF & (i & 4 ? ~0u : 0u)) | (equal ? FL_ZF : 0));
        g_assert_cmphex(*(uint64_t *)(fake_mem + 0x100) & half, ==,
                        equal ? cpu.gpr[R_BX] & half : lo);
        g_assert(memcmp(fake_mem + 0x100 + size / 2, equal ? &cpu.gpr[R_CX] : &hi, size / 2) ==
                 0);
        if (!equal) {
            g_assert_cmphex(cpu.gpr[R_AX], ==, lo);
            g_assert_cmphex(cpu.gpr[R_DX], ==, hi);
        }
    }
    cpu.gpr[R_SI] = 0x108;
    g_assert_cmpint(fake_run(fn, &cpu, &in), ==, size == 8);
    g_assert_cmpint(fake_vector, ==, size == 8 ? -1 : EXC_GP);
}

static uint32_t crc_bitwise(uint32_t crc, uint64_t v, unsigned bits)
{
    unsigned i;

    for (i = 0; i < bits; i++, v >>= 1)
        crc = crc >> 1 ^ ((crc ^ (uint32_t)v) & 1 ? 0x82f63b78u : 0);
    return crc;
}

static void test_crc32(void)
{
    uint32_t crc = 0xffffffff;
    unsigned i;

    for (i = 0; i < 9; i++)
        crc = crc_bitwise(crc, (uint8_t) "123456789"[i], 8);
    g_assert_cmphex(~crc, ==, 0xe3069283); /* CRC-32C's check value */
    for (i = 0; i < 4000; i++) {
        unsigned size = 1u << i % 4;
        struct insn in = {.nops = 2};
        uint64_t v = fake_random(), old = fake_random();

        fake_init(&cpu);
        in.op[0] = (struct insn_operand){.kind = OPND_GPR, .size = 4, .reg = R_BX};
        in.op[1] = (struct insn_operand){.kind = OPND_GPR, .size = (uint8_t)size, .reg = R_CX};
        in.op[1].high8 = size == 1 && i & 4;
        cpu.gpr[R_BX] = old;
        cpu.gpr[R_CX] = v;
        g_assert(fake_run(sys_crc32, &cpu, &in));
        g_assert_cmphex(cpu.gpr[R_BX], ==,
                        crc_bitwise((uint32_t)old, in.op[1].high8 ? v >> 8 : v, size * 8));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/bcd/daa", GUINT_TO_POINTER(0x27), test_bcd);
    g_test_add_data_func("/bcd/das", GUINT_TO_POINTER(0x2f), test_bcd);
    g_test_add_data_func("/bcd/aaa", GUINT_TO_POINTER(0x37), test_bcd);
    g_test_add_data_func("/bcd/aas", GUINT_TO_POINTER(0x3f), test_bcd);
    g_test_add_func("/bcd/aam-aad", test_aam_aad);
    g_test_add_func("/misc/pusha32", test_pusha);
    g_test_add_func("/misc/pusha16", test_pusha16);
    g_test_add_func("/misc/enter", test_enter);
    g_test_add_func("/misc/enter-fault", test_enter_fault);
#ifdef __x86_64__
    g_test_add_func("/misc/enter-native", test_enter_native);
#endif
    g_test_add_data_func("/misc/cmpxchg8b", GUINT_TO_POINTER(8), test_cmpxchg);
    g_test_add_data_func("/misc/cmpxchg16b", GUINT_TO_POINTER(16), test_cmpxchg);
    g_test_add_func("/misc/crc32", test_crc32);
    return g_test_run();
}
