#include "server/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A pipe takes this much in one piece (PIPE_BUF), so lines of several processes do not mix. */
enum { LINE_MOST = 4096, TAIL_ROOM = 64 };

struct log {
    enum config_log_level level;
    enum config_log_format format;
    int fd;
    atomic_ulong lost; /* lines that could not be written since the last one that could */
};

struct line {
    char text[LINE_MOST];
    size_t length;
    size_t limit; /* of length, for now */
    bool full;    /* something did not fit */
    bool json;
};

struct log *log_new(enum config_log_level level, enum config_log_format format, int fd)
{
    struct log *log = malloc(sizeof(*log));
    if (log == NULL) {
        return NULL;
    }
    log->level = level;
    log->format = format;
    log->fd = fd;
    atomic_init(&log->lost, 0);
    return log;
}

void log_free(struct log *log)
{
    free(log);
}

bool log_enabled(const struct log *log, enum config_log_level level)
{
    return log != NULL && level <= log->level;
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
    if (length > 0) {
        put(line, text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
    }
}

/* How many bytes the character takes that begins here, if it is UTF-8 that may stand in a line as
 * it is; 0 for a byte that must be escaped: controls, broken sequences, and the characters that
 * end a line or turn the direction of writing for some reader of the log. */
static size_t plain_length(const unsigned char *at)
{
    if (at[0] < 0x80) {
        return at[0] >= 0x20 && at[0] != 0x7f;
    }
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4) {
        return 0;
    }
    unsigned code = at[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0; /* NUL too: nothing behind it is read */
        }
        code = code << 6 | (at[i] & 0x3fU);
    }
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    bool wrong = code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff);
    bool control = code < 0xa0 || (code >= 0x200e && code <= 0x200f) ||
                   (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    return wrong || control ? 0 : length;
}

static void put_quoted(struct line *line, const char *text)
{
    put_string(line, "\"");
    for (const unsigned char *at = (const unsigned char *)text; *at != 0 && !line->full;) {
        size_t plain = plain_length(at);
        if (*at == '"' || *at == '\\') {
            put_format(line, "\\%c", *at);
        } else if (plain > 0) {
            put(line, (const char *)at, plain);
        } else if (*at == '\n') {
            put_string(line, "\\n");
        } else if (line->json) {
            put_format(line, "\\u%04x", *at);
        } else {
            put_format(line, "\\x%02x", *at);
        }
        at += plain > 0 ? plain : 1;
    }
    put_string(line, "\"");
}

static bool needs_quotes(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at <= ' ' || *at >= 0x7f || *at == '"' || *at == '=' || *at == '\\') {
            return true;
        }
    }
    return text[0] == '\0';
}

static void put_key(struct line *line, const char *key)
{
    if (line->json) {
        put_string(line, line->length == 0 ? "{\"" : ",\"");
        put_string(line, key);
        put_string(line, "\":");
        return;
    }
    put_string(line, line->length == 0 ? "" : " ");
    put_string(line, key);
    put_string(line, "=");
}

/* All of a field, or nothing of it. */
static bool put_field(struct line *line, const struct log_field *field)
{
    size_t before = line->length;
    put_key(line, field->key);
    if (field->text == NULL) {
        put_format(line, "%lld", (long long)field->number);
    } else if (line->json || needs_quotes(field->text)) {
        put_quoted(line, field->text);
    } else {
        put_string(line, field->text);
    }
    bool fits = !line->full;
    if (!fits) {
        line->length = before;
        line->full = false;
    }
    return fits;
}

static void put_head(struct line *line, enum config_log_level level)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    struct timespec now = {0};
    struct tm parts = {0};
    char day[32] = "";
    char stamp[48] = "";
    (void)clock_gettime(CLOCK_REALTIME, &now); /* a wrong time is better than no line */
    if (gmtime_r(&now.tv_sec, &parts) != NULL) {
        (void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &parts);
    }
    (void)snprintf(stamp, sizeof(stamp), "%s.%03dZ", day, (int)(now.tv_nsec / 1000000));
    put_field(line, &(struct log_field){.key = "ts", .text = stamp});
    put_field(line, &(struct log_field){.key = "level", .text = names[level]});
}

static void write_line(struct log *log, const struct line *line, unsigned long lost)
{
    ssize_t written;
    do {
        written = write(log->fd, line->text, line->length);
    } while (written < 0 && errno == EINTR);
    atomic_fetch_add(&log->lost, written == (ssize_t)line->length ? 0 : lost + 1);
}

void log_write(struct log *log, enum config_log_level level, const struct log_field *fields,
               size_t count)
{
    if (!log_enabled(log, level)) {
        return;
    }
    int saved = errno;
    struct line line;
    line.length = 0;
    line.limit = LINE_MOST - TAIL_ROOM;
    line.full = false;
    line.json = log->format == CONFIG_LOG_JSON;
    put_head(&line, level);
    bool cut = false;
    for (size_t i = 0; i < count; i++) {
        cut = !put_field(&line, &fields[i]) || cut;
    }
    line.limit = LINE_MOST;
    if (cut) {
        put_field(&line, &(struct log_field){.key = "cut", .number = 1});
    }
    unsigned long lost = atomic_exchange(&log->lost, 0);
    if (lost > 0) {
        put_field(&line, &(struct log_field){.key = "lost", .number = (int64_t)lost});
    }
    put_string(&line, line.json ? "}\n" : "\n");
    write_line(log, &line, lost);
    errno = saved;
}
