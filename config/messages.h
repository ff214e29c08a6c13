/* What is wrong with a configuration, gathered in any order and handed out by position. One load
 * is one thread's work, so nothing here is locked. */
#ifndef ACTPASS_CONFIG_MESSAGES_H
#define ACTPASS_CONFIG_MESSAGES_H

#include "config/config.h"
#include "config/origin.h"

struct messages {
    struct origin *origin;         /* NULL: there was no memory for it */
    struct config_strings sources; /* of struct config, which takes them */
    struct config_message *items;
    size_t count, capacity;
    bool failed;                     /* some are errors */
    struct config_strings no_memory; /* made beforehand, to be there when memory is not */
    bool out_of_memory;
};

/* FILE is the configuration's. The origin is the caller's to free. */
void messages_init(struct messages *messages, const char *file);

/* Errors about a place: about its key (unknown, duplicate), or about its value. They mark the place
 * as bad. `FILE:LINE:COLUMN: /PATH: TEXT`; a warning has `warning: ` before the path. */
__attribute__((format(printf, 3, 4))) void
messages_error_at_key(struct messages *messages, struct place *place, const char *format, ...);
__attribute__((format(printf, 3, 4))) void
messages_error_at(struct messages *messages, struct place *place, const char *format, ...);
__attribute__((format(printf, 3, 4))) void
messages_warning_at(struct messages *messages, struct place *place, const char *format, ...);

/* An error that belongs to no place: `FILE:LINE:COLUMN: TEXT`, or `FILE: TEXT` with line 0. */
void messages_error_plain(struct messages *messages, struct position at, const char *text);

/* Notes a file or folder that the configuration is read from. */
void messages_note_source(struct messages *messages, const char *path);

/* A position as another message names it: LINE:COLUMN, and the file's name before it if it is not
 * that of FROM. */
struct position_text {
    char text[256];
};
struct position_text messages_position(const struct messages *messages, struct position at,
                                       struct position from);

/* Moves everything into the report, sorted. The messages are empty afterwards, but for the origin.
 * True if anything was an error. After running out of memory that alone is reported. */
bool messages_finish(struct messages *messages, struct config_report *report);

#endif
