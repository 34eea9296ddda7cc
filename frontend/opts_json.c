/* SPDX-License-Identifier: MIT
 * JSON objects on the command line, flattened into property lists (RFC 8259). */
#include <glib.h>
#include <string.h>

#include "frontend/opts_int.h"

enum { DEPTH_MAX = 16 };

struct json {
    struct opts *o;
    struct props *ps;
    const char *p;
    GString *key; /* of what is being read: "outer.inner" */
    unsigned depth, depth_max;
    struct err *e;
};

static bool read_value(struct json *j);

static bool bad(struct json *j, const char *what)
{
    return err_set(j->e, "%s: bad JSON: %s at '%.20s'", j->ps->option, what, j->p);
}

static char next_char(struct json *j)
{
    while (*j->p && strchr(" \t\r\n", *j->p))
        j->p++;
    return *j->p;
}

static bool add(struct json *j, const char *value)
{
    if (j->ps->n == PROPS_MAX)
        return err_set(j->e, "%s: too many properties", j->ps->option);
    j->ps->p[j->ps->n++] = (struct opt_prop){g_string_chunk_insert(j->o->strings, j->key->str),
                                             g_string_chunk_insert(j->o->strings, value)};
    return true;
}

static bool read_hex(struct json *j, GString *out)
{
    gunichar c = 0;

    for (int i = 0; i < 4; i++) {
        if (!g_ascii_isxdigit(j->p[1]))
            return bad(j, "\\u needs four hex digits");
        c = c << 4 | (gunichar)g_ascii_xdigit_value(*++j->p);
    }
    if (!c || (c >= 0xd800 && c < 0xe000))
        return bad(j, "such a character cannot be used here");
    g_string_append_unichar(out, c);
    return true;
}

/* j->p stands on the opening quote, afterwards behind the closing one. */
static bool read_string(struct json *j, GString *out)
{
    static const char names[] = "\"\\/bfnrt", chars[] = "\"\\/\b\f\n\r\t";

    for (j->p++; *j->p != '"'; j->p++) {
        const char *name;

        if ((unsigned char)*j->p < ' ')
            return bad(j, "the string does not end");
        if (*j->p != '\\') {
            g_string_append_c(out, *j->p);
            continue;
        }
        j->p++;
        name = *j->p ? strchr(names, *j->p) : NULL;
        if (name)
            g_string_append_c(out, chars[name - names]);
        else if (*j->p != 'u' ? !bad(j, "unknown escape") : !read_hex(j, out))
            return false;
    }
    j->p++;
    return true;
}

static bool add_string(struct json *j)
{
    GString *s = g_string_new(NULL);
    bool ok = read_string(j, s) && add(j, s->str);

    g_string_free(s, TRUE);
    return ok;
}

static bool read_member(struct json *j, bool object, unsigned index)
{
    gsize before = j->key->len;
    bool ok = true;

    if (before)
        g_string_append_c(j->key, '.');
    if (!object) {
        g_string_append_printf(j->key, "%u", index);
    } else {
        if (next_char(j) != '"')
            return bad(j, "a name is missing");
        ok = read_string(j, j->key);
        if (ok && next_char(j) != ':')
            ok = bad(j, "':' is missing");
        j->p += ok;
    }
    ok = ok && read_value(j);
    g_string_truncate(j->key, before);
    return ok;
}

static bool read_members(struct json *j, bool object)
{
    char end = object ? '}' : ']';

    if (j->depth == 1 && j->depth_max == 1)
        return err_set(j->e, "%s: '%s' takes a plain value, no object or array", j->ps->option,
                       j->key->str);
    if (++j->depth > j->depth_max)
        return bad(j, "nested too deeply");
    j->p++;
    if (next_char(j) == end) {
        j->p++;
        j->depth--;
        return true;
    }
    for (unsigned i = 0;; i++) {
        if (!read_member(j, object, i))
            return false;
        if (next_char(j) == end)
            break;
        if (*j->p != ',')
            return bad(j, "',' is missing");
        j->p++;
    }
    j->p++;
    j->depth--;
    return true;
}

/* Numbers and the words true, false, null. */
static bool read_plain(struct json *j)
{
    static const char *const words[][2] = {{"true", "on"}, {"false", "off"}, {"null", ""}};
    size_t n = strspn(j->p, "-+.0123456789eEabcdfhlnrstuABCDF");
    char *text;
    bool ok;

    for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
        if (n == strlen(words[i][0]) && !strncmp(j->p, words[i][0], n)) {
            j->p += n;
            return add(j, words[i][1]);
        }
    if (!n || strspn(j->p, "-+.0123456789eE") != n)
        return bad(j, "a value is missing");
    text = g_strndup(j->p, n);
    j->p += n;
    ok = add(j, text);
    g_free(text);
    return ok;
}

static bool read_value(struct json *j)
{
    switch (next_char(j)) {
    case '{': return read_members(j, true);
    case '[': return read_members(j, false);
    case '"': return add_string(j);
    default: return read_plain(j);
    }
}

bool props_parse_json(struct opts *o, struct props *ps, const char *option, const char *text,
                      enum json_depth depth, struct err *e)
{
    struct json j = {
        .o = o, .ps = ps, .p = text, .depth_max = depth == JSON_FLAT ? 1 : DEPTH_MAX, .e = e};
    bool ok;

    *ps = (struct props){.option = option};
    j.key = g_string_new(NULL);
    if (next_char(&j) != '{')
        ok = bad(&j, "an object is needed");
    else
        ok = read_value(&j) && (next_char(&j) == 0 || bad(&j, "text after the object"));
    g_string_free(j.key, TRUE);
    return ok;
}
