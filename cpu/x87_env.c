/* SPDX-License-Identifier: MIT
 * x87 control instructions and the images of FSTENV and FSAVE in memory
 * (SDM vol. 1 8.1.10, figures 8-9 to 8-12). */
#include <string.h>

#include "cpu/x87.h"

#define ENV_MAX  28
#define SAVE_MAX (ENV_MAX + 80)

/* --- tags --- */

enum { TAG_VALID, TAG_ZERO, TAG_SPECIAL, TAG_EMPTY };

static unsigned contents_tag(const struct x87_reg *r)
{
    unsigned exp = r->se & 0x7fff;

    if (exp == 0 && r->m == 0)
        return TAG_ZERO;
    return exp == 0 || exp == 0x7fff || !(r->m >> 63) ? TAG_SPECIAL : TAG_VALID;
}

uint16_t x87_get_tags(const struct x87 *f)
{
    unsigned i, tags = 0;

    for (i = 0; i < 8; i++) {
        unsigned t = f->valid >> i & 1 ? contents_tag(&f->fpr[i]) : (unsigned)TAG_EMPTY;

        tags |= t << 2 * i;
    }
    return (uint16_t)tags;
}

void x87_set_tags(struct x87 *f, uint16_t tags)
{
    unsigned i;

    f->valid = 0;
    for (i = 0; i < 8; i++)
        if ((tags >> 2 * i & 3) != TAG_EMPTY)
            f->valid |= (uint8_t)(1 << i);
}

/* --- environment images --- */

struct env_form {
    unsigned width; /* of a field: 2 or 4 */
    bool prot;
};

static struct env_form env_form(const struct cpu *cpu, const struct insn *in)
{
    struct env_form e = {in->opsize == 2 ? 2 : 4, (cpu->mode & (CM_PE | CM_LMA)) != 0};

    return e;
}

static void put(uint8_t *buf, struct env_form e, unsigned field, uint32_t v)
{
    memcpy(buf + field * e.width, &v, e.width);
}

static uint32_t get(const uint8_t *buf, struct env_form e, unsigned field)
{
    uint32_t v = 0;

    memcpy(&v, buf + field * e.width, e.width);
    return v;
}

/* Reserved upper halves read as ones. */
static void env_write(const struct x87 *f, struct env_form e, uint8_t *buf)
{
    uint32_t ip = (uint32_t)f->fip, dp = (uint32_t)f->fdp, hi = 0xffff0000;

    put(buf, e, 0, hi | f->cw);
    put(buf, e, 1, hi | f->sw);
    put(buf, e, 2, hi | x87_get_tags(f));
    if (e.prot) {
        put(buf, e, 3, ip);
        put(buf, e, 4, e.width == 4 ? (uint32_t)f->fcs | (uint32_t)f->fop << 16 : f->fcs);
        put(buf, e, 5, dp);
        put(buf, e, 6, e.width == 4 ? hi | f->fds : f->fds);
        return;
    }
    ip += (uint32_t)f->fcs << 4;
    dp += (uint32_t)f->fds << 4;
    if (e.width == 2) {
        ip &= 0xfffff;
        dp &= 0xfffff;
    }
    put(buf, e, 3, e.width == 4 ? hi | (ip & 0xffff) : ip);
    put(buf, e, 4, (ip >> 16) << 12 | f->fop);
    put(buf, e, 5, e.width == 4 ? hi | (dp & 0xffff) : dp);
    put(buf, e, 6, (dp >> 16) << 12);
}

/* The registers must be loaded already: not needed for tags, only EMPTY is looked at. */
static void env_read(struct x87 *f, struct env_form e, const uint8_t *buf)
{
    uint32_t ip = get(buf, e, 3), w4 = get(buf, e, 4), dp = get(buf, e, 5), w6 = get(buf, e, 6);

    f->cw = (uint16_t)((get(buf, e, 0) & 0x1f3f) | 0x40);
    f->sw = (uint16_t)get(buf, e, 1);
    x87_set_tags(f, (uint16_t)get(buf, e, 2));
    x87_update_es(f);
    if (e.prot) {
        f->fip = ip;
        f->fdp = dp;
        f->fop = e.width == 4 ? w4 >> 16 & 0x7ff : 0;
        return;
    }
    f->fip = (ip & 0xffff) | (w4 >> 12 & 0xffff) << 16;
    f->fop = w4 & 0x7ff;
    f->fdp = (dp & 0xffff) | (w6 >> 12 & 0xffff) << 16;
}

/* --- guest memory --- */

static gva mem_va(struct cpu *cpu, const struct insn *in, unsigned size, bool write)
{
    return seg_linear(cpu, in->mem.seg, cpu_ea(cpu, in), size, write);
}

static void load_image(struct cpu *cpu, const struct insn *in, uint8_t *buf, unsigned size)
{
    gva va = mem_va(cpu, in, size, false);
    unsigned i;

    for (i = 0; i < size; i += 64)
        cpu_ld_bytes(cpu, va + i, buf + i, size - i < 64 ? size - i : 64);
}

static void store_image(struct cpu *cpu, const struct insn *in, const uint8_t *buf,
                        unsigned size)
{
    gva va = mem_va(cpu, in, size, true);
    unsigned i;

    for (i = 0; i < size; i += 64)
        cpu_probe_write(cpu, va + i, size - i < 64 ? size - i : 64);
    for (i = 0; i < size; i += 64)
        cpu_st_bytes(cpu, va + i, buf + i, size - i < 64 ? size - i : 64);
}

static void exec_fnstenv(struct cpu *cpu, const struct insn *in)
{
    struct env_form e = env_form(cpu, in);
    uint8_t buf[ENV_MAX];

    env_write(&cpu->x87, e, buf);
    store_image(cpu, in, buf, 7 * e.width);
    cpu->x87.cw |= XS_EXC;
    x87_update_es(&cpu->x87);
}

static void exec_fldenv(struct cpu *cpu, const struct insn *in)
{
    struct env_form e = env_form(cpu, in);
    uint8_t buf[ENV_MAX];

    load_image(cpu, in, buf, 7 * e.width);
    env_read(&cpu->x87, e, buf);
}

static void exec_fnsave(struct cpu *cpu, const struct insn *in)
{
    struct env_form e = env_form(cpu, in);
    struct x87 *f = &cpu->x87;
    uint8_t buf[SAVE_MAX];
    unsigned i, n = 7 * e.width;

    env_write(f, e, buf);
    for (i = 0; i < 8; i++) {
        const struct x87_reg *r = &f->fpr[x87_phys(f, i)];

        memcpy(buf + n + 10 * i, &r->m, 8);
        memcpy(buf + n + 10 * i + 8, &r->se, 2);
    }
    store_image(cpu, in, buf, n + 80);
    x87_init(f);
}

static void exec_frstor(struct cpu *cpu, const struct insn *in)
{
    struct env_form e = env_form(cpu, in);
    struct x87 *f = &cpu->x87;
    uint8_t buf[SAVE_MAX];
    unsigned i, n = 7 * e.width;

    load_image(cpu, in, buf, n + 80);
    env_read(f, e, buf);
    for (i = 0; i < 8; i++) {
        struct x87_reg *r = &f->fpr[x87_phys(f, i)];

        memcpy(&r->m, buf + n + 10 * i, 8);
        memcpy(&r->se, buf + n + 10 * i + 8, 2);
    }
}

/* --- control and status words --- */

static void exec_fnstsw(struct cpu *cpu, const struct insn *in)
{
    if (in->has_mem)
        cpu_st(cpu, mem_va(cpu, in, 2, true), cpu->x87.sw, 2);
    else
        cpu->gpr[R_AX] = (cpu->gpr[R_AX] & ~0xffffull) | cpu->x87.sw;
}

static void exec_fldcw(struct cpu *cpu, const struct insn *in)
{
    uint64_t cw = cpu_ld(cpu, mem_va(cpu, in, 2, false), 2);

    cpu->x87.cw = (uint16_t)((cw & 0x1f3f) | 0x40);
    x87_update_es(&cpu->x87);
}

static void exec_fwait(struct cpu *cpu)
{
    if ((cpu->cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS))
        cpu_raise(cpu, EXC_NM);
    x87_check_pending(cpu);
}

static void exec_emms(struct cpu *cpu)
{
    x87_check_pending(cpu);
    cpu->x87.valid = 0;
    x87_set_top(&cpu->x87, 0);
}

void x87_exec_control(struct cpu *cpu, const struct insn *in)
{
    switch (in->id) {
    case I_FNSTCW: cpu_st(cpu, mem_va(cpu, in, 2, true), cpu->x87.cw, 2); break;
    case I_FNSTSW: exec_fnstsw(cpu, in); break;
    case I_FNINIT: x87_init(&cpu->x87); break;
    case I_FNCLEX: cpu->x87.sw &= (uint16_t)(XS_CC | XS_TOP); break;
    case I_FNSTENV: exec_fnstenv(cpu, in); break;
    case I_FNSAVE: exec_fnsave(cpu, in); break;
    case I_FWAIT: exec_fwait(cpu); break;
    case I_EMMS: exec_emms(cpu); break;
    case I_FLDCW:
        x87_check_pending(cpu);
        exec_fldcw(cpu, in);
        break;
    case I_FLDENV:
        x87_check_pending(cpu);
        exec_fldenv(cpu, in);
        break;
    default:
        x87_check_pending(cpu);
        exec_frstor(cpu, in);
        break;
    }
    x87_update_mode(cpu);
}
