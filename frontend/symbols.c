/* SPDX-License-Identifier: MIT */
#include "frontend/symbols.h"

#include <errno.h>
#include <gelf.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>

#include "hw/fw/boot.h"

#define LAST_SYMBOL_BYTES (1u << 20)
#define FILE_MAX          (256u << 20)

struct symbol {
    gva addr;
    uint64_t size; /* 0: up to the next */
    char *name;
};

struct symbols {
    GArray *all; /* struct symbol, by address */
};

static void clear_symbol(void *p)
{
    g_free(((struct symbol *)p)->name);
}

static void add(struct symbols *s, gva addr, uint64_t size, const char *name, size_t len)
{
    struct symbol sym = {addr, size, g_strndup(name, len)};

    g_array_append_val(s->all, sym);
}

/* "ffffffff81000000 T _text", "... t name\t[module]" */
static void read_line(struct symbols *s, const char *line, const char *end)
{
    char *p;
    gva addr = g_ascii_strtoull(line, &p, 16);
    size_t n;

    if (p == line || p + 3 >= end || p[0] != ' ' || p[2] != ' ' || !addr)
        return;
    if (!strchr("tTwW", p[1]))
        return;
    for (n = 0; p + 3 + n < end && !g_ascii_isspace(p[3 + n]); n++)
        ;
    if (n)
        add(s, addr, 0, p + 3, n);
}

static void read_text(struct symbols *s, const char *data, size_t n)
{
    const char *end = data + n, *eol;

    for (; data < end; data = eol + 1) {
        eol = memchr(data, '\n', (size_t)(end - data));
        if (!eol)
            eol = end;
        read_line(s, data, eol);
    }
}

static void read_symtab(struct symbols *s, Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh)
{
    Elf_Data *data = elf_getdata(scn, NULL);
    GElf_Sym sym;

    for (int i = 0; data && gelf_getsym(data, i, &sym); i++) {
        const char *name = elf_strptr(elf, sh->sh_link, sym.st_name);

        if (name && *name && GELF_ST_TYPE(sym.st_info) == STT_FUNC && sym.st_value)
            add(s, sym.st_value, sym.st_size, name, strlen(name));
    }
}

static void read_elf(struct symbols *s, char *bytes, size_t n)
{
    Elf_Scn *scn = NULL;
    GElf_Shdr sh;
    Elf *elf;

    elf_version(EV_CURRENT);
    elf = elf_memory(bytes, n);
    while (elf && (scn = elf_nextscn(elf, scn)))
        if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_SYMTAB)
            read_symtab(s, elf, scn, &sh);
    elf_end(elf);
}

static int by_address(const void *a, const void *b)
{
    gva x = ((const struct symbol *)a)->addr, y = ((const struct symbol *)b)->addr;

    return x < y ? -1 : x > y;
}

/* Looked at before it is opened: opening a pipe may wait for ever. */
static bool open_file(struct boot_file *f, const char *path, struct err *e)
{
    struct stat st;

    if (stat(path, &st))
        return err_set(e, "cannot open '%s': %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, "'%s' is not a regular file", path);
    return boot_file_open(f, path, FILE_MAX, e);
}

struct symbols *symbols_load(const char *path, struct err *e)
{
    struct boot_file f = {0};
    struct symbols *s;

    if (!open_file(&f, path, e)) {
        err_prefix(e, "-symbols");
        return NULL;
    }
    s = g_new(struct symbols, 1);
    s->all = g_array_new(FALSE, FALSE, sizeof(struct symbol));
    g_array_set_clear_func(s->all, clear_symbol);
    if (f.size >= SELFMAG && !memcmp(f.data, ELFMAG, SELFMAG))
        read_elf(s, (char *)(uintptr_t)f.data, f.size);
    else
        read_text(s, (const char *)f.data, f.size);
    boot_file_close(&f);
    if (!s->all->len) {
        symbols_free(s);
        err_set(e, "no code symbols with an address in '%s'", path);
        return NULL;
    }
    g_array_sort(s->all, by_address);
    return s;
}

void symbols_free(struct symbols *s)
{
    if (!s)
        return;
    g_array_free(s->all, TRUE);
    g_free(s);
}

const char *symbols_find(const struct symbols *s, gva addr, uint64_t *offset)
{
    unsigned lo = 0, hi = s ? s->all->len : 0;
    const struct symbol *sym;
    uint64_t size;

    while (lo < hi) { /* first symbol behind addr */
        unsigned mid = (lo + hi) / 2;

        if (g_array_index(s->all, struct symbol, mid).addr <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (!lo)
        return NULL;
    sym = &g_array_index(s->all, struct symbol, lo - 1);
    size = sym->size ? sym->size : LAST_SYMBOL_BYTES;
    *offset = addr - sym->addr;
    return *offset < size ? sym->name : NULL;
}
