/* Writes the JSON of the schema: members and items, each in a line of its own. */
#ifndef ACTPASS_CONFIG_SCHEMA_WRITER_H
#define ACTPASS_CONFIG_SCHEMA_WRITER_H

#include <stdbool.h>
#include <stdio.h>

struct schema_writer {
    FILE *stream;
    unsigned depth; /* of nested objects and lists */
    bool first;     /* nothing was written in the innermost one yet */
};

/* All: NAME is that of a member of an object; NULL for an item of a list. */

void schema_open(struct schema_writer *writer, const char *name, char bracket);
void schema_close(struct schema_writer *writer, char bracket); /* its counterpart */
void schema_put_string(struct schema_writer *writer, const char *name, const char *text);

/* A number, true, false or any other finished JSON. */
void schema_put(struct schema_writer *writer, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
