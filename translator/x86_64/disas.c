/* SPDX-License-Identifier: MIT
 * -d out_asm: the host code of a block, for people. */
#include "translator/x86_64/x64.h"

#include <capstone/capstone.h>
#include <inttypes.h>

#include "softmmu/log.h"

void x64_disas_log(const struct block *b, const uint8_t *code, size_t n)
{
    FILE *f = log_lock();
    uint64_t at = (uint64_t)(uintptr_t)code;
    cs_insn *in;
    csh h;

    if (cs_open(CS_ARCH_X86, CS_MODE_64, &h) == CS_ERR_OK) {
        fprintf(f, "OUT: [rip=%" PRIx64 " insns=%u size=%zu]\n", b->rip, b->ninsn, n);
        in = cs_malloc(h);
        while (in && cs_disasm_iter(h, &code, &n, &at, in))
            fprintf(f, "0x%" PRIx64 ":  %s %s\n", in->address, in->mnemonic, in->op_str);
        if (in)
            cs_free(in, 1);
        cs_close(&h);
        fputc('\n', f);
    }
    log_unlock();
}
