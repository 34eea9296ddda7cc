/* SPDX-License-Identifier: MIT
 * A pc board with a VGA that does what the lines of standard input say, in the words of QEMU's
 * qtest protocol: outb/outw/outl PORT VALUE, inb/inw/inl PORT, writeb ADDR VALUE,
 * write ADDR SIZE 0xHEX, and besides: screendump PATH. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/screendump.h"
#include "tests/hw/machine.h"

static uint64_t number(char **p)
{
    return strtoull(*p, p, 0);
}

static void write_hex(struct machine *m, char *p)
{
    gpa addr = number(&p);
    uint64_t n = number(&p);

    p += strspn(p, " ");
    for (p += 2; n--; p += 2) {
        char byte[3] = {p[0], p[1], 0};

        space_write(m->pc->mem, addr++, strtoul(byte, NULL, 16), 1);
    }
}

static unsigned size_of(const char *word)
{
    switch (word[strlen(word) - 1]) {
    case 'b': return 1;
    case 'w': return 2;
    default: return 4;
    }
}

static void dump(struct vga_pci *card, char *path)
{
    struct display d = vga_display(&card->vga);
    struct err e;

    if (!screendump_write(&d, path, SCREENDUMP_PPM, &e))
        g_error("%s", e.msg);
}

static void play(struct machine *m, struct vga_pci *card, char *line)
{
    char *word = strtok(line, " \n"), *rest = strtok(NULL, "\n");
    uint64_t a, v = 0;

    if (!strcmp(word, "write")) {
        write_hex(m, rest);
    } else if (!strcmp(word, "screendump")) {
        dump(card, rest);
    } else {
        a = number(&rest);
        if (!strncmp(word, "out", 3))
            space_write(m->pc->ports, a, number(&rest), size_of(word));
        else if (!strncmp(word, "read", 4))
            v = space_read(m->pc->mem, a, size_of(word));
        else if (!strncmp(word, "in", 2))
            v = space_read(m->pc->ports, a, size_of(word));
        else if (!strncmp(word, "write", 5))
            space_write(m->pc->mem, a, number(&rest), size_of(word));
        else
            g_error("'%s'?", word);
    }
    printf("OK 0x%llx\n", (unsigned long long)v);
    fflush(stdout);
}

int main(void)
{
    static struct machine m;
    static struct vga_pci card;
    size_t room = 0;
    char *line = NULL;
    struct err e;

    machine_start(&m);
    dev_init(&card.pci.dev, &vga_pci_class, NULL, &m.pc->env);
    if (!pc_add_pci(m.pc, &m.pc->pci.bus, -1, &card.pci, &e))
        g_error("%s", e.msg);
    pc_reset(m.pc);
    while (getline(&line, &room, stdin) > 0)
        play(&m, &card, line);
    free(line);
    machine_stop(&m);
    return 0;
}
