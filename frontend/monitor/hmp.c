/* SPDX-License-Identifier: MIT
 * The monitor for people: greeting, prompt, completion. */
#include <string.h>

#include "frontend/monitor/mon_int.h"

#define PROMPT "(qemu) "

static void put(void *opaque, const char *text)
{
    mon_puts(opaque, text);
}

static void line_done(void *opaque, const char *text)
{
    struct mon *m = opaque;
    GString *out = g_string_new(NULL);

    mon_run_line(m->ms, text, out);
    mon_puts(m, out->str);
    g_string_free(out, TRUE);
    if (!vm_ending(m->ms->vm))
        line_prompt(m->line);
}

/* What all candidates have in common, in *common after the first. */
static void candidate(GString **common, const char *name, size_t n)
{
    size_t i = 0;

    if (!*common) {
        *common = g_string_new_len(name, (gssize)n);
        return;
    }
    while (i < (*common)->len && i < n && (*common)->str[i] == name[i])
        i++;
    g_string_truncate(*common, i);
}

static char *complete(void *opaque, const char *start)
{
    size_t n = strlen(start);
    GString *common = NULL;
    unsigned found = 0;
    char *more = NULL;

    for (unsigned i = 0; i < mon_n_cmds; i++) {
        const char *name = mon_cmds[i].hmp;

        while (name && *name) {
            size_t k = strcspn(name, "|");

            if (k >= n && !strncmp(name, start, n)) {
                candidate(&common, name, k);
                found++;
            }
            name += k + (name[k] == '|');
        }
    }
    if (common)
        more = g_strconcat(common->str + n, found == 1 ? " " : "", NULL);
    if (common)
        g_string_free(common, TRUE);
    return more;
}

static void greet(struct mon *m)
{
    const struct line_host host = {put, line_done, complete, m};

    line_destroy(m->line);
    m->line = line_create(PROMPT, &host);
    m->greeted = true;
    mon_puts(m,
             "QEMU " MON_VERSION_TEXT " monitor (Mynah) - type 'help' for more information\n");
    line_prompt(m->line);
}

void hmp_opened(struct mon *m)
{
    m->greeted = false;
    if (!chr_is_mux(m->port->back)) /* else when it gets the focus */
        greet(m);
}

void hmp_focus(struct mon *m)
{
    if (!m->greeted) {
        greet(m);
        return;
    }
    mon_puts(m, "\n");
    line_prompt(m->line);
}

void hmp_input(struct mon *m, uint8_t ch)
{
    if (m->line)
        line_key(m->line, ch);
}
