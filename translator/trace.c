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
