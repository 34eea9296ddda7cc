/* SPDX-License-Identifier: MIT
 * Property lists of options: "type,key=value,flag". */
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/opts_int.h"

/* Copies one item up to a single comma; ",," stands for a comma. */
static const char *next_item(struct opts *o, const char **text)
{
    GString *s = g_string_new(NULL);
    const char *p = *text;
    for (; *p; p++) {
        if (*p == ',' && *++p != ',')
            break;
        g_string_append_c(s, *p);
    }
    const char *item = g_string_chunk_insert(o->strings, s->str);
    g_string_free(s, TRUE);
    *text = p;
    return item;
}

bool props_parse(struct opts *o, struct props *ps, const char *option, const char *text,
                 const char *implied, struct err *e)
{
    *ps = (struct props){.option = option};
    for (bool first = true; *text; first = false) {
        const char *item = next_item(o, &text);
        const char *eq = strchr(item, '=');
        struct opt_prop p = {item, "on"};

        if (!*item)
            continue;
        if (eq) {
            p.key = g_string_chunk_insert_len(o->strings, item, eq - item);
            p.value = eq + 1;
        } else if (first && implied) {
            p = (struct opt_prop){implied, item};
        } else if (!strncmp(item, "no", 2) && item[2]) {
            p = (struct opt_prop){item + 2, "off"};
        }
        if (ps->n == PROPS_MAX)
            return err_set(e, "%s: too many properties at '%s'", option, item);
        ps->p[ps->n++] = p;
    }
    return true;
}

/* The last of several wins, all are removed. */
const char *props_take(struct props *ps, const char *key)
{
    const char *value = NULL;
    for (unsigned i = 0; i < ps->n;) {
        if (strcmp(ps->p[i].key, key)) {
            i++;
            continue;
        }
        value = ps->p[i].value;
        memmove(&ps->p[i], &ps->p[i + 1], (ps->n - i - 1) * sizeof(ps->p[0]));
        ps->n--;
    }
    return value;
}

bool props_end(const struct props *ps, struct err *e)
{
    if (!ps->n)
        return true;
    return err_set(e, "%s: unknown property '%s'", ps->option, ps->p[0].key);
}

bool props_take_bool(struct props *ps, const char *key, bool *v, struct err *e)
{
    const char *s = props_take(ps, key);
    if (!s)
        return true;
    if (!strcmp(s, "on") || !strcmp(s, "yes") || !strcmp(s, "true") || !strcmp(s, "y"))
        *v = true;
    else if (!strcmp(s, "off") || !strcmp(s, "no") || !strcmp(s, "false") || !strcmp(s, "n"))
        *v = false;
    else
        return err_set(e, "%s: %s takes on or off, not '%s'", ps->option, key, s);
    return true;
}

bool props_take_uint(struct props *ps, const char *key, uint64_t max, uint64_t *v,
                     struct err *e)
{
    const char *s = props_take(ps, key);
    char *end;
    if (!s)
        return true;
    errno = 0;
    unsigned long long n = strtoull(s, &end, 0);
    if (!g_ascii_isdigit(*s) || *end || errno || n > max)
        return err_set(e, "%s: %s takes a number up to 0x%llx, not '%s'", ps->option, key,
                       (unsigned long long)max, s);
    *v = n;
    return true;
}
