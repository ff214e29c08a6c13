#include "relay/clock.h"
#include "server/daemon/log.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the log wrote, from a pipe. */
struct output {
    int ends[2];
    char text[65536];
};

static void output_open(struct output *output)
{
    cr_assert_eq(pipe2(output->ends, O_NONBLOCK | O_CLOEXEC), 0);
}

static const char *output_take(struct output *output)
{
    ssize_t length = read(output->ends[0], output->text, sizeof(output->text) - 1);
    output->text[length > 0 ? length : 0] = '\0';
    return output->text;
}

static void output_close(struct output *output)
{
    close(output->ends[0]);
    close(output->ends[1]);
}

static bool is_flushed(struct log *log)
{
    return log_flush(log, clock_deadline_ms(20000));
}

/* Writes a line and waits until it is in the pipe. */
static void say(struct log *log, enum config_log_level level, const struct log_field *fields,
                size_t count)
{
    log_write(log, level, fields, count);
    cr_assert(is_flushed(log));
}

/* The line without its time, which is `ts=2026-11-21T02:00:00.123Z `. */
static const char *after_time(const char *line)
{
    cr_assert_eq(strncmp(line, "ts=", 3), 0, "%s", line);
    const char *space = strchr(line, ' ');
    cr_assert_not_null(space, "%s", line);
    cr_assert_eq(space - line, 27, "%s", line);
    cr_assert_eq(space[-1], 'Z', "%s", line);
    return space + 1;
}

Test(log, one_event_is_one_logfmt_line)
{
    struct output output;
    output_open(&output);
    struct log *log = log_new(CONFIG_LOG_INFO, CONFIG_LOG_LOGFMT, output.ends[1]);
    struct log_field fields[] = {log_text("service", "front"), log_number("conn", 17),
                                 log_text("event", "role"), log_number("after_ms", -5)};
    say(log, CONFIG_LOG_INFO, fields, 4);
    cr_assert_str_eq(after_time(output_take(&output)),
                     "level=info service=front conn=17 event=role after_ms=-5\n");
    log_free(log);
    output_close(&output);
}

Test(log, json_lines_have_the_same_fields)
{
    struct output output;
    output_open(&output);
    struct log *log = log_new(CONFIG_LOG_INFO, CONFIG_LOG_JSON, output.ends[1]);
    struct log_field fields[] = {log_text("service", "fr\"ont\n"), log_number("conn", 17)};
    say(log, CONFIG_LOG_WARNING, fields, 2);
    const char *line = output_take(&output);
    cJSON *json = cJSON_Parse(line);
    cr_assert_not_null(json, "%s", line);
    cr_assert_eq(line[strlen(line) - 1], '\n');
    cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1);
    cr_assert_eq(cJSON_GetArraySize(json), 4);
    cr_assert_not_null(cJSON_GetObjectItemCaseSensitive(json, "ts"));
    const cJSON *level = cJSON_GetObjectItemCaseSensitive(json, "level");
    cr_assert_str_eq(cJSON_GetStringValue(level), "warning");
    const cJSON *service = cJSON_GetObjectItemCaseSensitive(json, "service");
    cr_assert_str_eq(cJSON_GetStringValue(service), "fr\"ont\n");
    const cJSON *conn = cJSON_GetObjectItemCaseSensitive(json, "conn");
    cr_assert_eq((int)cJSON_GetNumberValue(conn), 17);
    cJSON_Delete(json);
    log_free(log);
    output_close(&output);
}

Test(log, the_journal_gets_a_priority_in_place_of_time_and_level)
{
    static const char *const lines[] = {"<3>service=front conn=17\n", "<4>service=front conn=17\n",
                                        "<6>service=front conn=17\n", "<7>service=front conn=17\n"};
    struct output output;
    output_open(&output);
    struct log *log = log_new(CONFIG_LOG_DEBUG, CONFIG_LOG_JOURNALD, output.ends[1]);
    struct log_field fields[] = {log_text("service", "front"), log_number("conn", 17)};
    for (int level = CONFIG_LOG_ERROR; level <= CONFIG_LOG_DEBUG; level++) {
        say(log, (enum config_log_level)level, fields, 2);
        cr_assert_str_eq(output_take(&output), lines[level]);
    }
    log_free(log);
    output_close(&output);
}

Test(log, a_text_is_a_line_in_each_format)
{
    static const struct {
        enum config_log_format format;
        const char *begins, *ends;
    } rows[] = {{CONFIG_LOG_LOGFMT, "a \"b\"\n", "\n"},
                {CONFIG_LOG_JOURNALD, "<4>a \"b\"\n", "\n"},
                {CONFIG_LOG_JSON, "{\"ts\":", "\"event\":\"close\",\"access\":\"a \\\"b\\\"\"}\n"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct output output;
        output_open(&output);
        struct log *log = log_new(CONFIG_LOG_WARNING, rows[i].format, output.ends[1]);
        log_write_text(log, CONFIG_LOG_INFO, "too low");
        log_write_text(log, CONFIG_LOG_WARNING, "a \"b\"");
        cr_assert(is_flushed(log));
        const char *line = output_take(&output);
        cr_assert_eq(strncmp(line, rows[i].begins, strlen(rows[i].begins)), 0, "%s", line);
        cr_assert_str_eq(strchr(line, '\n') + 1 - strlen(rows[i].ends), rows[i].ends);
        log_free(log);
        output_close(&output);
    }
}

Test(log, nothing_in_a_value_can_forge_a_line)
{
    static const struct {
        const char *value, *logfmt, *json;
    } rows[] = {
        {"plain", "plain", "\"plain\""},
        {"192.0.2.1:4711", "192.0.2.1:4711", "\"192.0.2.1:4711\""},
        {"", "\"\"", "\"\""},
        {"two words", "\"two words\"", "\"two words\""},
        {"a=b", "\"a=b\"", "\"a=b\""},
        {"quo\"te", "\"quo\\\"te\"", "\"quo\\\"te\""},
        {"back\\slash", "\"back\\\\slash\"", "\"back\\\\slash\""},
        {"line\nlevel=error", "\"line\\nlevel=error\"", "\"line\\nlevel=error\""},
        {"cr\rx", "\"cr\\x0dx\"", "\"cr\\u000dx\""},
        {"\x1b[31mred", "\"\\x1b[31mred\"", "\"\\u001b[31mred\""},
        {"del\x7f", "\"del\\x7f\"", "\"del\\u007f\""},
        {"caf\xc3\xa9", "\"caf\xc3\xa9\"", "\"caf\xc3\xa9\""},
        {"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"", "\"\xf0\x9f\x98\x80\""},
        {"\xff", "\"\\xff\"", "\"\\u00ff\""},
        {"\xc3", "\"\\xc3\"", "\"\\u00c3\""},
        {"\xc0\xaf", "\"\\xc0\\xaf\"", "\"\\u00c0\\u00af\""},
        {"\xe0\x80\xaf", "\"\\xe0\\x80\\xaf\"", "\"\\u00e0\\u0080\\u00af\""},
        {"\xed\xa0\x80", "\"\\xed\\xa0\\x80\"", "\"\\u00ed\\u00a0\\u0080\""},
        {"\xf4\x90\x80\x80", "\"\\xf4\\x90\\x80\\x80\"", "\"\\u00f4\\u0090\\u0080\\u0080\""},
        {"\xc2\x9b", "\"\\xc2\\x9b\"", "\"\\u00c2\\u009b\""},
        {"\xe2\x80\xa8", "\"\\xe2\\x80\\xa8\"", "\"\\u00e2\\u0080\\u00a8\""},
        {"\xe2\x80\xae", "\"\\xe2\\x80\\xae\"", "\"\\u00e2\\u0080\\u00ae\""},
    };
    struct output output;
    output_open(&output);
    struct log *logfmt = log_new(CONFIG_LOG_INFO, CONFIG_LOG_LOGFMT, output.ends[1]);
    struct log *json = log_new(CONFIG_LOG_INFO, CONFIG_LOG_JSON, output.ends[1]);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct log_field field = log_text("v", rows[i].value);
        char wanted[128];
        say(logfmt, CONFIG_LOG_INFO, &field, 1);
        (void)snprintf(wanted, sizeof(wanted), "level=info v=%s\n", rows[i].logfmt);
        cr_assert_str_eq(after_time(output_take(&output)), wanted, "row %zu: %s", i, output.text);
        say(json, CONFIG_LOG_INFO, &field, 1);
        (void)snprintf(wanted, sizeof(wanted), ",\"v\":%s}\n", rows[i].json);
        cr_assert_not_null(strstr(output_take(&output), wanted), "row %zu: %s", i, output.text);
    }
    log_free(logfmt);
    log_free(json);
    output_close(&output);
}

Test(log, every_byte_gives_one_line)
{
    struct output output;
    output_open(&output);
    struct log *log = log_new(CONFIG_LOG_INFO, CONFIG_LOG_LOGFMT, output.ends[1]);
    for (int byte = 1; byte < 256; byte++) {
        char value[] = {'a', (char)byte, 'b', '\0'};
        struct log_field field = log_text("v", value);
        say(log, CONFIG_LOG_INFO, &field, 1);
        const char *line = output_take(&output);
        size_t length = strlen(line);
        cr_assert_gt(length, 0, "byte %d", byte);
        for (size_t i = 0; i + 1 < length; i++)
            cr_assert_geq((unsigned char)line[i], 0x20, "byte %d: %s", byte, line);
        cr_assert_eq(line[length - 1], '\n', "byte %d", byte);
    }
    log_free(log);
    output_close(&output);
}

Test(log, only_lines_severe_enough_are_written)
{
    struct output output;
    output_open(&output);
    for (int limit = CONFIG_LOG_ERROR; limit <= CONFIG_LOG_DEBUG; limit++) {
        struct log *log = log_new((enum config_log_level)limit, CONFIG_LOG_LOGFMT, output.ends[1]);
        for (int level = CONFIG_LOG_ERROR; level <= CONFIG_LOG_DEBUG; level++) {
            bool wanted = level <= limit;
            cr_assert_eq(log_enabled(log, (enum config_log_level)level), wanted);
            say(log, (enum config_log_level)level, NULL, 0);
            cr_assert_eq(output_take(&output)[0] != '\0', wanted, "%d at %d", level, limit);
        }
        log_free(log);
    }
    output_close(&output);
}

Test(log, a_null_log_is_silent)
{
    struct log_field field = log_text("v", "x");
    log_write(NULL, CONFIG_LOG_ERROR, &field, 1);
    cr_assert_not(log_enabled(NULL, CONFIG_LOG_ERROR));
    log_free(NULL);
}

Test(log, a_null_text_is_empty)
{
    struct output output;
    output_open(&output);
    struct log *log = log_new(CONFIG_LOG_INFO, CONFIG_LOG_LOGFMT, output.ends[1]);
    const char *nothing = NULL;
    struct log_field field = log_text("v", nothing);
    say(log, CONFIG_LOG_INFO, &field, 1);
    cr_assert_str_eq(after_time(output_take(&output)), "level=info v=\"\"\n");
    log_free(log);
    output_close(&output);
}

/* The field that does not fit is left out; those after it are not, and the line says so. */
Test(log, an_overlong_line_is_cut_at_a_field)
{
    struct output output;
    output_open(&output);
    char *text = malloc(20001);
    cr_assert_not_null(text);
    memset(text, 'x', 20000);
    text[20000] = '\0';
    static const enum config_log_format formats[] = {CONFIG_LOG_LOGFMT, CONFIG_LOG_JSON};
    static const char *const ends[] = {" conn=1 error=why cut=1\n",
                                       ",\"conn\":1,\"error\":\"why\",\"cut\":1}\n"};
    for (size_t i = 0; i < 2; i++) {
        struct log *log = log_new(CONFIG_LOG_INFO, formats[i], output.ends[1]);
        struct log_field fields[] = {log_number("conn", 1), log_text("subject", text),
                                     log_text("error", "why")};
        say(log, CONFIG_LOG_INFO, fields, 3);
        const char *line = output_take(&output);
        cr_assert_lt(strlen(line), 4097);
        cr_assert_not_null(strstr(line, ends[i]), "%s", line);
        log_free(log);
    }
    free(text);
    output_close(&output);
}

Test(log, lines_around_the_limit_stay_whole)
{
    struct output output;
    output_open(&output);
    struct log *log = log_new(CONFIG_LOG_INFO, CONFIG_LOG_JSON, output.ends[1]);
    char text[4200];
    for (size_t length = 3900; length < sizeof(text); length++) {
        memset(text, length % 2 ? 'x' : '\x01', length);
        text[length] = '\0';
        struct log_field fields[] = {log_text("v", text), log_text("w", "end")};
        say(log, CONFIG_LOG_INFO, fields, 2);
        const char *line = output_take(&output);
        cr_assert_leq(strlen(line), 4096);
        cJSON *json = cJSON_Parse(line);
        cr_assert_not_null(json, "length %zu: %s", length, line);
        const cJSON *cut = cJSON_GetObjectItemCaseSensitive(json, "cut");
        bool whole = cJSON_GetObjectItemCaseSensitive(json, "v") &&
                     cJSON_GetObjectItemCaseSensitive(json, "w");
        cr_assert_eq(whole, !cut, "length %zu: %s", length, line);
        cJSON_Delete(json);
    }
    log_free(log);
    output_close(&output);
}

/* A blocking pipe that takes no more. */
static size_t stall(struct output *output)
{
    char block[4096] = {0};
    size_t filled = 0;
    output_open(output);
    for (ssize_t put; (put = write(output->ends[1], block, sizeof(block))) > 0;)
        filled += (size_t)put;
    cr_assert_eq(fcntl(output->ends[1], F_SETFL, 0), 0);
    return filled;
}

static void unstall(const struct output *output, size_t filled)
{
    char block[4096];
    while (filled > 0) {
        ssize_t got = read(output->ends[0], block, filled < sizeof(block) ? filled : sizeof(block));
        cr_assert_gt(got, 0);
        filled -= (size_t)got;
    }
}

static void write_lines(struct log *log, int count)
{
    struct log_field fields[] = {log_text("v", "some text that makes the line a little longer")};
    errno = 0;
    for (int i = 0; i < count; i++)
        log_write(log, CONFIG_LOG_INFO, fields, 1);
    cr_assert_eq(errno, 0, "errno is the caller's");
}

/* Reads all that the log writes until it is flushed. Returns the number of lines; LOST is what they
 * say was lost. */
static long read_all(struct output *output, struct log *log, long *lost)
{
    long lines = 0;
    bool flushed = false;
    *lost = 0;
    while (!flushed || output->text[0] != '\0') {
        flushed = log_flush(log, clock_deadline_ms(1));
        const char *text = output_take(output);
        for (const char *at = text; (at = strchr(at, '\n')); at++)
            lines++;
        const char *said = strstr(text, " lost=");
        *lost += said ? strtol(said + strlen(" lost="), NULL, 10) : 0;
    }
    return lines;
}

/* Far more lines than the queue has room for, and nobody reads: whoever logs is not held up. */
Test(log, lost_lines_are_counted, .timeout = 60)
{
    enum { MANY = 40000 };
    struct output output;
    long lost;
    size_t filled = stall(&output);
    struct log *log = log_new(CONFIG_LOG_INFO, CONFIG_LOG_LOGFMT, output.ends[1]);
    write_lines(log, MANY);
    cr_assert_not(log_flush(log, clock_deadline_ms(50)), "nobody reads");
    unstall(&output, filled);
    long before = read_all(&output, log, &lost);
    cr_assert_eq(lost, 0, "said by the next line");
    log_write(log, CONFIG_LOG_INFO, NULL, 0);
    cr_assert_eq(read_all(&output, log, &lost), 1);
    cr_assert_gt(lost, 0);
    cr_assert_eq(before + lost, MANY, "%ld and %ld", before, lost);
    cr_assert_eq(log_lost(log), (unsigned long)lost, "also after a line has told of them");
    say(log, CONFIG_LOG_INFO, NULL, 0);
    cr_assert_str_eq(after_time(output_take(&output)), "level=info\n");
    log_free(log);
    output_close(&output);
}

Test(log, what_is_lost_at_the_end_is_said, .timeout = 60)
{
    struct output output;
    size_t filled = stall(&output);
    struct log *log = log_new(CONFIG_LOG_INFO, CONFIG_LOG_LOGFMT, output.ends[1]);
    write_lines(log, 40000);
    unstall(&output, filled);
    while (!log_flush(log, clock_deadline_ms(1)))
        (void)output_take(&output);
    (void)output_take(&output);
    log_free(log);
    cr_assert_not_null(strstr(output_take(&output), "level=error event=log lost="), "%s",
                       output.text);
    output_close(&output);
}

Test(log, a_stalled_reader_does_not_hold_up_the_end, .timeout = 60)
{
    struct output output;
    (void)stall(&output);
    struct log *log = log_new(CONFIG_LOG_INFO, CONFIG_LOG_LOGFMT, output.ends[1]);
    write_lines(log, 10);
    log_free(log);
    output_close(&output);
}

Test(log, a_reader_that_is_gone_costs_lines_only, .timeout = 60)
{
    struct output output;
    output_open(&output);
    close(output.ends[0]);
    cr_assert_neq(signal(SIGPIPE, SIG_IGN), SIG_ERR);
    struct log *log = log_new(CONFIG_LOG_INFO, CONFIG_LOG_LOGFMT, output.ends[1]);
    write_lines(log, 10);
    cr_assert(is_flushed(log));
    log_free(log);
    close(output.ends[1]);
}

static void *write_many(void *arg)
{
    struct log_field fields[] = {log_text("v", "some text"), log_number("n", 5)};
    for (int i = 0; i < 50; i++)
        log_write(arg, CONFIG_LOG_INFO, fields, 2);
    return NULL;
}

Test(log, lines_of_threads_do_not_mix)
{
    struct output output;
    output_open(&output);
    struct log *log = log_new(CONFIG_LOG_INFO, CONFIG_LOG_LOGFMT, output.ends[1]);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, write_many, log), 0);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    char *rest = NULL;
    int lines = 0;
    cr_assert(is_flushed(log));
    (void)output_take(&output);
    for (char *line = strtok_r(output.text, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        cr_assert_str_eq(after_time(line), "level=info v=\"some text\" n=5");
        lines++;
    }
    cr_assert_eq(lines, 200);
    log_free(log);
    output_close(&output);
}
