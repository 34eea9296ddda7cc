/* SPDX-License-Identifier: MIT
 * Editing of one line on a terminal at the other end of a byte stream: Emacs keys, arrows,
 * history, completion by the caller. */
#ifndef FRONTEND_MONITOR_LINE_H
#define FRONTEND_MONITOR_LINE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct line;

struct line_host {
    void (*put)(void *opaque, const char *text);  /* to the terminal */
    void (*done)(void *opaque, const char *line); /* Enter */
    /* Tab: the text that completes the word at the end of `start`, or NULL; g_free()d */
    char *(*complete)(void *opaque, const char *start);
    void *opaque;
};

struct line *line_create(const char *prompt, const struct line_host *host); /* host is copied */
void line_destroy(struct line *l);
void line_prompt(struct line *l); /* begins an empty line */
void line_key(struct line *l, uint8_t ch);

#endif
