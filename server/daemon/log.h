/* The log: one line an event, logfmt, JSON, or logfmt as the journal takes it. Any thread. No call
 * waits for the reader of the log: a thread of its own writes the lines (log_writer.h). Never pass
 * secrets. */
#ifndef ACTPASS_SERVER_LOG_H
#define ACTPASS_SERVER_LOG_H

#include "config/config.h"
#include "server/daemon/throttle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log;

/* One field. Exactly one of text and number is used: text when it is not NULL. */
struct log_field {
    const char *key;
    const char *text;
    int64_t number;
};

static inline struct log_field log_text(const char *key, const char *text)
{
    return (struct log_field){.key = key, .text = text ? text : ""};
}

static inline struct log_field log_number(const char *key, int64_t number)
{
    return (struct log_field){.key = key, .number = number};
}

/* A line that is put together field by field; further fields than fit are left out. All zero: there
 * are none yet. */
enum { LOG_LINE_FIELDS = 36 };
struct log_line {
    struct log_field fields[LOG_LINE_FIELDS];
    size_t count;
};

static inline void log_line_add(struct log_line *line, struct log_field field)
{
    if (line->count < LOG_LINE_FIELDS)
        line->fields[line->count++] = field;
}

/* A log that writes lines of LEVEL and more severe ones to the descriptor, which stays the
 * caller's. NULL when memory or descriptors are short. */
struct log *log_new(enum config_log_level level, enum config_log_format format, int fd);

/* Changes the level and the format of lines that are written later. Any thread. */
void log_set(struct log *log, enum config_log_level level, enum config_log_format format);

/* How many lines were lost since the start. */
unsigned long log_lost(const struct log *log);

/* Waits until all lines so far are written. False: they were not by the deadline. */
bool log_flush(struct log *log, int64_t deadline_us);

/* Writes the queued lines for at most 2 s, and frees the log. Accepts NULL. */
void log_free(struct log *log);

/* Writes `ts=... level=...` (format journald: `<6>`, a priority of syslog) and the fields, in the
 * order given. Values that came from a peer are
 * quoted and escaped, so that one event is always one line. A field that would make the line longer
 * than 4096 bytes is left out, and cut=1 says so. Up to 1 MiB of lines wait for a reader that is
 * slow. A line that finds no room there, or cannot be written, is lost, and the next one says
 * lost=N. A NULL log is silent. */
void log_write(struct log *log, enum config_log_level level, const struct log_field *fields,
               size_t count);

/* Writes a text as the whole line, behind the priority with format journald; with format JSON it is
 * the field "access" of a line with event close. It must hold no newline. */
void log_write_text(struct log *log, enum config_log_level level, const char *text);

/* The time now as lines have it, and the name of a level. */
enum { LOG_STAMP_MAX = 48 };
void log_stamp(char text[LOG_STAMP_MAX]);
const char *log_level_name(enum config_log_level level);

/* Limits the log lines about a condition that may be noted a thousand times a second. All zero: it
 * was never noted. Any thread. */
struct log_limit {
    _Atomic int64_t last_us;
};

/* Notes the condition. True: it begins, since it has not been noted for 5 s, so write a line. */
bool log_limit_note(struct log_limit *limit);

/* The limit on lines about peers that have not completed a handshake. NULL at level debug:
 * there is no limit, since debugging needs all lines. */
struct throttle *log_throttle(const struct log *log);

/* Would a line of this level be written? Saves making fields for nothing. */
bool log_enabled(const struct log *log, enum config_log_level level);

#endif
