/* SPDX-License-Identifier: MIT
 * The host CPU as oracle: each op's encoding, and a trampoline that loads registers,
 * calls the instruction followed by RET, and stores them. A SIGFPE or SIGILL skips the
 * instruction. */
#include "tests/cpu/vec_native.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define STUB 16 /* bytes of code per value of imm8 */

static uint8_t *code;
static volatile bool faulted, illegal;

/* Hexadecimal bytes before ModRM. "/n": ModRM.reg is an opcode digit. "<": the destination
 * is ModRM.rm. An mmx_ op not listed is the XMM one without its leading 66. */
static const struct vec_enc {
    const char *name, *bytes;
} encs[] = {
#define ENC(name, bytes) {#name, bytes},
#include "tests/cpu/vec_enc.def"
#undef ENC
};

static const char *find_enc(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(encs); i++) {
        if (!strcmp(encs[i].name, name))
            return encs[i].bytes;
    }
    if (!strncmp(name, "mmx_", 4)) {
        const char *xmm = find_enc(name + 4);
        return xmm && !strncmp(xmm, "66 ", 3) ? xmm + 3 : NULL;
    }
    return NULL;
}

static uint8_t modrm(unsigned form, int digit, bool reversed)
{
    switch (form) {
    case VEC_XI:
    case VEC_MI: return (uint8_t)(0xc1 | digit << 3); /* rm = 1 */
    case VEC_XG:
    case VEC_XGI:
    case VEC_MGI: return 0xc8; /* reg = 1, rm = rax */
    case VEC_GX:
    case VEC_GXI:
    case VEC_GM:
    case VEC_GMI: return reversed ? 0xd0 : 0xc2;
    case VEC_GG: return 0xc2; /* rax, rdx */
    default: return 0xca;
    }
}

/* Fills the code page with the instruction for every imm8. */
static void assemble(const struct vec_op *op)
{
    const char *p = find_enc(op->name);
    uint8_t bytes[8];
    unsigned n = 0;
    int digit = 0;
    bool reversed = false;

    if (!p) {
        fprintf(stderr, "%s: not in vec_enc.def\n", op->name);
        abort();
    }
    while (*p) {
        if (*p == ' ') {
            p++;
        } else if (*p == '<') {
            reversed = true;
            p++;
        } else if (*p == '/') {
            digit = p[1] - '0';
            p += 2;
        } else {
            char *end;
            bytes[n++] = (uint8_t)strtoul(p, &end, 16);
            p = end;
        }
    }
    bytes[n++] = modrm(op->kind & VEC_FORM, digit, reversed);
    for (unsigned imm = 0; imm < 256; imm++) {
        uint8_t *at = code + imm * STUB;
        memcpy(at, bytes, n);
        at[n] = (uint8_t)imm; /* forms without an immediate start their RET here */
        at[n + 1] = 0xc3;
        switch (op->kind & VEC_FORM) {
        case VEC_XX:
        case VEC_MM:
        case VEC_XM:
        case VEC_MX:
        case VEC_XG:
        case VEC_GX:
        case VEC_GM:
        case VEC_GG:
        case VEC_FLAGS: at[n] = 0xc3; break;
        default: break;
        }
    }
}

bool vec_native_load(const struct vec_op *op)
{
    struct vec_regs probe = {.mxcsr = MXCSR_RESET};

    assemble(op);
    illegal = false;
    vec_native_run(&probe, 0);
    return !illegal;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    greg_t *g = uc->uc_mcontext.gregs;

    if ((uint8_t *)g[REG_RIP] < code || (uint8_t *)g[REG_RIP] >= code + 256 * STUB)
        abort();
    faulted = sig == SIGFPE;
    illegal = sig == SIGILL;
    g[REG_RIP] = *(greg_t *)g[REG_RSP];
    g[REG_RSP] += 8;
}

void vec_native_init(void)
{
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};

    code = mmap(NULL, 256 * STUB, PROT_READ | PROT_WRITE | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED || sigaction(SIGFPE, &sa, NULL) || sigaction(SIGILL, &sa, NULL))
        abort();
}

#define OFF(field) [field] "i"(offsetof(struct vec_regs, field))

bool vec_native_run(struct vec_regs *r, unsigned imm)
{
    const uint32_t reset = MXCSR_RESET;
    register const void *stub __asm__("r9") = code + imm * STUB;

    faulted = false;
    /* Step over the red zone: the call pushes a return address. */
    __asm__ volatile(
        "leaq -128(%%rsp), %%rsp\n\t"
        "movdqu %c[d](%%rdi), %%xmm1\n\t"
        "movdqu %c[s](%%rdi), %%xmm2\n\t"
        "movdqu %c[mask](%%rdi), %%xmm0\n\t"
        "movq %c[d_mm](%%rdi), %%mm1\n\t"
        "movq %c[s_mm](%%rdi), %%mm2\n\t"
        "movq %c[rax](%%rdi), %%rax\n\t"
        "movq %c[rdx](%%rdi), %%rdx\n\t"
        "movq %c[rcx](%%rdi), %%rcx\n\t"
        "ldmxcsr %c[mxcsr](%%rdi)\n\t"
        "call *%[stub]\n\t"
        "pushfq\n\t"
        "popq %c[flags](%%rdi)\n\t"
        "stmxcsr %c[mxcsr](%%rdi)\n\t"
        "ldmxcsr (%[reset])\n\t"
        "movq %%rax, %c[rax](%%rdi)\n\t"
        "movq %%rdx, %c[rdx](%%rdi)\n\t"
        "movq %%rcx, %c[rcx](%%rdi)\n\t"
        "movq %%mm1, %c[d_mm](%%rdi)\n\t"
        "movdqu %%xmm1, %c[d](%%rdi)\n\t"
        "movdqu %%xmm0, %c[mask](%%rdi)\n\t"
        "emms\n\t"
        "leaq 128(%%rsp), %%rsp"
        :
        : "D"(r), [stub] "r"(stub), [reset] "r"(&reset), OFF(d), OFF(s), OFF(mask), OFF(d_mm),
          OFF(s_mm), OFF(rax), OFF(rdx), OFF(rcx), OFF(mxcsr), OFF(flags)
        : "rax", "rcx", "rdx", "xmm0", "xmm1", "xmm2", "mm1", "mm2", "cc", "memory");
    return faulted;
}
