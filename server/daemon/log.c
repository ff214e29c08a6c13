#include "server/daemon/log.h"

#include "config/text.h"
#include "relay/clock.h"
#include "server/daemon/log_writer.h"
#include "server/lib/base/rate.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TAIL_ROOM = 64 };

struct log {
    _Atomic enum config_log_level level;
    _Atomic enum config_log_format format;
    struct log_writer *writer;
    struct throttle *throttle;
    atomic_ulong lost;        /* lines that were lost since the last one that was queued */
    atomic_ulong lost_before; /* those that a line has told of */
};

struct line {
    char text[LOG_LINE_MAX];
    size_t length;
    size_t limit; /* of length, for now */
    size_t start; /* of the first field */
    bool full;    /* something did not fit */
    enum config_log_format format;
};

struct log *log_new(enum config_log_level level, enum config_log_format format, int fd)
{
    struct log *log = malloc(sizeof(*log));
    if (!log)
        return NULL;
    atomic_init(&log->level, level);
    atomic_init(&log->format, format);
    atomic_init(&log->lost, 0);
    atomic_init(&log->lost_before, 0);
    log->writer = log_writer_new(fd);
    if (!log->writer)
        goto out_free;
    log->throttle = throttle_new();
    if (!log->throttle)
        goto out_writer;
    return log;

out_writer:
    log_writer_free(log->writer);
out_free:
    free(log);
    return NULL;
}

void log_set(struct log *log, enum config_log_level level, enum config_log_format format)
{
    atomic_store(&log->level, level);
    atomic_store(&log->format, format);
}

struct throttle *log_throttle(const struct log *log)
{
    return log && log->level < CONFIG_LOG_DEBUG ? log->throttle : NULL;
}

bool log_limit_note(struct log_limit *limit)
{
    enum { QUIET_US = 5000000 };
    return rate_first(&limit->last_us, QUIET_US, clock_now_us());
}

unsigned long log_lost(const struct log *log)
{
    return atomic_load(&log->lost_before) + atomic_load(&log->lost) +
           log_writer_failed(log->writer);
}

bool log_flush(struct log *log, int64_t deadline_us)
{
    return log_writer_flush(log->writer, deadline_us);
}

/* The last lines are written if a program reads them. */
void log_free(struct log *log)
{
    enum { LAST_LINES_MS = 2000 };
    if (!log)
        return;
    int64_t deadline_us = clock_deadline_ms(LAST_LINES_MS);
    bool written = log_flush(log, deadline_us);
    atomic_fetch_add(&log->lost, log_writer_take_failed(log->writer));
    if (written && atomic_load(&log->lost) > 0) {
        struct log_field event = log_text("event", "log");
        log_write(log, CONFIG_LOG_ERROR, &event, 1);
        (void)log_flush(log, deadline_us);
    }
    log_writer_free(log->writer);
    throttle_free(log->throttle);
    free(log);
}

bool log_enabled(const struct log *log, enum config_log_level level)
{
    return log && level <= log->level;
}

static bool is_json(const struct line *line)
{
    return line->format == CONFIG_LOG_JSON;
}

static void put(struct line *line, const char *bytes, size_t count)
{
    if (line->full || count > line->limit - line->length) {
        line->full = true;
        return;
    }
    memcpy(line->text + line->length, bytes, count);
    line->length += count;
}

static void put_string(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_format(struct line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put_format(struct line *line, const char *format, ...)
{
    char text[64];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length > 0)
        put(line, text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

static void put_quoted(struct line *line, const char *text)
{
    put_string(line, "\"");
    for (const unsigned char *at = (const unsigned char *)text; *at != 0 && !line->full;) {
        size_t plain = text_plain_length(at);
        if (*at == '"' || *at == '\\')
            put_format(line, "\\%c", *at);
        else if (plain > 0)
            put(line, (const char *)at, plain);
        else if (*at == '\n')
            put_string(line, "\\n");
        else if (is_json(line))
            put_format(line, "\\u%04x", *at);
        else
            put_format(line, "\\x%02x", *at);
        at += plain > 0 ? plain : 1;
    }
    put_string(line, "\"");
}

static bool needs_quotes(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (*at <= ' ' || *at >= 0x7f || *at == '"' || *at == '=' || *at == '\\')
            return true;
    return text[0] == '\0';
}

static void put_key(struct line *line, const char *key)
{
    if (is_json(line)) {
        put_string(line, line->length == 0 ? "{\"" : ",\"");
        put_string(line, key);
        put_string(line, "\":");
        return;
    }
    put_string(line, line->length == line->start ? "" : " ");
    put_string(line, key);
    put_string(line, "=");
}

/* Puts the whole field, or nothing of it. */
static bool put_field(struct line *line, const struct log_field *field)
{
    size_t before = line->length;
    put_key(line, field->key);
    if (!field->text)
        put_format(line, "%lld", (long long)field->number);
    else if (is_json(line) || needs_quotes(field->text))
        put_quoted(line, field->text);
    else
        put_string(line, field->text);
    bool fits = !line->full;
    if (!fits) {
        line->length = before;
        line->full = false;
    }
    return fits;
}

void log_stamp(char text[LOG_STAMP_MAX])
{
    struct timespec now = {0};
    struct tm parts = {0};
    char day[32] = "";
    (void)clock_gettime(CLOCK_REALTIME, &now); /* a wrong time is better than no line */
    if (gmtime_r(&now.tv_sec, &parts))
        (void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text, LOG_STAMP_MAX, "%s.%03dZ", day, (int)(now.tv_nsec / 1000000));
}

const char *log_level_name(enum config_log_level level)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    return names[level];
}

/* Of syslog(3), as systemd takes it from stderr (sd-daemon(3)). */
static void put_priority(struct line *line, enum config_log_level level)
{
    static const char priorities[] = {'3', '4', '6', '7'};
    put_format(line, "<%c>", priorities[level]);
    line->start = line->length;
}

static void put_head(struct line *line, enum config_log_level level)
{
    char stamp[LOG_STAMP_MAX];
    if (line->format == CONFIG_LOG_JOURNALD) {
        put_priority(line, level);
        return;
    }
    log_stamp(stamp);
    put_field(line, &(struct log_field){.key = "ts", .text = stamp});
    put_field(line, &(struct log_field){.key = "level", .text = log_level_name(level)});
}

static void begin(struct line *line, enum config_log_format format)
{
    line->start = line->length = 0;
    line->limit = LOG_LINE_MAX - TAIL_ROOM;
    line->full = false;
    line->format = format;
}

void log_write_text(struct log *log, enum config_log_level level, const char *text)
{
    const struct log_field fields[] = {log_text("event", "close"), log_text("access", text)};
    struct line line;
    if (!log_enabled(log, level))
        return;
    begin(&line, log->format);
    if (line.format == CONFIG_LOG_JSON) {
        log_write(log, level, fields, sizeof(fields) / sizeof(fields[0]));
        return;
    }
    if (line.format == CONFIG_LOG_JOURNALD)
        put_priority(&line, level);
    put(&line, text, strnlen(text, line.limit - line.length));
    line.limit = LOG_LINE_MAX;
    put_string(&line, "\n");
    if (!log_writer_put(log->writer, line.text, line.length))
        atomic_fetch_add(&log->lost, 1);
}

void log_write(struct log *log, enum config_log_level level, const struct log_field *fields,
               size_t count)
{
    if (!log_enabled(log, level))
        return;
    int saved = errno;
    struct line line;
    begin(&line, log->format);
    put_head(&line, level);
    bool cut = false;
    for (size_t i = 0; i < count; i++)
        cut = !put_field(&line, &fields[i]) || cut;
    line.limit = LOG_LINE_MAX;
    if (cut)
        put_field(&line, &(struct log_field){.key = "cut", .number = 1});
    unsigned long lost = atomic_exchange(&log->lost, 0) + log_writer_take_failed(log->writer);
    if (lost > 0)
        put_field(&line, &(struct log_field){.key = "lost", .number = (int64_t)lost});
    put_string(&line, is_json(&line) ? "}\n" : "\n");
    if (log_writer_put(log->writer, line.text, line.length))
        atomic_fetch_add(&log->lost_before, lost);
    else
        atomic_fetch_add(&log->lost, lost + 1);
    errno = saved;
}
