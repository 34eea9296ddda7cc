/* SPDX-License-Identifier: MIT
 * x87 arithmetic on an x86-64 host: the guest's opcode itself, run on the
 * host's x87. Assumes the ABI state on entry (empty stack, control word 37Fh)
 * and leaves it so. No waiting instruction runs between the operation
 * and the clearing of its exceptions, so an unmasked one never becomes a #MF here. */
#include "cpu/x87_host.h"

#include <assert.h>
#include <string.h>

#include "cpu/x87.h"

_Static_assert(offsetof(struct x87_io, in) == 0, "ORDER x87_host_enter");
_Static_assert(offsetof(struct x87_io, out) == 32, "ORDER x87_host_enter");
_Static_assert(offsetof(struct x87_io, mem) == 80, "ORDER x87_host_enter");
_Static_assert(offsetof(struct x87_io, cw) == 96, "ORDER x87_host_enter");
_Static_assert(offsetof(struct x87_io, sw) == 98, "ORDER x87_host_enter");
_Static_assert(offsetof(struct x87_io, nin) == 100, "ORDER x87_host_enter");
_Static_assert(offsetof(struct x87_io, nout) == 101, "ORDER x87_host_enter");

void x87_host_enter(const void *thunk, struct x87_io *io);
extern const uint8_t x87_host_thunks[];

/* One four-byte thunk an operation, in the order of enum x87_host_op:
 * opcode, ModRM, RET, INT3. The memory operand is at (%rdi). */
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".globl x87_host_thunks\n.hidden x87_host_thunks\n"
        "x87_host_thunks:\n"
        ".set x87_i, 0\n"
        ".rept 64\n"
        "  .byte 0xd8 + (x87_i >> 3), 0x07 | ((x87_i & 7) << 3), 0xc3, 0xcc\n"
        "  .set x87_i, x87_i + 1\n"
        ".endr\n"
        ".set x87_i, 0\n"
        ".rept 32\n"
        "  .byte 0xd9, 0xe0 + x87_i, 0xc3, 0xcc\n"
        "  .set x87_i, x87_i + 1\n"
        ".endr\n"
        ".set x87_i, 0\n"
        ".rept 8\n"
        "  .byte 0xd8, 0xc1 + 8 * x87_i, 0xc3, 0xcc\n"
        "  .set x87_i, x87_i + 1\n"
        ".endr\n"
        "  .byte 0xdd, 0xe1, 0xc3, 0xcc\n"
        ".popsection\n");

/* x87_host_enter(rdi: thunk, rsi: io). Stale host flags are cleared only when
 * the guest does not have them set as well: clearing is slow. */
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".globl x87_host_enter\n.hidden x87_host_enter\n"
        ".type x87_host_enter, @function\n"
        "x87_host_enter:\n"
        "  fnstsw %ax\n"
        "  movl %eax, %edx\n"
        "  movzwl 98(%rsi), %ecx\n"
        "  notl %ecx\n"
        "  andl %eax, %ecx\n"
        "  testl $0x7f, %ecx\n"
        "  jz 1f\n"
        "  fnclex\n"
        "1: cmpb $1, 100(%rsi)\n"
        "  jb 3f\n"
        "  je 2f\n"
        "  fldt 16(%rsi)\n"
        "2: fldt (%rsi)\n"
        "3: cmpw $0x37f, 96(%rsi)\n"
        "  je 4f\n"
        "  fldcw 96(%rsi)\n"
        "4: movq %rdi, %rax\n"
        "  leaq 80(%rsi), %rdi\n"
        "  call *%rax\n"
        "  fnstsw %ax\n"
        "  movw %ax, 98(%rsi)\n"
        "  testb $0x80, %al\n"
        "  jz 5f\n"
        "  fnclex\n"
        "5: andl $0x3800, %eax\n"
        "  andl $0x3800, %edx\n"
        "  subl %eax, %edx\n"
        "  shrl $11, %edx\n"
        "  andl $7, %edx\n"
        "  movb %dl, 101(%rsi)\n"
        "  leaq 32(%rsi), %rcx\n"
        "6: subl $1, %edx\n"
        "  js 7f\n"
        "  fstpt (%rcx)\n"
        "  addq $16, %rcx\n"
        "  jmp 6b\n"
        "7: cmpw $0x37f, 96(%rsi)\n"
        "  je 8f\n"
        "  movl $0x37f, -8(%rsp)\n"
        "  fldcw -8(%rsp)\n"
        "8: ret\n"
        ".size x87_host_enter, . - x87_host_enter\n"
        ".popsection\n");

void x87_host_run(enum x87_host_op op, struct x87_io *io)
{
    assert(op <= XH_FUCOM && io->nin <= 2);
    x87_host_enter(x87_host_thunks + 4 * op, io);
}

/* ---- the guest's whole state in the host's x87 ---- */

/* FNSAVE: registers in stack order, so that with equal TOPs the physical ones agree. It is the
 * cheapest way out that needs neither SSE state moved aside nor XSAVE, and leaves just what the
 * ABI asks of an x87 that nobody uses. */
struct x87_image {
    uint32_t cw, sw, tags, pointers[4];
    uint8_t st[8][10];
};
_Static_assert(sizeof(struct x87_image) == 108, "FNSAVE image");

void x87_spill(struct cpu *cpu)
{
    struct x87 *f = &cpu->x87;
    struct x87_image im;

    __asm__ volatile("fnsave %0" : "=m"(im));
    cpu->x87_live = false;
    f->cw = (uint16_t)im.cw;
    f->sw = (uint16_t)im.sw;
    x87_set_tags(f, (uint16_t)im.tags);
    for (unsigned i = 0; i < 8; i++) {
        struct x87_reg *r = &f->fpr[x87_phys(f, i)];

        memcpy(&r->m, im.st[i], 8);
        memcpy(&r->se, im.st[i] + 8, 2);
    }
}

void x87_load(struct cpu *cpu)
{
    const struct x87 *f = &cpu->x87;
    struct x87_image im = {.cw = f->cw, .sw = f->sw};

    assert(!cpu->x87_live && !(~f->cw & XS_EXC));
    for (unsigned i = 0; i < 8; i++) {
        const struct x87_reg *r = &f->fpr[x87_phys(f, i)];

        im.tags |= f->valid >> i & 1 ? 0 : 3u << 2 * i;
        memcpy(im.st[i], &r->m, 8);
        memcpy(im.st[i] + 8, &r->se, 2);
    }
    __asm__ volatile("frstor %0" : : "m"(im));
    cpu->x87_live = true;
}
