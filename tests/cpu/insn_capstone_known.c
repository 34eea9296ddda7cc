/* SPDX-License-Identifier: MIT
 * Capstone's names for our instructions, and its known faults. */
#include "tests/cpu/insn_capstone.h"

#include <glib.h>
#include <string.h>

/* Names that differ. A trailing * stands for anything. */
static const struct {
    uint16_t id;
    const char *names; /* separated by spaces */
} aliases[] = {
    {I_MOV, "mov movabs"},
    {I_MOV_SREG, "mov"},
    {I_MOV_CR, "mov"},
    {I_MOV_DR, "mov"},
    {I_PUSH_SREG, "push"},
    {I_POP_SREG, "pop"},
    {I_CALLF, "lcall"},
    {I_JMPF, "ljmp"},
    {I_CBW, "cbw cwde cdqe"},
    {I_CWD, "cwd cdq cqo"},
    {I_JRCXZ, "jcxz jecxz jrcxz"},
    {I_NOP, "nop prefetch* endbr*"},
    {I_XLAT, "xlatb"},
    {I_SHL, "shl sal"},
    {I_FWAIT, "wait"},
    {I_FSTP, "fstp fstpnce"},
    {I_FNOP, "fnop feni8087_nop fdisi8087_nop fsetpm"},
    {I_FCMOVCC, "fcmov*"},
    {I_MOVD, "movd movq"},
    {I_MOVQ, "movq movd"},
    {I_PUSHA, "pusha*"},
    {I_POPA, "popa*"},
    {I_INVPCID, "invpcid"},
    {I_CMPPS, "cmp*ps"},
    {I_CMPPD, "cmp*pd"},
    {I_CMPSS, "cmp*ss"},
    {I_CMPSD, "cmp*sd"},
    {I_VCMPPS, "vcmp*ps"},
    {I_VCMPPD, "vcmp*pd"},
    {I_VCMPSS, "vcmp*ss"},
    {I_VCMPSD, "vcmp*sd"},
    {I_VMOVD, "vmovd vmovq"},
    {I_VMOVQ, "vmovq vmovd"},
};

static const char *const conditions[16] = {"o", "no", "b", "ae", "e", "ne", "be", "a",
                                           "s", "ns", "p", "np", "l", "ge", "le", "g"};

static bool agrees_condition(const struct insn *in, const char *name)
{
    const char *stem = in->id == I_JCC ? "j" : in->id == I_SETCC ? "set" : "cmov";

    return g_str_has_prefix(name, stem) &&
           !strcmp(name + strlen(stem), conditions[in->opcode & 15]);
}

/* The id's own name; integer and system mnemonics may carry an operand size. */
static bool agrees_plain(const struct insn *in, const char *name)
{
    static const char *const suffixes[] = {"b", "w", "d", "q", "l", "64"};
    const char *ours = insn_name(in->id);
    enum insn_class class = insn_class(in->id);

    if (!strcmp(ours, name))
        return true;
    if (class == IC_VEC || class == IC_X87 || !g_str_has_prefix(name, ours))
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(suffixes); i++) {
        if (!strcmp(name + strlen(ours), suffixes[i]))
            return true;
    }
    return false;
}

bool insn_name_agrees(const struct insn *in, const char *mnemonic)
{
    const char *space = strrchr(mnemonic, ' '), *name = space ? space + 1 : mnemonic;

    if (in->id == I_JCC || in->id == I_SETCC || in->id == I_CMOVCC)
        return agrees_condition(in, name);
    for (unsigned i = 0; i < ARRAY_SIZE(aliases); i++) {
        if (aliases[i].id == in->id) {
            char **list = g_strsplit(aliases[i].names, " ", 0);
            bool ok = false;
            for (char **s = list; *s; s++)
                ok |= g_pattern_match_simple(*s, name);
            g_strfreev(list);
            return ok;
        }
    }
    return agrees_plain(in, name);
}

static bool is_prefix(uint8_t b, enum insn_mode mode)
{
    if (mode == INSN_64 && (b & 0xf0) == 0x40)
        return true;
    return b && strchr("\x66\x67\xf0\xf2\xf3\x26\x2e\x36\x3e\x64\x65", b);
}

static bool has_rep(const uint8_t *p, enum insn_mode mode)
{
    for (unsigned i = 0; i < INSN_MAX_LEN && is_prefix(p[i], mode); i++) {
        if (p[i] == 0xf2 || p[i] == 0xf3)
            return true;
    }
    return false;
}

/* Decodes p again without its 66, F2 and F3 prefixes, and without LOCK beside
 * the latter two: what Capstone sees when it overlooks them. */
static enum insn_status decode_bare(struct insn *in, const uint8_t *p, enum insn_mode mode,
                                    unsigned *removed)
{
    uint8_t bare[INSN_MAX_LEN + 1] = {0};
    unsigned n = 0, i = 0;
    bool prefix = true, rep = has_rep(p, mode);

    *removed = 0;
    for (; i < INSN_MAX_LEN; i++) {
        bool drop =
            prefix && (p[i] == 0x66 || p[i] == 0xf2 || p[i] == 0xf3 || (p[i] == 0xf0 && rep));
        prefix = prefix && (drop || is_prefix(p[i], mode));
        if (drop)
            ++*removed;
        else
            bare[n++] = p[i];
    }
    return insn_decode(in, bare, INSN_MAX_LEN, mode);
}

/* SDM vol. 2, 3.1.1.1: NP means that 66, F2 and F3 are not allowed; Capstone
 * takes such encodings for the one without prefix. */
static bool overlooks_prefix(const uint8_t *p, enum insn_mode mode, const struct cs_view *cs)
{
    struct insn bare;
    unsigned removed;

    return decode_bare(&bare, p, mode, &removed) == INSN_OK && removed &&
           bare.len + removed == cs->len && insn_name_agrees(&bare, cs->mnemonic);
}

/* Opcodes of extensions that the table leaves out: #UD with us. */
static bool left_out(const struct insn *in, const struct cs_view *cs)
{
    static const struct {
        uint16_t first, last;
        int8_t reg; /* ModRM.reg or -1 */
    } ops[] = {
        {0x08f, 0x08f, -1}, /* XOP */
        {0x0c6, 0x0c7, 7},  /* XABORT, XBEGIN */
        {0x101, 0x101, 0},  /* VMX */
        {0x101, 0x101, 1},  /* ENCLS */
        {0x101, 0x101, 2},  /* VMFUNC, TSX, ENCLU */
        {0x101, 0x101, 3},  /* SVM */
        {0x101, 0x101, 5},  /* RDPKRU, WRPKRU */
        {0x101, 0x101, 7},  /* MONITORX and kin */
        {0x10e, 0x10f, -1}, /* 3DNow! */
        {0x137, 0x137, -1}, /* GETSEC */
        {0x178, 0x179, -1}, /* VMREAD, VMWRITE, SSE4A */
        {0x12b, 0x12b, -1}, /* SSE4A: MOVNTSS, MOVNTSD */
        {0x1a6, 0x1a7, -1}, /* VIA PadLock */
        {0x1ae, 0x1ae, 6},  /* CLWB */
        {0x1ae, 0x1ae, 7},  /* PCOMMIT */
        {0x1c7, 0x1c7, 3},  /* XRSTORS */
        {0x1c7, 0x1c7, 5},  /* XSAVES */
        {0x1c7, 0x1c7, 6},  /* VMX */
        {0x1c7, 0x1c7, 7},  /* VMX */
        {0x280, 0x281, -1}, /* INVEPT, INVVPID */
    };
    unsigned opcode = (unsigned)in->map << 8 | in->opcode;

    if (opcode == 0x062) /* EVEX, which shares names with VEX */
        return true;
    for (unsigned id = 1; id < I_COUNT; id++) {
        if (!strcmp(insn_name(id), cs->mnemonic))
            return false; /* no extension but one of ours */
    }
    for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
        if (opcode >= ops[i].first && opcode <= ops[i].last &&
            (ops[i].reg < 0 || ops[i].reg == (in->modrm >> 3 & 7)))
            return true;
    }
    return false;
}

/* Capstone finds an instruction where we do not. */
static bool known_ud(const uint8_t *p, const struct insn *in, const struct cs_view *cs)
{
    unsigned opcode = (unsigned)in->map << 8 | in->opcode, reg = in->modrm >> 3 & 7;

    if (left_out(in, cs) || overlooks_prefix(p, (enum insn_mode)in->mode, cs))
        return true;
    /* SDM, LOCK: only some instructions, and the destination must be the memory
     * operand. Capstone allows a memory source, and beside F2 or F3 anything. */
    if (in->lock && in->row && (in->has_mem || has_rep(p, (enum insn_mode)in->mode)))
        return true;
    switch (opcode) {
    case 0x105: /* SDM, SYSCALL, SYSRET, SWAPGS: 64-bit mode only */
    case 0x107: return in->mode != INSN_64;
    case 0x101: return in->mode != INSN_64 && in->modrm == 0xf8;
    case 0x120: /* SDM, MOV CR: #UD for CR1, CR5 to CR7, CR9 and above */
    case 0x122: return in->nops == 2;
    case 0x121: /* SDM, MOV DR: #UD for DR8 and above */
    case 0x123: return in->rex & 4;
    case 0x08e: return reg == 1; /* SDM, MOV: CS cannot be loaded */
    default: return false;
    }
}

/* We find an instruction where Capstone finds none. */
static bool unknown_to_capstone(const struct insn *in)
{
    unsigned opcode = (unsigned)in->map << 8 | in->opcode;

    switch (opcode) {
    case 0x10d: /* SDM, NOP, PREFETCHh: hint NOPs in every form */
    case 0x118:
    case 0x119:
    case 0x11a:
    case 0x11b:
    case 0x11c:
    case 0x11d:
    case 0x11e:
    case 0x11f: return true;
    case 0x1ae: /* SDM, LFENCE, MFENCE, SFENCE: the r/m field is ignored */
        return in->modrm >= 0xe8 && in->modrm & 7;
    case 0x08c: /* SDM 2.2.1.2: REX.R is ignored for segment registers */
    case 0x08e: return in->rex & 4;
    default: return false;
    }
}

/* Both find an instruction, but not the same one. */
static bool misread_by_capstone(const struct insn *in, const struct cs_view *cs)
{
    unsigned opcode = (unsigned)in->map << 8 | in->opcode;

    switch (opcode) {
    case 0x090: /* SDM 2.2.1.2: REX.B makes it XCHG, also with 66; REX.W alone does not */
        return in->rex & 1 ? in->opsize66 : in->rex & 8;
    case 0x0c2: /* SDM, RET: imm16 in every mode */
        return in->opsize66 && in->mode == INSN_64 && in->len + 2u == cs->len;
    case 0x0e8: /* SDM, CALL, JMP, Jcc: 66 does not shorten rel32 in 64-bit mode */
    case 0x0e9: return in->opsize66 && in->mode == INSN_64 && in->len == cs->len + 2;
    case 0x17e: /* SDM, MOVQ: F3 0F7E is a load whatever REX.W */
        return in->pfx == 0xf3 && in->rex & 8 && in->len == cs->len;
    case 0x1c7: /* Capstone 4 has no RDPID */ return in->id == I_RDPID;
    default: /* as E8 */
        return in->id == I_JCC && in->map == 1 && in->opsize66 && in->mode == INSN_64 &&
               in->len == cs->len + 2;
    }
}

/* Index of the last byte of the VEX prefix of p. */
static unsigned vex_last(const uint8_t *p, enum insn_mode mode)
{
    unsigned i = 0;

    while (i < INSN_MAX_LEN - 3 && is_prefix(p[i], mode))
        i++;
    return i + (p[i] == 0xc4 ? 2 : 1);
}

static bool has_vex_w(const struct insn *in)
{
    unsigned i = vex_last(in->bytes, (enum insn_mode)in->mode);

    return in->bytes[i - 1] != 0xc5 && in->bytes[i] & 0x80;
}

/* Does p decode with the bits `set` set and `clear` cleared in the last byte of its three-byte
 * (or two-byte, but for W) VEX prefix? */
static bool vex_changed_ok(const uint8_t *p, enum insn_mode mode, uint8_t set, uint8_t clear)
{
    uint8_t copy[INSN_MAX_LEN];
    struct insn in;
    unsigned i = vex_last(p, mode);

    memcpy(copy, p, sizeof(copy));
    copy[i] = (uint8_t)((p[i] & ~clear) | set);
    return insn_decode(&in, copy, INSN_MAX_LEN, mode) == INSN_OK;
}

/* SDM vol. 2, 2.3: VEX is #UD behind 66, F2, F3, LOCK and REX, with a reserved W or L, and with
 * a VEX.vvvv that names nothing but is not 1111b. Capstone looks at none of these. It knows
 * AMD's FMA4 and the mask registers of AVX-512. */
static bool known_vex_ud(const uint8_t *p, const struct insn *in, const struct cs_view *cs)
{
    static const char *const left_out_vex[] = {"k", "vpermil2", "vfm", "vfnm"};
    enum insn_mode mode = (enum insn_mode)in->mode;

    for (unsigned i = 0; i < INSN_MAX_LEN && is_prefix(p[i], mode); i++) {
        if (p[i] == 0x66 || p[i] == 0xf0 || (p[i] & 0xfe) == 0xf2 ||
            (mode == INSN_64 && (p[i] & 0xf0) == 0x40 && (p[i + 1] & 0xfe) == 0xc4))
            return true;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(left_out_vex); i++) {
        if (g_str_has_prefix(cs->mnemonic, left_out_vex[i]) && (i < 2 || in->map == 3))
            return true;
    }
    return (in->row && in->row->attr & IA_VSIB) || vex_changed_ok(p, mode, 0, 0x80) ||
           vex_changed_ok(p, mode, 0x80, 0) || vex_changed_ok(p, mode, 0, 4) ||
           vex_changed_ok(p, mode, 4, 0) || vex_changed_ok(p, mode, 0x78, 0) ||
           vex_changed_ok(p, mode, 0x78, 0x84);
}

/* Both find an instruction, or only we do. */
static bool known_vex(const struct insn *in, const struct cs_view *cs)
{
    size_t n = strlen(insn_name((enum insn_id)in->id));

    if (!cs->len) /* 256-bit AES and PCLMULQDQ, VBROADCASTI128 */
        return in->row->feature == IF_VAES || in->row->feature == IF_VPCLMUL ||
               in->id == I_VBROADCASTI128;
    if (in->len != cs->len)
        return false;
    /* names that end in the source's size */
    if (!strncmp(cs->mnemonic, insn_name((enum insn_id)in->id), n) &&
        (cs->mnemonic[n] == 'x' || cs->mnemonic[n] == 'y') && !cs->mnemonic[n + 1])
        return true;
    /* SDM, VPINSRQ: VEX.W of general registers is ignored outside 64-bit mode */
    if (in->mode != INSN_64 && has_vex_w(in))
        return true;
    /* SDM, VBLENDVPS: bit 7 of the immediate is ignored outside 64-bit mode */
    return in->mode != INSN_64 && in->nops == 4 && in->op[3].kind == OPND_XMM;
}

bool insn_known_fault(const uint8_t *p, const struct insn *in, enum insn_status status,
                      const struct cs_view *cs)
{
    if (in->vex && status == INSN_UD)
        return known_vex_ud(p, in, cs);
    if (in->vex && status == INSN_OK)
        return known_vex(in, cs);
    if (status == INSN_UD)
        return known_ud(p, in, cs);
    if (status != INSN_OK)
        return false;
    /* UD0, UD1 and UD2 are listed as what they do: #UD. Their length is of no
     * consequence. */
    if (in->row->attr & IA_EXT_UD)
        return true;
    /* Capstone knows no mandatory prefixes in 16-bit code. */
    if (in->mode == INSN_16 && in->pfx && (!cs->len || overlooks_prefix(p, INSN_16, cs)))
        return true;
    return cs->len ? misread_by_capstone(in, cs) : unknown_to_capstone(in);
}
