/* A table of text in aligned columns. All that may come from a peer is escaped here, so that
 * nothing in it controls the terminal. For one thread. */
#ifndef ACTPASS_SERVER_COMMANDS_COLUMNS_H
#define ACTPASS_SERVER_COMMANDS_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum columns_side { COLUMNS_LEFT, COLUMNS_RIGHT };

struct columns_head {
    const char *text;
    enum columns_side side;
};

struct columns;

/* HEADS must outlive it. NULL: out of memory. */
struct columns *columns_new(const struct columns_head *heads, size_t count);
void columns_free(struct columns *columns); /* NULL: does nothing */

/* Adds the next cell, row by row; a cell of "" shows as "-". COLUMNS may be NULL. */
__attribute__((format(printf, 2, 3))) void columns_add(struct columns *columns, const char *format,
                                                       ...);

/* How lines look. WIDTH: characters a line, what is beyond is cut off; 0: any number. The head is
 * put between two sequences for the terminal, or "". */
struct columns_look {
    size_t width;
    const char *head_begin, *head_end;
};

/* Writes the head and the rows. False: memory was short, for a cell or for COLUMNS, which is NULL
 * then; errors of the stream are left to the caller. */
bool columns_print(const struct columns *columns, FILE *out, const struct columns_look *look);

/* Writes one line of its own as the table would, without its newline. False: out of memory. */
__attribute__((format(printf, 3, 4))) bool columns_line(FILE *out, const struct columns_look *look,
                                                        const char *format, ...);

#endif
