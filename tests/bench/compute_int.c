/* SPDX-License-Identifier: MIT */
/* Integer work: data structures, strings, interpreters, calls. */
#include "tests/bench/bench.h"

#include <string.h>

enum {
    SORT_N = 16384,
    HASH_BITS = 14,
    LIST_N = 8192,
    SIEVE_N = 262144,
    WORDS_N = 1024,
    WORD_LENGTH = 24,
    SHA_BYTES = 16384,
    TEXT_BYTES = 32768,
    CALLS_N = 16384,
    DIVS_N = 4096,
    FIB_ARGUMENT = 22,
    FIB_CALLS = 57313,
    LOOP_STEPS = 80000,
};

static void sort_range(uint32_t *a, long lo, long hi)
{
    while (hi - lo > 12) {
        uint32_t pivot = a[lo + (hi - lo) / 2];
        long i = lo, j = hi;
        while (i <= j) {
            while (a[i] < pivot) {
                i++;
            }
            while (a[j] > pivot) {
                j--;
            }
            if (i <= j) {
                uint32_t t = a[i];
                a[i++] = a[j];
                a[j--] = t;
            }
        }
        sort_range(a, lo, j);
        lo = i;
    }
    for (long i = lo + 1; i <= hi; i++) {
        uint32_t v = a[i];
        long j = i;
        for (; j > lo && a[j - 1] > v; j--) {
            a[j] = a[j - 1];
        }
        a[j] = v;
    }
}

static uint64_t run_sort(uint64_t rounds)
{
    static uint32_t a[SORT_N];
    uint64_t seed = 1, sum = 0;
    while (rounds--) {
        for (int i = 0; i < SORT_N; i++) {
            a[i] = bench_random(&seed);
        }
        sort_range(a, 0, SORT_N - 1);
        for (int i = 1; i < SORT_N; i += 7) {
            sum = bench_mix(sum, a[i] - a[i - 1]);
        }
    }
    return sum;
}

/* Open addressing with linear probing; half of the look-ups miss. */
static uint64_t run_hash(uint64_t rounds)
{
    static struct {
        uint64_t key, value;
    } slots[1 << HASH_BITS];
    const uint32_t mask = (1 << HASH_BITS) - 1;
    uint64_t sum = 0;
    while (rounds--) {
        uint64_t seed = rounds;
        memset(slots, 0, sizeof(slots));
        for (int i = 0; i < 1 << (HASH_BITS - 1); i++) {
            uint64_t key = bench_random(&seed) | 1;
            uint32_t h = (uint32_t)(key * 0x9e3779b97f4a7c15u >> 40) & mask;
            while (slots[h].key && slots[h].key != key) {
                h = (h + 1) & mask;
            }
            slots[h].key = key;
            slots[h].value += (uint64_t)i;
        }
        seed = rounds;
        for (int i = 0; i < 1 << (HASH_BITS - 1); i++) {
            uint64_t key = (bench_random(&seed) | 1) ^ (i & 1 ? 2 : 0);
            uint32_t h = (uint32_t)(key * 0x9e3779b97f4a7c15u >> 40) & mask;
            while (slots[h].key && slots[h].key != key) {
                h = (h + 1) & mask;
            }
            sum += slots[h].value ^ h;
        }
    }
    return sum;
}

struct node {
    struct node *next;
    uint64_t value;
};

static uint64_t run_list(uint64_t rounds)
{
    static struct node nodes[LIST_N];
    static uint32_t order[LIST_N];
    uint64_t seed = 3, sum = 0;
    for (uint32_t i = 0; i < LIST_N; i++) {
        order[i] = i;
    }
    for (uint32_t i = LIST_N - 1; i > 0; i--) {
        uint32_t j = bench_random(&seed) % (i + 1), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
    for (int i = 0; i < LIST_N; i++) {
        nodes[order[i]].next = i + 1 < LIST_N ? &nodes[order[i + 1]] : NULL;
        nodes[order[i]].value = (uint64_t)i;
    }
    while (rounds--) {
        for (struct node *p = &nodes[order[0]]; p; p = p->next) {
            sum += p->value ^ sum >> 7;
            p->value++;
        }
    }
    return sum;
}

static uint64_t run_sieve(uint64_t rounds)
{
    static uint8_t composite[SIEVE_N];
    uint64_t sum = 0;
    while (rounds--) {
        memset(composite, 0, sizeof(composite));
        for (uint32_t i = 2; i * i < SIEVE_N; i++) {
            if (!composite[i]) {
                for (uint32_t j = i * i; j < SIEVE_N; j += i) {
                    composite[j] = 1;
                }
            }
        }
        for (uint32_t i = 2; i < SIEVE_N; i++) {
            sum += composite[i] ? 0 : i;
        }
    }
    return sum;
}

__attribute__((noipa)) static int compare_strings(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

/* Neighbours share a prefix of 8 to 15 characters. */
static uint64_t run_strcmp(uint64_t rounds)
{
    static char words[WORDS_N][WORD_LENGTH];
    uint64_t seed = 5, sum = 0;
    for (int i = 0; i < WORDS_N; i++) {
        memset(words[i], 'a', WORD_LENGTH - 1);
        for (int j = 8 + (int)(bench_random(&seed) & 7); j < WORD_LENGTH - 1; j++) {
            words[i][j] = (char)('a' + bench_random(&seed) % 26);
        }
    }
    while (rounds--) {
        for (int i = 0; i < WORDS_N; i++) {
            int c = compare_strings(words[i], words[(i * 5 + 1) % WORDS_N]);
            sum = sum * 3 + (uint64_t)(int64_t)c;
        }
    }
    return sum;
}

enum opcode {
    OP_PUSH,
    OP_LOAD,
    OP_STORE,
    OP_ADD,
    OP_MUL,
    OP_XOR,
    OP_SHR,
    OP_LESS,
    OP_JNZ,
    OP_END
};

/* do { x = (x * 5 + i ^ x >> 3) ; i = i + 1 } while (i < limit), on a stack machine */
static const uint8_t program[] = {
    OP_LOAD, 0,       OP_PUSH, 5,       OP_MUL, OP_LOAD,  1,        OP_ADD,
    OP_LOAD, 0,       OP_PUSH, 3,       OP_SHR, OP_XOR,   OP_STORE, 0,
    OP_LOAD, 1,       OP_PUSH, 1,       OP_ADD, OP_STORE, 1,        OP_LOAD,
    1,       OP_LOAD, 2,       OP_LESS, OP_JNZ, 0,        OP_END,
};

__attribute__((noipa)) static uint64_t interpret(const uint8_t *code, uint64_t *vars)
{
    uint64_t stack[16], *sp = stack;
    const uint8_t *pc = code;
    for (;;) {
        switch ((enum opcode) * pc++) {
        case OP_PUSH: *sp++ = *pc++; break;
        case OP_LOAD: *sp++ = vars[*pc++]; break;
        case OP_STORE: vars[*pc++] = *--sp; break;
        case OP_ADD:
            sp--;
            sp[-1] += *sp;
            break;
        case OP_MUL:
            sp--;
            sp[-1] *= *sp;
            break;
        case OP_XOR:
            sp--;
            sp[-1] ^= *sp;
            break;
        case OP_SHR:
            sp--;
            sp[-1] >>= *sp & 63;
            break;
        case OP_LESS:
            sp--;
            sp[-1] = sp[-1] < *sp;
            break;
        case OP_JNZ: pc = *--sp ? code + *pc : pc + 1; break;
        case OP_END: return vars[0];
        }
    }
}

static uint64_t run_interpreter(uint64_t rounds)
{
    uint64_t sum = 0;
    while (rounds--) {
        uint64_t vars[4] = {rounds, 0, LOOP_STEPS / 17, 0};
        sum = bench_mix(sum, interpret(program, vars));
    }
    return sum;
}

static uint32_t rotate(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

/* Round constants: fractional parts of the cube roots of the first primes (FIPS 180-4, 4.2.2).
 */
static const uint32_t sha_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
    0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
    0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
    0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
    0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
    0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
    0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2,
};

static void sha_block(uint32_t h[8], const uint8_t *p)
{
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++) {
        memcpy(&w[i], p + i * 4, 4);
        w[i] = __builtin_bswap32(w[i]);
    }
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] +
               (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
    memcpy(s, h, sizeof(s));
    for (int i = 0; i < 64; i++) {
        uint32_t t1 = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) +
                      ((s[4] & s[5]) ^ (~s[4] & s[6])) + sha_k[i] + w[i];
        uint32_t t2 = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) +
                      ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof(s[0]));
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) {
        h[i] += s[i];
    }
}

static uint64_t run_sha256(uint64_t rounds)
{
    static uint8_t data[SHA_BYTES];
    uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    for (int i = 0; i < SHA_BYTES; i++) {
        data[i] = (uint8_t)(i * 7);
    }
    while (rounds--) {
        for (int i = 0; i < SHA_BYTES; i += 64) {
            sha_block(h, data + i);
        }
    }
    return (uint64_t)h[0] << 32 | h[7];
}

__attribute__((noipa, optimize("no-optimize-sibling-calls"))) static uint64_t fib(uint64_t n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static uint64_t run_recursion(uint64_t rounds)
{
    uint64_t sum = 0;
    while (rounds--) {
        sum = bench_mix(sum, fib(FIB_ARGUMENT + (rounds & 0)));
    }
    return sum;
}

#define TARGET(n, expression)                                                                  \
    __attribute__((noipa)) static uint64_t target_##n(uint64_t x)                              \
    {                                                                                          \
        return expression;                                                                     \
    }
TARGET(0, x + 1)
TARGET(1, x ^ x >> 3)
TARGET(2, x * 5)
TARGET(3, x - 77)
TARGET(4, x << 1 | x >> 63)
TARGET(5, ~x)
TARGET(6, x + (x >> 5))
TARGET(7, x ^ 0x55)

static uint64_t run_indirect(uint64_t rounds)
{
    static uint64_t (*const volatile targets[8])(uint64_t) = {
        target_0, target_1, target_2, target_3, target_4, target_5, target_6, target_7,
    };
    uint64_t x = 1;
    while (rounds--) {
        uint32_t pick = 1;
        for (int i = 0; i < CALLS_N; i++) {
            pick = pick * 5 + 3;
            x = targets[pick >> 4 & 7](x);
        }
    }
    return x;
}

/* A tokenizer for a language of names, numbers, strings, comments and brackets. */
__attribute__((noipa)) static uint64_t tokenize(const char *p)
{
    uint64_t names = 0, numbers = 0, strings = 0, depth = 0, other = 0, value;
    for (;;) {
        char c = *p++;
        switch (c) {
        case '\0': return names ^ numbers << 8 ^ strings << 24 ^ depth << 40 ^ other << 48;
        case ' ':
        case '\n':
        case '\t': break;
        case '(':
        case '[':
        case '{': depth += 3; break;
        case ')':
        case ']':
        case '}': depth--; break;
        case '"':
            while (*p && *p != '"') {
                p += *p == '\\' && p[1] ? 2 : 1;
            }
            p += *p == '"';
            strings++;
            break;
        case '#':
            while (*p && *p != '\n') {
                p++;
            }
            break;
        case '0':
        case '1':
        case '2':
        case '3':
        case '4':
        case '5':
        case '6':
        case '7':
        case '8':
        case '9':
            for (value = (uint64_t)(c - '0'); *p >= '0' && *p <= '9'; p++) {
                value = value * 10 + (uint64_t)(*p - '0');
            }
            numbers += value;
            break;
        case '+':
        case '-':
        case '*':
        case '/':
        case '=': other++; break;
        case '<':
        case '>':
            other += 2;
            p += *p == '=';
            break;
        case ';':
        case ',': other += 5; break;
        default:
            for (value = (uint64_t)c; (*p >= 'a' && *p <= 'z') || *p == '_'; p++) {
                value = value * 31 + (uint64_t)*p;
            }
            names += value;
        }
    }
}

static uint64_t run_parser(uint64_t rounds)
{
    static const char *const parts[] = {
        "alpha", " = ",          "1729", ";\n", "(",          ")", "beta_gamma", " + ", "{",
        "}",     "\"a \\\" b\"", "<=",   " ",   "# remark\n", "x", "42",         ",",   "[",
        "]",     "while",        " * ",  "7",
    };
    static char text[TEXT_BYTES + 32];
    uint64_t seed = 9, sum = 0;
    size_t n = 0;
    while (n < TEXT_BYTES) {
        const char *part = parts[bench_random(&seed) % (sizeof(parts) / sizeof(parts[0]))];
        memcpy(text + n, part, strlen(part));
        n += strlen(part);
    }
    text[TEXT_BYTES] = '\0';
    while (rounds--) {
        sum = bench_mix(sum, tokenize(text));
    }
    return sum;
}

static uint64_t run_div64(uint64_t rounds)
{
    uint64_t sum = 1;
    while (rounds--) {
        uint64_t x = 0xfedcba9876543210u ^ sum;
        for (uint64_t i = 1; i <= DIVS_N; i++) {
            uint64_t d = (i << 33) + 12345 + (sum & 1);
            sum += x / d;
            x ^= x % d << 20;
        }
    }
    return sum;
}

const struct bench bench_int[] = {
    {"sort", "integer", "element", run_sort, 40, SORT_N, NULL},
    {"hash", "integer", "access", run_hash, 160, 1 << HASH_BITS, NULL},
    {"list", "integer", "node", run_list, 2000, LIST_N, NULL},
    {"sieve", "integer", "number", run_sieve, 60, SIEVE_N, NULL},
    {"strcmp", "integer", "comparison", run_strcmp, 3000, WORDS_N, NULL},
    {"interpreter", "integer", "bytecode", run_interpreter, 250, LOOP_STEPS, NULL},
    {"sha256", "integer", "byte", run_sha256, 600, SHA_BYTES, NULL},
    {"parser", "integer", "byte", run_parser, 500, TEXT_BYTES, NULL},
    {"division", "integer", "64-bit division", run_div64, 1000, DIVS_N, NULL},
    {"recursion", "calls", "call", run_recursion, 300, FIB_CALLS, NULL},
    {"indirect", "calls", "call", run_indirect, 800, CALLS_N, NULL},
    {NULL, NULL, NULL, NULL, 0, 0, NULL},
};
