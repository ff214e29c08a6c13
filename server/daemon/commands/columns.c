#include "server/daemon/commands/columns.h"

#include "config/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 2 };

struct columns {
    const struct columns_head *heads;
    size_t column_count, next; /* the column of the next cell */
    size_t *widths;            /* in characters */
    char **cells;              /* row by row */
    size_t count, room;
    bool short_of_memory;
};

/* In characters: whatever text_show leaves is UTF-8. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

struct columns *columns_new(const struct columns_head *heads, size_t count)
{
    struct columns *columns = calloc(1, sizeof(*columns));
    size_t *widths = calloc(count, sizeof(*widths));
    if (!columns || !widths) {
        free(columns);
        free(widths);
        return NULL;
    }
    columns->heads = heads;
    columns->column_count = count;
    columns->widths = widths;
    for (size_t i = 0; i < count; i++)
        widths[i] = width_of(heads[i].text);
    return columns;
}

void columns_free(struct columns *columns)
{
    if (!columns)
        return;
    for (size_t i = 0; i < columns->count; i++)
        free(columns->cells[i]);
    free(columns->cells);
    free(columns->widths);
    free(columns);
}

/* ---- Cells ---------------------------------------------------------------------------------- */

/* Escaped; the caller frees it. */
static char *shown(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        return NULL;
    char *escaped = text_show(text, TEXT_LINE_MAX);
    free(text);
    return escaped;
}

static bool make_room(struct columns *columns)
{
    if (columns->count < columns->room)
        return true;
    size_t room = columns->room ? 2 * columns->room : 64;
    char **cells = realloc(columns->cells, room * sizeof(*cells));
    if (!cells)
        return false;
    columns->cells = cells;
    columns->room = room;
    return true;
}

/* An empty cell is shown as "-". */
static const char *filled(const char *cell)
{
    return cell[0] != '\0' ? cell : "-";
}

static void append(struct columns *columns, char *cell)
{
    size_t width = width_of(filled(cell));
    if (width > columns->widths[columns->next])
        columns->widths[columns->next] = width;
    columns->cells[columns->count++] = cell;
    columns->next = columns->next + 1 < columns->column_count ? columns->next + 1 : 0;
}

void columns_add(struct columns *columns, const char *format, ...)
{
    if (!columns)
        return;
    va_list arguments;
    va_start(arguments, format);
    char *cell = shown(format, arguments);
    va_end(arguments);
    if (cell && make_room(columns)) {
        append(columns, cell);
        return;
    }
    free(cell);
    columns->short_of_memory = true;
}

/* ---- Printing ------------------------------------------------------------------------------- */

/* What is left of a line, in characters. */
struct line {
    FILE *out;
    size_t left;
};

static struct line line_begin(FILE *out, const struct columns_look *look)
{
    return (struct line){.out = out, .left = look->width ? look->width : SIZE_MAX};
}

static void put_text(struct line *line, const char *text)
{
    for (; *text; text++) {
        bool begins = ((unsigned char)*text & 0xc0) != 0x80;
        if (begins && line->left == 0)
            return;
        line->left -= begins;
        (void)fputc(*text, line->out);
    }
}

static void put_blanks(struct line *line, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put_text(line, " ");
}

static void put_cell(struct line *line, const struct columns *columns, size_t column,
                     const char *text)
{
    size_t pad = columns->widths[column] - width_of(text);
    bool right = columns->heads[column].side == COLUMNS_RIGHT;
    put_blanks(line, (column > 0 ? GAP : 0) + (right ? pad : 0));
    put_text(line, text);
    if (!right && column + 1 < columns->column_count)
        put_blanks(line, pad);
}

static void print_head(const struct columns *columns, FILE *out, const struct columns_look *look)
{
    struct line line = line_begin(out, look);
    (void)fputs(look->head_begin, out);
    for (size_t i = 0; i < columns->column_count; i++)
        put_cell(&line, columns, i, columns->heads[i].text);
    (void)fprintf(out, "%s\n", look->head_end);
}

bool columns_print(const struct columns *columns, FILE *out, const struct columns_look *look)
{
    if (!columns || columns->short_of_memory)
        return false;
    print_head(columns, out, look);
    size_t width = columns->column_count;
    for (size_t row = 0; row + width <= columns->count; row += width) {
        struct line line = line_begin(out, look);
        for (size_t i = 0; i < width; i++)
            put_cell(&line, columns, i, filled(columns->cells[row + i]));
        (void)fputc('\n', out);
    }
    return true;
}

bool columns_line(FILE *out, const struct columns_look *look, const char *format, ...)
{
    struct line line = line_begin(out, look);
    va_list arguments;
    va_start(arguments, format);
    char *text = shown(format, arguments);
    va_end(arguments);
    if (!text)
        return false;
    put_text(&line, text);
    free(text);
    return true;
}
