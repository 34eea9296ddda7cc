/* SPDX-License-Identifier: MIT
 * The decoder on any bytes: it never reads past those it is given (a build with
 * sanitizers watches), asks for more only when more can help, and the answer does not
 * depend on bytes behind the instruction. */
#include "cpu/insn.h"
#include "tests/fuzz.h"

static size_t random_bytes(uint8_t *p)
{
    static const uint8_t prefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67,
                                       0xf0, 0xf2, 0xf3, 0x40, 0x48, 0x4f, 0x0f};
    size_t n = fuzz_below(INSN_MAX_LEN + 3), i = 0, lead = fuzz_below(4) ? 3 : 16;

    for (lead = fuzz_below((uint32_t)lead + 1); i < n && i < lead; i++)
        p[i] = prefixes[fuzz_below(sizeof(prefixes))];
    for (; i < n; i++)
        p[i] = (uint8_t)fuzz_below(256);
    return n;
}

static void check_prefixes(const uint8_t *bytes, size_t n, enum insn_mode mode)
{
    enum insn_status whole_status, status = INSN_MORE;
    struct insn whole, in;

    whole_status = insn_decode(&whole, bytes, n, mode);
    g_assert_true(whole_status != INSN_MORE || n < INSN_MAX_LEN);
    g_assert_true(whole_status != INSN_OK || (whole.len <= n && whole.len <= INSN_MAX_LEN));
    for (size_t k = 0; k <= n && status == INSN_MORE; k++) {
        uint8_t *exact = malloc(k); /* no byte behind the k-th */
        status = insn_decode(&in, memcpy(exact, bytes, k), k, mode);
        free(exact);
        if (status == INSN_OK)
            g_assert_cmpint(in.len, ==, k);
    }
    g_assert_cmpint(status, ==, whole_status);
    if (status == INSN_OK) {
        g_assert_cmpint(in.len, ==, whole.len);
        g_assert_cmpint(in.id, ==, whole.id);
    }
}

static void test_prefixes(void)
{
    uint8_t bytes[INSN_MAX_LEN + 3];
    gint64 end = 0;

    while (fuzz_more(&end)) {
        size_t n = random_bytes(bytes);
        check_prefixes(bytes, n, INSN_16);
        check_prefixes(bytes, n, INSN_32);
        check_prefixes(bytes, n, INSN_64);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/insn/fuzz/prefixes", test_prefixes);
    return g_test_run();
}
