/* SPDX-License-Identifier: MIT
 * FXSAVE, XSAVE and the environment images: round trips, the host's FXRSTOR,
 * the pointer fields of each format, faults, and #MF. */
#include <glib.h>
#include <string.h>

#include "cpu/sys_fns.h"
#include "cpu/x87.h"
#include "tests/cpu/x87_fake.h"

static struct cpu cpu;
static struct insn at_1000 = {
    .has_mem = true, .opsize = 4, .mem = {SEG_DS, R_SI, MEM_NOREG, 1, 8, 0}};

static void setup(void)
{
    unsigned i;

    fake_init(&cpu);
    cpu.gpr[R_SI] = 0x1000;
    for (i = 0; i < 1024; i += 8)
        *(uint64_t *)(fake_mem + 0x1000 + i) = fake_random();
    *(uint32_t *)(fake_mem + 0x1018) &= 0xffff; /* MXCSR */
}

static void random_regs(void)
{
    unsigned i;

    for (i = 0; i < 16 * 32; i += 8)
        *(uint64_t *)((uint8_t *)cpu.v + i) = fake_random();
    for (i = 0; i < 8; i++) {
        cpu.x87.fpr[i].m = fake_random();
        cpu.x87.fpr[i].se = (uint16_t)fake_random();
    }
    cpu.x87.cw = 0x27f;
    cpu.x87.sw = (uint16_t)(fake_random() & 0x7f7f);
    cpu.x87.valid = (uint8_t)fake_random();
    cpu.x87.fop = 0x123;
    cpu.x87.fip = 0x123456789abc;
    cpu.x87.fdp = 0xffff8000deadbeef;
    cpu.mxcsr = 0x9fc0;
}

static bool exec(sys_fn *f, unsigned opsize)
{
    at_1000.opsize = (uint8_t)opsize;
    return fake_run(f, &cpu, &at_1000);
}

/* --- FXSAVE, FXRSTOR --- */

static void test_fxrstor_native(void)
{
    uint8_t image[512] __attribute__((aligned(16))), host[512] __attribute__((aligned(16)));
    uint8_t keep[512] __attribute__((aligned(16)));
    unsigned i;

    memset(host, 0, sizeof(host));
    for (i = 0; i < 2000; i++) {
        setup();
        memcpy(image, fake_mem + 0x1000, 512);
        __asm__ volatile("fxsave64 %0\n fxrstor64 %2\n fxsave64 %1\n fxrstor64 %0"
                         : "=m"(keep), "=m"(host)
                         : "m"(image)
                         : "memory");
        g_assert(exec(sys_fxrstor, 8));
        memset(fake_mem + 0x1000, 0, 512);
        g_assert(exec(sys_fxsave, 8));
        g_assert(memcmp(fake_mem + 0x1000, host, 5) == 0);             /* CW, SW, tags */
        g_assert(memcmp(fake_mem + 0x1008, image + 8, 16) == 0);       /* FIP, FDP */
        g_assert(memcmp(fake_mem + 0x1018, host + 24, 4) == 0);        /* MXCSR */
        g_assert(memcmp(fake_mem + 0x1020, host + 32, 416 - 32) == 0); /* ST, XMM */
    }
}

static void test_fxsave_edges(void)
{
    setup();
    random_regs();
    cpu.mode = CM_32 | CM_SS32 | CM_PE;
    memset(fake_mem + 0x1000, 0xee, 512);
    g_assert(exec(sys_fxsave, 4));
    g_assert_cmphex(*(uint64_t *)(fake_mem + 0x1008), ==, 0x56789abc); /* FIP, FCS = 0 */
    g_assert_cmphex(*(uint64_t *)(fake_mem + 0x1010), ==, 0xdeadbeef);
    g_assert_cmphex(*(uint32_t *)(fake_mem + 0x101c), ==, 0xffff);
    g_assert_cmphex(fake_mem[0x1000 + 160 + 8 * 16], ==, 0xee); /* XMM8 not stored */
    cpu.mxcsr = 0x1f80;
    *(uint32_t *)(fake_mem + 0x1018) = 0x10000;
    g_assert(!exec(sys_fxrstor, 4));
    g_assert_cmpint(fake_vector, ==, EXC_GP);
    g_assert_cmphex(cpu.mxcsr, ==, 0x1f80);
    cpu.gpr[R_SI] = 0x1008;
    g_assert(!exec(sys_fxsave, 4));
    g_assert_cmpint(fake_vector, ==, EXC_GP);
    cpu.cr0 |= CR0_TS;
    g_assert(!exec(sys_fxsave, 4));
    g_assert_cmpint(fake_vector, ==, EXC_NM);
}

/* --- XSAVE --- */

static void test_xsave_round(void)
{
    struct cpu was;
    unsigned i;

    setup();
    random_regs();
    cpu.x87.fcs = cpu.x87.fds = 0;
    x87_update_es(&cpu.x87);
    cpu.xcr0 = 7;
    cpu.gpr[R_AX] = cpu.gpr[R_DX] = 0xffffffff;
    memset(fake_mem + 0x1000 + 512, 0, 64);
    was = cpu;
    g_assert(exec(sys_xsave, 8));
    g_assert_cmphex(*(uint64_t *)(fake_mem + 0x1200), ==, 7);
    memset(cpu.v, 0, sizeof(cpu.v));
    memset(&cpu.x87, 0, sizeof(cpu.x87));
    cpu.mxcsr = 0x1f80;
    g_assert(exec(sys_xrstor, 8));
    g_assert_cmphex(cpu.mxcsr, ==, was.mxcsr);
    g_assert(memcmp(cpu.v, was.v, sizeof(was.v)) == 0);
    g_assert(memcmp(&cpu.x87, &was.x87, sizeof(was.x87)) == 0);
    /* Only SSE; its XSTATE_BV bit clear: initial state, the rest stays. */
    cpu.gpr[R_AX] = 2;
    *(uint64_t *)(fake_mem + 0x1200) = 5;
    g_assert(exec(sys_xrstor, 8));
    for (i = 0; i < 16; i++) {
        g_assert_cmphex(cpu.v[i].u64[0] | cpu.v[i].u64[1], ==, 0);
        g_assert_cmphex(cpu.v[i].u64[2], ==, was.v[i].u64[2]);
    }
    g_assert(memcmp(&cpu.x87, &was.x87, sizeof(was.x87)) == 0);
    /* XSAVEOPT leaves the bytes of an initial component alone and clears its bit. */
    memset(fake_mem + 0x1000 + 160, 0xee, 16);
    *(uint64_t *)(fake_mem + 0x1200) = 7;
    g_assert(exec(sys_xsaveopt, 8));
    g_assert_cmphex(*(uint64_t *)(fake_mem + 0x1200), ==, 5);
    g_assert_cmphex(fake_mem[0x1000 + 160], ==, 0xee);
}

static void check_xrstor_gp(unsigned at, uint64_t value)
{
    setup();
    cpu.gpr[R_AX] = 7;
    memset(fake_mem + 0x1200, 0, 64);
    g_assert(exec(sys_xrstor, 8));
    *(uint64_t *)(fake_mem + 0x1000 + at) = value;
    g_assert(!exec(sys_xrstor, 8));
    g_assert_cmpint(fake_vector, ==, EXC_GP);
}

static void test_xrstor_checks(void)
{
    check_xrstor_gp(512, 4);          /* not in XCR0 */
    check_xrstor_gp(520, 1ull << 63); /* compacted */
    check_xrstor_gp(528, 1);          /* reserved */
    check_xrstor_gp(24, 1u << 16);    /* MXCSR */
    setup();
    cpu.gpr[R_SI] = 0x1010;
    g_assert(!exec(sys_xsave, 8));
    g_assert_cmpint(fake_vector, ==, EXC_GP);
    cpu.cr4 = 0;
    g_assert(!exec(sys_xsave, 8));
    g_assert_cmpint(fake_vector, ==, EXC_UD);
}

static void test_mxcsr(void)
{
    setup();
    *(uint32_t *)(fake_mem + 0x1000) = 0x1fa0;
    g_assert(exec(sys_ldmxcsr, 4));
    g_assert_cmphex(cpu.mxcsr, ==, 0x1fa0);
    *(uint32_t *)(fake_mem + 0x1000) = 0x80000000;
    g_assert(!exec(sys_ldmxcsr, 4));
    g_assert_cmpint(fake_vector, ==, EXC_GP);
    g_assert(exec(sys_stmxcsr, 4));
    g_assert_cmphex(*(uint32_t *)(fake_mem + 0x1000), ==, 0x1fa0);
}

/* --- environment --- */

static bool fpu(unsigned id, uint8_t opcode, uint8_t modrm, unsigned opsize, bool mem)
{
    struct insn in = at_1000;

    in.id = (uint16_t)id;
    in.opcode = opcode;
    in.modrm = modrm;
    in.opsize = (uint8_t)opsize;
    in.has_mem = mem;
    return fake_run(x87_exec, &cpu, &in);
}

/* FADD m32 at linear address rip, operand at 0x1000, then FNSTENV. */
static void store_env(unsigned mode, unsigned opsize)
{
    setup();
    cpu.mode = (uint16_t)mode;
    x87_init(&cpu.x87);
    cpu.rip = 0x54321;
    g_assert(fpu(I_FADD, 0xd8, 0x06, opsize, true));
    cpu.rip = 0x99999; /* control instructions do not record themselves */
    memset(fake_mem + 0x1000, 0xee, 64);
    g_assert(fpu(I_FNSTENV, 0xd9, 0x36, opsize, true));
}

static void test_env_layouts(void)
{
    static const uint32_t prot32[] = {0xffff037f, 0xffff0041, 0xfffffffe, 0x54321,
                                      6u << 16,   0x1000,     0xffff0000};
    static const uint32_t real32[] = {0xffff037f, 0xffff0041, 0xfffffffe, 0xffff4321,
                                      0x5006,     0xffff1000, 0};
    static const uint16_t prot16[] = {0x37f, 0x41, 0xfffe, 0x4321, 0, 0x1000, 0};
    static const uint16_t real16[] = {0x37f, 0x41, 0xfffe, 0x4321, 0x5006, 0x1000, 0};

    /* ST(0) was empty: physical register 0 now holds the indefinite, tag special. */
    store_env(CM_32 | CM_PE, 4);
    g_assert(memcmp(fake_mem + 0x1000, prot32, 28) == 0);
    g_assert_cmphex(fake_mem[0x101c], ==, 0xee);
    store_env(CM_32, 4);
    g_assert(memcmp(fake_mem + 0x1000, real32, 28) == 0);
    store_env(CM_16 | CM_PE, 2);
    g_assert(memcmp(fake_mem + 0x1000, prot16, 14) == 0);
    g_assert_cmphex(fake_mem[0x100e], ==, 0xee);
    store_env(CM_16 | CM_VM, 2);
    g_assert(memcmp(fake_mem + 0x1000, real16, 14) == 0);
}

static void test_env_round(void)
{
    static const unsigned modes[][2] = {
        {CM_32 | CM_PE, 4}, {CM_32, 4}, {CM_16 | CM_PE, 2}, {CM_16, 2}};
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(modes); i++) {
        uint8_t image[32];

        store_env(modes[i][0], modes[i][1]);
        memcpy(image, fake_mem + 0x1000, 32);
        g_assert(fpu(I_FNINIT, 0xdb, 0xe3, 4, false));
        g_assert_cmphex(cpu.x87.fip, ==, 0);
        g_assert(fpu(I_FLDENV, 0xd9, 0x26, modes[i][1], true));
        memset(fake_mem + 0x1000, 0xee, 64);
        g_assert(fpu(I_FNSTENV, 0xd9, 0x36, modes[i][1], true));
        g_assert(memcmp(image, fake_mem + 0x1000, 32) == 0);
    }
}

/* --- pending exceptions, FWAIT, MMX --- */

static void test_pending(void)
{
    setup();
    x87_init(&cpu.x87);
    cpu.x87.cw = 0x37e;
    g_assert(fpu(I_FADD, 0xd8, 0xc1, 4, false)); /* stack underflow, unmasked */
    g_assert_cmphex(cpu.x87.sw, ==, 0x80c1);
    g_assert_cmphex(cpu.x87.valid, ==, 0);
    g_assert(!fpu(I_FLD1, 0xd9, 0xe8, 4, false));
    g_assert_cmpint(fake_vector, ==, EXC_MF);
    g_assert(!fpu(I_FWAIT, 0x9b, 0, 4, false));
    g_assert(!fpu(I_EMMS, 0x77, 0, 4, false));
    g_assert(fpu(I_FNSTSW, 0xdf, 0xe0, 4, false));
    g_assert_cmphex(cpu.gpr[R_AX], ==, 0x80c1);
    g_assert(fpu(I_FNCLEX, 0xdb, 0xe2, 4, false));
    g_assert(fpu(I_FWAIT, 0x9b, 0, 4, false));
    cpu.cr0 |= CR0_TS;
    g_assert(!fpu(I_FWAIT, 0x9b, 0, 4, false));
    g_assert_cmpint(fake_vector, ==, EXC_NM);
    cpu.cr0 &= ~(uint64_t)CR0_MP;
    g_assert(fpu(I_FWAIT, 0x9b, 0, 4, false));
}

static void test_mmx(void)
{
    setup();
    x87_init(&cpu.x87);
    cpu.x87.sw = 0x2900;
    x87_enter_mmx(&cpu);
    g_assert_cmphex(cpu.x87.sw, ==, 0x100);
    g_assert_cmphex(cpu.x87.valid, ==, 0xff);
    g_assert(fpu(I_EMMS, 0x77, 0, 4, false));
    g_assert_cmphex(cpu.x87.valid, ==, 0);
}

/* A store that faults leaves status and stack alone. */
static void test_store_fault(void)
{
    setup();
    x87_init(&cpu.x87);
    g_assert(fpu(I_FLDPI, 0xd9, 0xeb, 4, false));
    fake_fault_va = 0x1000;
    g_assert(!fpu(I_FSTP, 0xd9, 0x1e, 4, true));
    g_assert_cmpint(fake_vector, ==, EXC_PF);
    g_assert_cmphex(cpu.x87.sw, ==, 0x3800);
    g_assert_cmphex(cpu.x87.valid, ==, 0x80);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fxsave/native", test_fxrstor_native);
    g_test_add_func("/fxsave/edges", test_fxsave_edges);
    g_test_add_func("/xsave/round", test_xsave_round);
    g_test_add_func("/xsave/checks", test_xrstor_checks);
    g_test_add_func("/xsave/mxcsr", test_mxcsr);
    g_test_add_func("/x87-env/layouts", test_env_layouts);
    g_test_add_func("/x87-env/round", test_env_round);
    g_test_add_func("/x87-env/pending", test_pending);
    g_test_add_func("/x87-env/mmx", test_mmx);
    g_test_add_func("/x87-env/store-fault", test_store_fault);
    return g_test_run();
}
