/* SPDX-License-Identifier: MIT */
#include "frontend/monitor/line.h"

#include <string.h>

#define LINE_MAX_BYTES 4096
#define HISTORY_MAX    64

#define CTRL(ch) ((ch)&0x1f)

struct line {
    char *prompt;
    struct line_host host;
    GString *text;
    size_t at;          /* cursor */
    GPtrArray *history; /* oldest first */
    guint browsing;     /* index into history; its length: the line being typed */
    enum { PLAIN, ESCAPE, BRACKET } state;
    unsigned number; /* of ESC [ number ~ */
    bool after_cr;   /* a line feed that follows belongs to it */
};

struct line *line_create(const char *prompt, const struct line_host *host)
{
    struct line *l = g_new0(struct line, 1);

    l->prompt = g_strdup(prompt);
    l->host = *host;
    l->text = g_string_new(NULL);
    l->history = g_ptr_array_new_with_free_func(g_free);
    return l;
}

void line_destroy(struct line *l)
{
    if (!l)
        return;
    g_ptr_array_free(l->history, TRUE);
    g_string_free(l->text, TRUE);
    g_free(l->prompt);
    g_free(l);
}

static void put(struct line *l, const char *text)
{
    l->host.put(l->host.opaque, text);
}

void line_prompt(struct line *l)
{
    g_string_truncate(l->text, 0);
    l->at = 0;
    l->browsing = l->history->len;
    put(l, l->prompt);
}

/* The line as it is now over the one that is shown. */
static void redraw(struct line *l)
{
    char back[32];

    put(l, "\r");
    put(l, l->prompt);
    put(l, l->text->str);
    put(l, "\033[K");
    if (l->at == l->text->len)
        return;
    g_snprintf(back, sizeof(back), "\033[%zuD", l->text->len - l->at);
    put(l, back);
}

static void insert(struct line *l, const char *text)
{
    size_t n = strlen(text);

    if (l->text->len + n > LINE_MAX_BYTES)
        return;
    g_string_insert(l->text, (gssize)l->at, text);
    l->at += n;
    if (l->at == l->text->len)
        put(l, text);
    else
        redraw(l);
}

static void erase(struct line *l, size_t from, size_t n)
{
    if (from + n > l->text->len)
        return;
    g_string_erase(l->text, (gssize)from, (gssize)n);
    l->at = from;
    redraw(l);
}

static void erase_word(struct line *l)
{
    size_t from = l->at;

    while (from && l->text->str[from - 1] == ' ')
        from--;
    while (from && l->text->str[from - 1] != ' ')
        from--;
    erase(l, from, l->at - from);
}

static void move_to(struct line *l, size_t at)
{
    if (at > l->text->len)
        return;
    l->at = at;
    redraw(l);
}

static void browse(struct line *l, int step)
{
    guint to = l->browsing + (guint)step;

    if (to > l->history->len) /* also below 0 */
        return;
    l->browsing = to;
    g_string_assign(l->text, to < l->history->len ? l->history->pdata[to] : "");
    l->at = l->text->len;
    redraw(l);
}

static void remember(struct line *l)
{
    const char *last = l->history->len ? l->history->pdata[l->history->len - 1] : "";

    if (!l->text->len || !strcmp(last, l->text->str))
        return;
    g_ptr_array_add(l->history, g_strdup(l->text->str));
    if (l->history->len > HISTORY_MAX)
        g_ptr_array_remove_index(l->history, 0);
}

static void enter(struct line *l)
{
    char *text = g_strdup(l->text->str);

    put(l, "\n");
    remember(l);
    l->host.done(l->host.opaque, text); /* begins the next line */
    g_free(text);
}

static void complete(struct line *l)
{
    char *more;

    if (!l->host.complete || l->at != l->text->len)
        return;
    more = l->host.complete(l->host.opaque, l->text->str);
    if (more)
        insert(l, more);
    g_free(more);
}

static void escape_done(struct line *l, uint8_t ch)
{
    switch (ch) {
    case 'A': browse(l, -1); break;
    case 'B': browse(l, 1); break;
    case 'C': move_to(l, l->at + 1); break;
    case 'D': move_to(l, l->at - 1); break; /* before the start: too large */
    case 'H': move_to(l, 0); break;
    case 'F': move_to(l, l->text->len); break;
    case '~':
        if (l->number == 1 || l->number == 7)
            move_to(l, 0);
        else if (l->number == 4 || l->number == 8)
            move_to(l, l->text->len);
        else if (l->number == 3)
            erase(l, l->at, 1);
        break;
    default: break;
    }
}

static void plain_key(struct line *l, uint8_t ch)
{
    char text[2] = {(char)ch, 0};

    switch (ch) {
    case '\r': enter(l); break;
    case '\n':
        if (!l->after_cr)
            enter(l);
        break;
    case CTRL('A'): move_to(l, 0); break;
    case CTRL('E'): move_to(l, l->text->len); break;
    case CTRL('B'): move_to(l, l->at - 1); break;
    case CTRL('F'): move_to(l, l->at + 1); break;
    case CTRL('K'): erase(l, l->at, l->text->len - l->at); break;
    case CTRL('U'): erase(l, 0, l->at); break;
    case CTRL('W'): erase_word(l); break;
    case CTRL('D'): erase(l, l->at, 1); break;
    case CTRL('P'): browse(l, -1); break;
    case CTRL('N'): browse(l, 1); break;
    case CTRL('L'): redraw(l); break;
    case '\t': complete(l); break;
    case 8:
    case 127:
        if (l->at)
            erase(l, l->at - 1, 1);
        break;
    case 27: l->state = ESCAPE; break;
    default:
        if (ch >= ' ')
            insert(l, text);
        break;
    }
    l->after_cr = ch == '\r';
}

void line_key(struct line *l, uint8_t ch)
{
    switch (l->state) {
    case PLAIN: plain_key(l, ch); break;
    case ESCAPE:
        l->state = ch == '[' || ch == 'O' ? BRACKET : PLAIN;
        l->number = 0;
        break;
    case BRACKET:
        if (ch >= '0' && ch <= '9') {
            l->number = (l->number * 10 + ch - '0') % 1000;
        } else if (ch >= '@' || ch < ' ') {
            l->state = PLAIN;
            escape_done(l, ch);
        }
        break;
    }
}
