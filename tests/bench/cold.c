/* SPDX-License-Identifier: MIT */
/*
 * Code that runs once. The program writes functions of common instructions into fresh memory
 * and calls each a single time, so the emulators mostly translate.
 */
#include "tests/bench/bench.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { DATA = 7 /* rdi, the argument */ };
enum { FUNCTIONS = 400, INSTRUCTIONS = 60, CODE_BYTES = FUNCTIONS * (INSTRUCTIONS * 8 + 64) };

struct writer {
    uint8_t *p;
    uint64_t seed;
};

static void put(struct writer *w, unsigned n, uint64_t bytes)
{
    for (; n--; bytes >>= 8) {
        *w->p++ = (uint8_t)bytes;
    }
}

/* One of eax ecx edx esi and r8..r11 in ModRM terms, all of them the callee's to change. */
static unsigned pick_register(struct writer *w)
{
    static const uint8_t registers[] = {0, 1, 2, 6, 8, 9, 10, 11};
    return registers[bench_random(&w->seed) % sizeof(registers)];
}

/* REX.W op /r between two registers, or with memory at rm + 8 * slot when slot >= 0. */
static void put_rm(struct writer *w, uint8_t opcode, unsigned reg, unsigned rm, int slot)
{
    put(w, 1, 0x48 | (reg & 8) >> 1 | (rm & 8) >> 3);
    put(w, 1, opcode);
    put(w, 1, (slot < 0 ? 0xc0u : 0x40u) | (reg & 7) << 3 | (rm & 7));
    if (slot >= 0) {
        put(w, 1, (uint64_t)slot * 8);
    }
}

static void put_instruction(struct writer *w)
{
    /* add sub and or xor cmp test mov */
    static const uint8_t alu[] = {0x01, 0x29, 0x21, 0x09, 0x31, 0x39, 0x85, 0x89};
    uint32_t r = bench_random(&w->seed);
    unsigned a = pick_register(w), b = pick_register(w);
    int slot = r >> 8 & 7;
    switch (r >> 16 & 15) {
    case 0:
    case 1:
    case 2:
    case 3: put_rm(w, alu[r & 7], a, b, -1); break;
    case 4:
    case 5: put_rm(w, 0x8b, a, DATA, slot); break; /* mov load */
    case 6:
    case 7: put_rm(w, 0x89, a, DATA, slot); break; /* mov store */
    case 8: put_rm(w, 0x03, a, DATA, slot); break; /* add reg, mem */
    case 9: put_rm(w, 0x01, a, DATA, slot); break; /* add mem, reg */
    case 10:
        put_rm(w, 0x83, 0, a, -1);
        put(w, 1, r & 127);
        break; /* add reg, imm8 */
    case 11:
        put_rm(w, 0xc1, 4, a, -1);
        put(w, 1, r & 31);
        break;                                       /* shl reg, imm8 */
    case 12: put_rm(w, 0x8d, a, r % 3, slot); break; /* lea */
    default:                                         /* cmp, a short jump over one mov */
        put_rm(w, 0x39, a, b, -1);
        put(w, 2, 0x0374u | (r & 8)); /* je or jl */
        put_rm(w, 0x89, a, b, -1);
    }
}

static uint64_t run_once(uint64_t rounds)
{
    uint64_t data[8] = {1, 2, 3, 5, 8, 13, 21, 34}, sum = 0;
    struct writer w = {NULL, 77};
    while (rounds--) {
        void *starts[FUNCTIONS];
        w.p =
            mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (w.p == MAP_FAILED) {
            _exit(3);
        }
        uint8_t *base = w.p;
        for (int f = 0; f < FUNCTIONS; f++) {
            starts[f] = w.p;
            for (unsigned i = 0; i < 12; i++) { /* xor reg, reg; what is read is defined */
                if (i != 3 && i != 4 && i != 5 && i != 7) {
                    put_rm(&w, 0x31, i, i, -1);
                }
            }
            for (int i = 0; i < INSTRUCTIONS - 9; i++) {
                put_instruction(&w);
            }
            put(&w, 1, 0xc3);
        }
        mprotect(base, CODE_BYTES, PROT_READ | PROT_EXEC);
        for (int f = 0; f < FUNCTIONS; f++) {
            sum = bench_mix(sum, ((uint64_t(*)(uint64_t *))starts[f])(data));
        }
        munmap(base, CODE_BYTES);
    }
    return bench_mix(sum, data[3]);
}

const struct bench bench_cold[] = {
    {"cold-code", "cold", "instruction", run_once, 8, FUNCTIONS *INSTRUCTIONS, NULL},
    {NULL, NULL, NULL, NULL, 0, 0, NULL},
};
