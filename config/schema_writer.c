#include "config/schema_writer.h"

#include <stdarg.h>

static void write_string(struct schema_writer *writer, const char *text)
{
    fputc('"', writer->stream);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', writer->stream);
        fputc(*text, writer->stream);
    }
    fputc('"', writer->stream);
}

static void next_line(struct schema_writer *writer)
{
    fprintf(writer->stream, "\n%*s", (int)writer->depth * 2, "");
}

/* Begins a member of an object, or with NULL an item of a list. */
static void begin(struct schema_writer *writer, const char *name)
{
    if (!writer->first)
        fputc(',', writer->stream);
    writer->first = false;
    next_line(writer);
    if (!name)
        return;
    write_string(writer, name);
    fputs(": ", writer->stream);
}

void schema_open(struct schema_writer *writer, const char *name, char bracket)
{
    begin(writer, name);
    fputc(bracket, writer->stream);
    writer->depth++;
    writer->first = true;
}

void schema_close(struct schema_writer *writer, char bracket)
{
    writer->depth--;
    next_line(writer);
    fputc(bracket, writer->stream);
    writer->first = false;
}

void schema_put_string(struct schema_writer *writer, const char *name, const char *text)
{
    begin(writer, name);
    write_string(writer, text);
}

void schema_put(struct schema_writer *writer, const char *name, const char *format, ...)
{
    va_list arguments;
    begin(writer, name);
    va_start(arguments, format);
    vfprintf(writer->stream, format, arguments);
    va_end(arguments);
}
