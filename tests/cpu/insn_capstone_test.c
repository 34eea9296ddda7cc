/* SPDX-License-Identifier: MIT
 * The decoder against Capstone: length, validity, mnemonic and operands, on random
 * encodings and on the code of binaries found on the host. Where Capstone 4
 * is wrong or knows more than we implement, insn_capstone_known.c says so.
 *
 *   insn_capstone_test [-n random cases] [-s seed] [-b insns per binary] [file ...] */
#include "tests/cpu/insn_capstone.h"

#include <elf.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long opt_shown = 40; /* mismatches printed in full */

struct bench {
    csh cs[3];
    cs_insn *buf[3];
    unsigned cases, compared, known, bad;
};

static const char *const mode_names[] = {"16", "32", "64"};

static uint64_t rng_state;

static uint32_t rnd(void)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (uint32_t)(rng_state >> 16);
}

static void bench_init(struct bench *b)
{
    static const cs_mode modes[] = {CS_MODE_16, CS_MODE_32, CS_MODE_64};

    memset(b, 0, sizeof(*b));
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpint(cs_open(CS_ARCH_X86, modes[i], &b->cs[i]), ==, CS_ERR_OK);
        cs_option(b->cs[i], CS_OPT_DETAIL, CS_OPT_ON);
        b->buf[i] = cs_malloc(b->cs[i]);
    }
}

static void bench_finish(struct bench *b)
{
    for (unsigned i = 0; i < 3; i++) {
        cs_free(b->buf[i], 1);
        cs_close(&b->cs[i]);
    }
}

static void report(struct bench *b, const uint8_t *p, const struct insn *in,
                   enum insn_status status, const struct cs_view *cs)
{
    char hex[3 * INSN_MAX_LEN + 1] = "";

    if (b->bad++ >= opt_shown)
        return;
    for (unsigned i = 0; i < INSN_MAX_LEN; i++)
        snprintf(hex + 3 * i, 4, "%02x ", p[i]);
    printf("# %s: %s| ours: %s %u %s | capstone: %u %s %s\n", mode_names[in->mode], hex,
           status == INSN_OK ? insn_name(in->id) : "-", in->len,
           status == INSN_OK   ? "ok"
           : status == INSN_UD ? "#UD"
                               : "long",
           cs->len, cs->mnemonic, cs->operands);
}

/* Rewrites the prefixes of 15 bytes to an order that Capstone understands, each
 * once: it wants the mandatory prefix last, and takes REX bytes for valid that
 * do not stand directly before the opcode, and shows ES, CS, SS and DS overrides
 * in 64-bit mode. The meaning stays the same (SDM
 * vol. 2, 2.1.1 and 2.2.1). Returns the bytes written. */
static unsigned canonical(uint8_t *to, const uint8_t *p, enum insn_mode mode)
{
    uint8_t seg = 0, p66 = 0, p67 = 0, lock = 0, rep = 0, rex = 0, op, none;
    unsigned i, n = 0;

    for (i = 0; i < INSN_MAX_LEN; i++) {
        uint8_t b = p[i], *slot;
        if (mode == INSN_64 && (b & 0xf0) == 0x40) {
            rex = b;
            continue;
        }
        if (b == 0x66)
            slot = &p66;
        else if (b == 0x67)
            slot = &p67;
        else if (b == 0xf0)
            slot = &lock;
        else if (b == 0xf2 || b == 0xf3)
            slot = &rep;
        else if (b == 0x64 || b == 0x65 || (b & 0xe7) == 0x26)
            slot = mode == INSN_64 && b < 0x64 ? &none : &seg;
        else
            break;
        *slot = b;
        rex = 0;
    }
    op = i < INSN_MAX_LEN ? p[i] : 0;
    /* With REX.W Capstone takes 67 for 66. In 64-bit mode only moffs forms get
     * their length from it. */
    if (rex & 8 && (op & 0xfc) != 0xa0)
        p67 = 0;
    /* Beside F2 and F3 Capstone overlooks 66; without 0F they mean something to
     * string instructions and NOP only. */
    if (!op || !strchr("\x0f\x90\x6c\x6d\x6e\x6f\xa4\xa5\xa6\xa7\xaa\xab\xac\xad\xae\xaf", op))
        rep = 0;
    for (unsigned k = 0; k < 6; k++) {
        uint8_t b = (uint8_t[]){seg, p67, lock, p66, rep, rex}[k];
        if (b)
            to[n++] = b;
    }
    memcpy(to + n, p + i, INSN_MAX_LEN - i);
    return n + INSN_MAX_LEN - i;
}

/* Compares one encoding of 15 readable bytes; returns the length to go on by. */
static unsigned compare(struct bench *b, const uint8_t *p, enum insn_mode mode)
{
    uint8_t bare[INSN_MAX_LEN];
    const uint8_t *code = bare;
    size_t size = canonical(bare, p, mode);
    unsigned dropped = INSN_MAX_LEN - (unsigned)size;
    uint64_t address = 0;
    cs_insn *ci = b->buf[mode];
    struct cs_view cs = {0, "", ""};
    struct insn in;
    enum insn_status status = insn_decode(&in, p, INSN_MAX_LEN, mode);
    bool ok = status == INSN_OK;

    if (cs_disasm_iter(b->cs[mode], &code, &size, &address, ci))
        cs = (struct cs_view){ci->size + dropped, ci->mnemonic, ci->op_str};
    b->cases++;
    if (ok == !!cs.len && (!ok || (in.len == cs.len && insn_name_agrees(&in, cs.mnemonic) &&
                                   insn_operands_agree(b->cs[mode], &in, ci)))) {
        b->compared += ok;
        return cs.len;
    }
    if (status == INSN_TOO_LONG && cs.len > INSN_MAX_LEN)
        b->compared++;
    else if (insn_known_fault(p, &in, status, &cs))
        b->known++;
    else
        report(b, p, &in, status, &cs);
    return cs.len;
}

static void summary(struct bench *b, const char *what)
{
    printf("# %s: %u cases, %u valid and equal, %u known differences, %u mismatches\n", what,
           b->cases, b->compared, b->known, b->bad);
    fflush(stdout);
    if (b->bad)
        g_test_fail();
    b->cases = b->compared = b->known = b->bad = 0;
}

/* A byte string that looks like an instruction. */
static void random_case(uint8_t *p, enum insn_mode mode)
{
    static const uint8_t prefixes[] = {0x66, 0x66, 0x66, 0xf2, 0xf3, 0xf3, 0x67, 0x67,
                                       0xf0, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66};
    unsigned n = 0, count = rnd() % 8, map = rnd() % 16;

    for (unsigned i = 0; i < INSN_MAX_LEN; i++)
        p[i] = (uint8_t)rnd();
    count = count < 3 ? 0 : count - 3 > 2 ? rnd() % 5 : count - 3;
    while (count--)
        p[n++] = prefixes[rnd() % sizeof(prefixes)];
    if (rnd() % 3 == 0) { /* VEX */
        p[n++] = rnd() % 4 ? 0xc4 : 0xc5;
        if (p[n - 1] == 0xc4)
            p[n] = (uint8_t)((rnd() & 0xe0) | (rnd() % 16 ? 1 + rnd() % 3 : rnd() & 31));
        if (mode != INSN_64)
            p[n] |= 0xc0;
        n += p[n - 1] == 0xc4;
        if (rnd() % 2)
            p[n] |= 0x78;
        if (mode != INSN_64)
            p[n] |= p[n - 1] == 0xc5 ? 0xc0 : 0x40;
        return;
    }
    if (mode == INSN_64 && rnd() % 2)
        p[n++] = (uint8_t)(0x40 | (rnd() & 15));
    if (map >= 6)
        p[n++] = 0x0f;
    if (map >= 13)
        p[n++] = map == 13 ? 0x3a : 0x38;
}

static unsigned long opt_count = 300000, opt_sweep = 400000;

static void test_random(void)
{
    struct bench b;

    bench_init(&b);
    printf("# seed %llu\n", (unsigned long long)rng_state);
    for (unsigned long i = 0; i < opt_count; i++) {
        enum insn_mode mode = (enum insn_mode)(i % 3);
        uint8_t p[INSN_MAX_LEN];
        random_case(p, mode);
        compare(&b, p, mode);
    }
    summary(&b, "random");
    bench_finish(&b);
}

/* Every prefix set times every opcode and ModRM byte of a mode. */
static void test_exhaustive(void)
{
    static const char *const pfx[] = {"", "\x66", "\xf2", "\xf3", "\x48", "\x66\x48"};
    struct bench b;

    bench_init(&b);
    for (unsigned op = 0; op < 4 * 256; op++) {
        for (unsigned v = 0; v < 256 * ARRAY_SIZE(pfx); v++) {
            uint8_t p[32] = {0};
            const char *s = pfx[v >> 8];
            enum insn_mode mode = *s == 0x48 || v >> 8 == 5 ? INSN_64 : (enum insn_mode)(v % 3);
            unsigned n = (unsigned)strlen(s);
            memcpy(p, s, n);
            if (op >= 0x100)
                p[n++] = 0x0f;
            if (op >= 0x200)
                p[n++] = op >= 0x300 ? 0x3a : 0x38;
            p[n++] = (uint8_t)op;
            p[n++] = (uint8_t)v;
            compare(&b, p, mode);
        }
    }
    summary(&b, "exhaustive");
    bench_finish(&b);
}

static void sweep(struct bench *b, const uint8_t *p, size_t size)
{
    size_t pos = 0;

    for (unsigned long i = 0; i < opt_sweep && pos + INSN_MAX_LEN <= size; i++) {
        unsigned len = compare(b, p + pos, INSN_64);
        pos += len ? len : 1;
    }
}

/* Linear sweep over the executable sections of one ELF64 x86 file. */
static void test_binary(const void *arg)
{
    const char *path = arg;
    struct bench b;
    char *data;
    size_t size;
    const Elf64_Ehdr *eh;

    if (!g_file_get_contents(path, &data, &size, NULL)) {
        g_test_skip("not on this host");
        return;
    }
    eh = (const Elf64_Ehdr *)data;
    bench_init(&b);
    if (size >= sizeof(*eh) && !memcmp(eh->e_ident, ELFMAG, SELFMAG) &&
        eh->e_machine == EM_X86_64 &&
        eh->e_shoff + (size_t)eh->e_shnum * sizeof(Elf64_Shdr) <= size) {
        const Elf64_Shdr *sh = (const Elf64_Shdr *)(data + eh->e_shoff);
        for (unsigned i = 0; i < eh->e_shnum; i++) {
            if (sh[i].sh_type == SHT_PROGBITS && sh[i].sh_flags & SHF_EXECINSTR &&
                sh[i].sh_offset + sh[i].sh_size <= size)
                sweep(&b, (const uint8_t *)data + sh[i].sh_offset, sh[i].sh_size);
        }
    }
    summary(&b, path);
    bench_finish(&b);
    g_free(data);
}

static void options(int argc, char **argv)
{
    int i = 1;

    rng_state = 0x9e3779b97f4a7c15ull;
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        unsigned long v = strtoul(argv[i + 1], NULL, 0);
        switch (argv[i][1]) {
        case 'n': opt_count = v; break;
        case 's': rng_state = v ? v : 1; break;
        case 'b': opt_sweep = v; break;
        case 'v': opt_shown = v; break;
        default: break;
        }
    }
    for (; i < argc; i++) {
        char *name = g_strconcat("/insn/capstone/binary", argv[i], NULL);
        g_test_add_data_func(name, argv[i], test_binary);
        g_free(name);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/insn/capstone/exhaustive", test_exhaustive);
    g_test_add_func("/insn/capstone/random", test_random);
    options(argc, argv);
    return g_test_run();
}
