/* SPDX-License-Identifier: MIT
 * Guest RAM between guard pages, images made from bytes, files from images. */
#ifndef TESTS_HW_FW_UTIL_H
#define TESTS_HW_FW_UTIL_H

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hw/fw/boot.h"

/* RAM whose last byte is followed by an inaccessible page: a loader that
 * writes too far dies. */
static inline struct boot_ram ram_new(uint64_t size)
{
    uint8_t *p = mmap(NULL, size + 2 * GUEST_PAGE_SIZE, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    g_assert_true(p != MAP_FAILED);
    g_assert_cmpint(mprotect(p + GUEST_PAGE_SIZE, size, PROT_READ | PROT_WRITE), ==, 0);
    return (struct boot_ram){.host = p + GUEST_PAGE_SIZE, .low = size};
}

static inline void ram_free(struct boot_ram *r)
{
    munmap(r->host - GUEST_PAGE_SIZE, r->low + 2 * GUEST_PAGE_SIZE);
}

/* The caller unlinks and frees the name. */
static inline char *file_new(const void *data, size_t n)
{
    char *name = NULL;
    int fd = g_file_open_tmp("mynah-fw-XXXXXX", &name, NULL);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, data, n), ==, (gssize)n);
    close(fd);
    return name;
}

static inline void file_drop(char *name)
{
    g_unlink(name);
    g_free(name);
}

/* Minimal ELF with one segment at paddr holding n bytes of code, memsz more by
 * bss; pvh != 0 adds the note. Returns its size; out has room for 4096 + n. */
static inline size_t make_elf(uint8_t *out, bool is64, uint64_t paddr, const void *code,
                              size_t n, uint64_t bss, uint64_t entry, uint32_t pvh)
{
    unsigned eh = is64 ? 64 : 52, ph = is64 ? 56 : 32, phnum = pvh ? 2 : 1;
    memset(out, 0, 4096 + n);
    memcpy(out, "\177ELF\0\1\1", 7);
    out[4] = is64 ? 2 : 1;
    put16(out + 16, 2);
    put16(out + 18, is64 ? 62 : 3);
    put32(out + 20, 1);
    uint8_t *p = out + eh;
    if (is64) {
        put64(out + 24, entry);
        put64(out + 32, eh);
        put16(out + 54, (uint16_t)ph);
        put16(out + 56, (uint16_t)phnum);
        put32(p, 1);
        put64(p + 8, 4096);
        put64(p + 24, paddr);
        put64(p + 32, n);
        put64(p + 40, n + bss);
    } else {
        put32(out + 24, (uint32_t)entry);
        put32(out + 28, eh);
        put16(out + 42, (uint16_t)ph);
        put16(out + 44, (uint16_t)phnum);
        put32(p, 1);
        put32(p + 4, 4096);
        put32(p + 12, (uint32_t)paddr);
        put32(p + 16, (uint32_t)n);
        put32(p + 20, (uint32_t)(n + bss));
    }
    if (pvh) {
        uint8_t *q = p + ph, *note = out + 1024;
        put32(q, 4);
        if (is64) {
            put64(q + 8, 1024);
            put64(q + 32, 20);
        } else {
            put32(q + 4, 1024);
            put32(q + 16, 20);
        }
        put32(note, 4);
        put32(note + 4, 4);
        put32(note + 8, 18);
        memcpy(note + 12, "Xen", 4);
        put32(note + 16, pvh);
    }
    memcpy(out + 4096, code, n);
    return 4096 + n;
}

#endif
