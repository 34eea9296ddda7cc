/* SPDX-License-Identifier: MIT */
#include "translator/trace.h"

#include <capstone/capstone.h>
#include <inttypes.h>

#include "softmmu/log.h"

static void disassemble(FILE *f, cs_arch arch, cs_mode mode, uint64_t pc, const uint8_t *code,
                        size_t n)
{
    csh cs;
    cs_insn *insn;

    if (cs_open(arch, mode, &cs) != CS_ERR_OK) {
        fprintf(f, "(no disassembler)\n");
        return;
    }
    insn = cs_malloc(cs);
    while (n && insn && cs_disasm_iter(cs, &code, &n, &pc, insn))
        fprintf(f, "0x%08" PRIx64 ":  %s %s\n", insn->address, insn->mnemonic, insn->op_str);
    if (n)
        fprintf(f, "0x%08" PRIx64 ":  (%zu bytes not disassembled)\n", pc, n);
    cs_free(insn, 1);
    cs_close(&cs);
}

void trace_in_asm(uint64_t pc, const uint8_t *code, size_t n, uint16_t mode)
{
    static const cs_mode modes[] = {CS_MODE_16, CS_MODE_32, CS_MODE_64, CS_MODE_64};
    FILE *f = log_lock();

    fprintf(f, "----------------\nIN: mode %04x\n", mode);
    disassemble(f, CS_ARCH_X86, modes[mode & CM_SIZE], pc, code, n);
    log_unlock();
}

void trace_ir(const struct ir_block *b)
{
    char buf[256];
    FILE *f = log_lock();

    fprintf(f, "OP: %" PRIx64 ", %u instructions\n", b->cs_base + b->rip, b->ninsn);
    for (unsigned i = 0; i < b->n; i++) {
        ir_format(buf, sizeof(buf), &b->op[i]);
        fprintf(f, "  %s\n", buf);
    }
    log_unlock();
}

void trace_out_asm(uint64_t guest_pc, const uint8_t *code, size_t n)
{
    FILE *f = log_lock();

    fprintf(f, "OUT: %" PRIx64 " [%zu bytes]\n", guest_pc, n);
#if defined(__aarch64__)
    disassemble(f, CS_ARCH_ARM64, CS_MODE_ARM, (uint64_t)(uintptr_t)code, code, n);
#else
    disassemble(f, CS_ARCH_X86, CS_MODE_64, (uint64_t)(uintptr_t)code, code, n);
#endif
    log_unlock();
}

void trace_walk(gva va, enum mmu_access acc, enum mmu_view view, gpa pa,
                const struct mmu_fault *fault)
{
    static const char *const kinds[] = {"read", "write", "fetch"};
    static const char *const views[] = {"user", "super", "super+ac"};

    if (fault)
        log_printf("mmu: %016" PRIx64 " %s %s: #PF error %04x\n", va, views[view], kinds[acc],
                   fault->code);
    else
        log_printf("mmu: %016" PRIx64 " %s %s -> %012" PRIx64 "\n", va, views[view], kinds[acc],
                   pa);
}

static void print_segment(FILE *f, const char *name, const struct seg *s)
{
    fprintf(f, "%-3s=%04x %016" PRIx64 " %08x %04x\n", name, s->sel, s->base, s->limit, s->attr);
}

/* The layout that users of QEMU's -d cpu know. */
void trace_cpu(const struct cpu *cpu)
{
    static const char *const gpr[] = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                      "R8 ", "R9 ", "R10", "R11", "R12", "R13", "R14", "R15"};
    static const char *const segs[] = {"ES", "CS", "SS", "DS", "FS", "GS"};
    FILE *f = log_lock();

    for (unsigned i = 0; i < 16; i++)
        fprintf(f, "%s=%016" PRIx64 "%c", gpr[i], cpu->gpr[i], i % 4 == 3 ? '\n' : ' ');
    fprintf(f, "RIP=%016" PRIx64 " RFL=%08" PRIx64 " CPL=%d HLT=%d\n", cpu->rip,
            cpu_get_rflags(cpu), cpu->cpl, cpu->halted);
    for (unsigned i = 0; i < SEG_COUNT; i++)
        print_segment(f, segs[i], &cpu->seg[i]);
    print_segment(f, "LDT", &cpu->ldt);
    print_segment(f, "TR", &cpu->tr);
    fprintf(f, "GDT=     %016" PRIx64 " %08x\nIDT=     %016" PRIx64 " %08x\n", cpu->gdt.base,
            cpu->gdt.limit, cpu->idt.base, cpu->idt.limit);
    fprintf(f, "CR0=%08" PRIx64 " CR2=%016" PRIx64 " CR3=%016" PRIx64 " CR4=%08" PRIx64 "\n",
            cpu->cr0, cpu->cr2, cpu->cr3, cpu->cr4);
    fprintf(f, "EFER=%016" PRIx64 "\n", cpu->efer);
    log_unlock();
}
