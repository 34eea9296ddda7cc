/* SPDX-License-Identifier: MIT
 * String instructions against a loop that does one element after the other and
 * knows nothing of pages' host pointers: state, memory, faults and flags. */
#include <glib.h>
#include <string.h>

#include "cpu/sys_fns.h"
#include "tests/cpu/x87_fake.h"

static unsigned port_ops;

static uint64_t port_in(void *opaque, uint16_t port, unsigned size)
{
    return 0x8877665544332211ull * (++port_ops) &
           (size == 4 ? 0xffffffff : (1u << size * 8) - 1);
}

static uint64_t port_sum;

static void port_out(void *opaque, uint16_t port, uint32_t value, unsigned size)
{
    port_sum = port_sum * 31 + value;
    port_ops++;
}

/* --- the reference --- */

struct model {
    struct cpu *cpu; /* before; only its modes, segments and DF are read */
    uint64_t ax, cx, si, di;
    uint32_t flags;
    uint8_t *mem;
    int vector;
    uint64_t sum;
    unsigned ops;
};

static uint64_t cut(uint64_t v, unsigned bytes)
{
    return bytes == 8 ? v : v & ((1ull << 8 * bytes) - 1);
}

static uint64_t bump(uint64_t r, int64_t by, unsigned asize)
{
    uint64_t v = cut(r + (uint64_t)by, asize);

    return asize == 2 ? (r & ~0xffffull) | v : v;
}

/* Pointer to an element, or NULL with m->vector set. */
static uint8_t *at(struct model *m, unsigned seg, uint64_t off, unsigned asize, unsigned size)
{
    const struct seg *s = &m->cpu->seg[seg];
    bool flat = (m->cpu->mode & CM_SIZE) == CM_64 ||
                (m->cpu->mode & CM_FLAT && seg != SEG_FS && seg != SEG_GS);
    uint64_t o = cut(off, asize), va;

    if (!flat && o + size - 1 > s->limit) {
        m->vector = seg == SEG_SS ? EXC_SS : EXC_GP;
        return NULL;
    }
    va = o + (flat && seg != SEG_FS && seg != SEG_GS ? 0 : s->base);
    if (va + size > FAKE_MEM || va + size < size)
        m->vector = EXC_GP;
    else if (va >> 12 == fake_fault_va >> 12 || (va + size - 1) >> 12 == fake_fault_va >> 12)
        m->vector = EXC_PF;
    return m->vector >= 0 ? NULL : m->mem + va;
}

static uint64_t fetch(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    memcpy(&v, p, size);
    return v;
}

static uint32_t sub_flags(uint64_t a, uint64_t b, unsigned size)
{
    unsigned __int128 wide = (unsigned __int128)a - b;
    unsigned top = size * 8 - 1, i, ones = 0;
    uint64_t r = cut((uint64_t)wide, size);
    uint32_t f = 0;

    for (i = 0; i < 8; i++)
        ones += r >> i & 1;
    f |= a < b ? FL_CF : 0;
    f |= ones % 2 ? 0 : FL_PF;
    f |= (a & 15) < (b & 15) ? FL_AF : 0;
    f |= r == 0 ? FL_ZF : 0;
    f |= r >> top ? FL_SF : 0;
    f |= (a >> top != b >> top && r >> top != a >> top) ? FL_OF : 0;
    return f;
}

/* One iteration; false on a fault. *equal: comparison's outcome. */
static bool step(struct model *m, const struct insn *in, unsigned size, bool *equal,
                 uint32_t *fl)
{
    bool uses_si = in->id == I_MOVS || in->id == I_CMPS || in->id == I_LODS || in->id == I_OUTS;
    bool uses_di = in->id != I_LODS && in->id != I_OUTS;
    uint8_t *p = NULL, *q = NULL;
    int64_t by = m->cpu->df * (int64_t)size;
    uint64_t v;

    if (in->id == I_CMPS && !at(m, SEG_ES, m->di, in->adsize, size))
        return false;
    if (uses_si && !(p = at(m, in->mem.seg, m->si, in->adsize, size)))
        return false;
    if (uses_di && !(q = at(m, SEG_ES, m->di, in->adsize, size)))
        return false;
    switch (in->id) {
    case I_MOVS:
        v = fetch(p, size);
        memcpy(q, &v, size);
        break;
    case I_STOS: memcpy(q, &m->ax, size); break;
    case I_LODS:
        m->ax = size >= 4 ? fetch(p, size) : (m->ax & ~cut(~0ull, size)) | fetch(p, size);
        break;
    case I_CMPS:
        *equal = fetch(p, size) == fetch(q, size);
        *fl = sub_flags(fetch(p, size), fetch(q, size), size);
        break;
    case I_SCAS:
        *equal = cut(m->ax, size) == fetch(q, size);
        *fl = sub_flags(cut(m->ax, size), fetch(q, size), size);
        break;
    case I_INS:
        port_ops = m->ops++;
        v = port_in(NULL, 0, size);
        memcpy(q, &v, size);
        break;
    default:
        m->ops++;
        m->sum = m->sum * 31 + (uint32_t)fetch(p, size);
        break;
    }
    if (uses_si)
        m->si = bump(m->si, by, in->adsize);
    if (uses_di)
        m->di = bump(m->di, by, in->adsize);
    return true;
}

static void model_exec(struct model *m, const struct insn *in, unsigned size)
{
    bool equal = true, compares = in->id == I_CMPS || in->id == I_SCAS, any = false;
    uint32_t fl = m->flags;

    if (!in->rep && !in->repne) {
        if (step(m, in, size, &equal, &fl))
            m->flags = fl;
        return;
    }
    while (cut(m->cx, in->adsize)) {
        if (!step(m, in, size, &equal, &fl))
            return;
        any = true;
        m->cx = bump(m->cx, -1, in->adsize);
        if (compares && equal != in->rep)
            break;
    }
    if (any)
        m->flags = fl;
}

/* --- cases --- */

static const struct {
    uint16_t id;
    uint8_t opcode;
} ops[] = {
    {I_MOVS, 0xa4}, {I_CMPS, 0xa6}, {I_STOS, 0xaa}, {I_LODS, 0xac},
    {I_SCAS, 0xae}, {I_INS, 0x6c},  {I_OUTS, 0x6e},
};

static uint64_t pick(uint64_t n)
{
    return fake_random() % n;
}

static void random_insn(struct insn *in, unsigned *size)
{
    unsigned k = (unsigned)pick(ARRAY_SIZE(ops));

    memset(in, 0, sizeof(*in));
    in->id = ops[k].id;
    in->opcode = (uint8_t)(ops[k].opcode | pick(2));
    in->opsize = (uint8_t)(1u << (1 + pick(3)));
    in->adsize = (uint8_t)(1u << (1 + pick(3)));
    *size = in->opcode & 1 ? in->opsize : 1;
    if ((in->id == I_INS || in->id == I_OUTS) && *size == 8)
        *size = 4;
    in->rep = pick(3) != 0;
    in->repne = !in->rep && pick(2);
    in->mem.seg = (uint8_t)(pick(4) ? SEG_DS : pick(SEG_COUNT));
}

static void random_cpu(struct cpu *cpu)
{
    unsigned i;

    fake_init(cpu);
    cpu->hooks.port_in = port_in;
    cpu->hooks.port_out = port_out;
    cpu->df = pick(3) ? 1 : -1;
    if (pick(2)) { /* segmented */
        cpu->mode = CM_32 | CM_SS32 | CM_PE;
        for (i = 0; i < SEG_COUNT; i++) {
            cpu->seg[i].base = pick(4) * 0x311;
            cpu->seg[i].limit = (uint32_t)(pick(4) ? 0xefff : pick(0xf000));
            cpu->seg[i].attr = SA_P | SA_S | SA_RW;
        }
    }
    cpu->seg[SEG_FS].base = pick(0x2000);
    cpu->gpr[R_SI] = pick(0xe000);
    cpu->gpr[R_DI] = pick(3) ? cpu->gpr[R_SI] + pick(40) - 20 : pick(0xe000);
    if (pick(8) == 0)
        cpu->gpr[R_DI] = 0xfff0 + pick(16);
    cpu->gpr[R_CX] = pick(4) ? pick(64) : pick(0x3000);
    cpu->gpr[R_AX] = fake_random();
    cpu->rip = 0x1000;
    cpu->next_rip = 0x1002;
    fake_fault_va = pick(3) ? ~0ull : pick(16) << 12;
    fake_slow = pick(4) == 0;
}

static void random_memory(void)
{
    unsigned i;

    for (i = 0; i < FAKE_MEM; i += 8)
        *(uint64_t *)(fake_mem + i) = fake_random();
    for (i = 0; i < 12; i++) /* long equal runs for CMPS and SCAS */
        memset(fake_mem + pick(FAKE_MEM - 6000), pick(2) ? 0 : 0x55, pick(6000));
}

static uint8_t model_mem[FAKE_MEM];

static void test_random(void)
{
    static struct cpu cpu, before;
    struct insn in;
    unsigned i, size;

    for (i = 0; i < 40000; i++) {
        struct model m = {.cpu = &before, .vector = -1, .mem = model_mem};

        if (i % 64 == 0) {
            random_memory();
            memcpy(model_mem, fake_mem, FAKE_MEM);
        }
        random_insn(&in, &size);
        random_cpu(&cpu);
        if (in.adsize == 8 && (cpu.mode & CM_SIZE) != CM_64)
            in.adsize = 4;
        if (pick(2))
            memset(&cpu.gpr[R_AX], pick(2) ? 0 : 0x55, 8);
        cpu_set_aflags(&cpu, (uint32_t)fake_random() & FL_ARITH);
        before = cpu;
        m.ax = cpu.gpr[R_AX];
        m.cx = cpu.gpr[R_CX];
        m.si = cpu.gpr[R_SI];
        m.di = cpu.gpr[R_DI];
        m.flags = cpu_get_aflags(&cpu);
        model_exec(&m, &in, size);
        port_ops = 0;
        port_sum = 0;
        fake_run(string_exec, &cpu, &in);
        g_assert_cmpint(fake_vector, ==, m.vector);
        g_assert_cmphex(cpu.gpr[R_SI], ==, m.si);
        g_assert_cmphex(cpu.gpr[R_DI], ==, m.di);
        g_assert_cmphex(cpu.gpr[R_CX], ==, m.cx);
        g_assert_cmphex(cpu.gpr[R_AX], ==, m.ax);
        g_assert_cmphex(cpu_get_aflags(&cpu), ==, m.flags);
        g_assert_cmphex(cpu.next_rip, ==, 0x1002);
        g_assert_cmpuint(port_ops, ==, m.ops);
        g_assert_cmphex(port_sum, ==, m.sum);
        g_assert(memcmp(fake_mem, model_mem, FAKE_MEM) == 0);
    }
}

static void test_kick(void)
{
    static struct cpu cpu;
    struct insn in = {.id = I_STOS, .opcode = 0xaa, .opsize = 1, .adsize = 8, .rep = true};
    unsigned turns = 0;

    fake_init(&cpu);
    cpu.kick = KICK_INTR;
    cpu.gpr[R_CX] = 0x3000;
    cpu.gpr[R_DI] = 0x800;
    do {
        cpu.rip = 0x1000;
        cpu.next_rip = 0x1002;
        g_assert(fake_run(string_exec, &cpu, &in));
        turns++;
    } while (cpu.next_rip == cpu.rip);
    g_assert_cmpuint(turns, ==, 4); /* to the page's end, two pages, the rest */
    g_assert_cmphex(cpu.gpr[R_CX], ==, 0);
    g_assert_cmphex(cpu.gpr[R_DI], ==, 0x3800);
}

static void test_single_step(void)
{
    static struct cpu cpu;
    struct insn in = {.id = I_LODS, .opcode = 0xad, .opsize = 4, .adsize = 8, .rep = true};

    fake_init(&cpu);
    cpu.eflags = FL_TF;
    cpu.gpr[R_CX] = 2;
    cpu.rip = 0x1000;
    cpu.next_rip = 0x1002;
    g_assert(fake_run(string_exec, &cpu, &in));
    g_assert_cmphex(cpu.next_rip, ==, 0x1000);
    g_assert_cmphex(cpu.gpr[R_CX], ==, 1);
}

static void test_port_denied(void)
{
    static struct cpu cpu;
    struct insn in = {.id = I_INS, .opcode = 0x6d, .opsize = 4, .adsize = 8, .rep = true};

    fake_init(&cpu);
    cpu.gpr[R_CX] = 2;
    fake_port_denied = true;
    g_assert(!fake_run(string_exec, &cpu, &in));
    fake_port_denied = false;
    g_assert_cmpint(fake_vector, ==, EXC_GP);
    g_assert_cmphex(cpu.gpr[R_CX], ==, 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/string/random", test_random);
    g_test_add_func("/string/kick", test_kick);
    g_test_add_func("/string/single-step", test_single_step);
    g_test_add_func("/string/port-denied", test_port_denied);
    return g_test_run();
}
