/* Dates, conditions and ranges. */
#include "server/daemon/handlers/http/date.h"
#include "server/daemon/handlers/http/select.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

static struct http_text text_of(const char *text)
{
    return (struct http_text){text, text ? strlen(text) : 0};
}

Test(http_select, dates)
{
    char text[HTTP_DATE_SIZE];
    time_t time;
    http_date_write(784111777, text);
    cr_assert_str_eq(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    for (int64_t at = 0; at < INT64_C(9000000000); at += 86400 * 3 + 4567) {
        http_date_write((time_t)at, text);
        cr_assert(http_date_read(text_of(text), &time) && time == (time_t)at, "%s", text);
    }
}

Test(http_select, not_dates)
{
    static const char *const rows[] = {
        "",
        "0",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Mon, 06 Nov 1994 08:49:37 GMT", /* it was a Sunday */
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 06 Nov 1994 08:61:37 GMT",
        "Sun, 06 Nov 1994 08:49:-7 GMT",
        "Sun, 06 Nov 0094 08:49:37 GMT",
        "Sun; 06 Nov 1994 08:49:37 GMT",
    };
    time_t time;
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_assert_not(http_date_read(text_of(rows[i]), &time), "%s", rows[i]);
}

Test(http_select, strange_times)
{
    static const int64_t times[] = {-1,        INT64_MIN, INT64_MAX, INT64_C(253402300800),
                                    INT32_MIN, INT32_MAX};
    char text[HTTP_DATE_SIZE];
    for (size_t i = 0; i < COUNT(times); i++) {
        http_date_write((time_t)times[i], text); /* of 32 bits: the low half */
        cr_assert_eq(strlen(text), 29, "%s", text);
    }
}

/* ---- Ranges -------------------------------------------------------------------------------- */

static const struct http_version version = {
    .etag = "\"tag,1\"", .modified = 784111777, .size = 1000};
static const char before[] = "Sun, 06 Nov 1994 08:49:36 GMT";
static const char at_that_time[] = "Sun, 06 Nov 1994 08:49:37 GMT";
static const char after[] = "Sun, 06 Nov 1994 08:49:38 GMT";

struct range_row {
    const char *range;
    uint64_t size;
    int status;
    uint64_t first, length;
};

Test(http_select, ranges)
{
    static const struct range_row rows[] = {
        {"bytes=0-0", 1000, 206, 0, 1},
        {"bytes=0-999", 1000, 206, 0, 1000},
        {"bytes=0-1000", 1000, 206, 0, 1000},
        {"bytes=500-", 1000, 206, 500, 500},
        {"bytes=999-", 1000, 206, 999, 1},
        {"bytes=-1", 1000, 206, 999, 1},
        {"bytes=-1000", 1000, 206, 0, 1000},
        {"bytes=-5000", 1000, 206, 0, 1000},
        {"BYTES= 1-2 ", 1000, 206, 1, 2},
        {"bytes=3-99999999999999999999999999", 1000, 206, 3, 997},
        {"bytes=18446744073709551615-", UINT64_MAX, 416, 0, 0},
        {"bytes=-99999999999999999999999999", 1000, 206, 0, 1000},
        {"bytes=1000-", 1000, 416, 0, 0},
        {"bytes=1000-2000", 1000, 416, 0, 0},
        {"bytes=99999999999999999999999999-", 1000, 416, 0, 0},
        {"bytes=-0", 1000, 416, 0, 0},
        {"bytes=0-", 0, 416, 0, 0},
        {"bytes=-1", 0, 416, 0, 0},
        {"bytes=0-1,3-4", 1000, 200, 0, 1000},
        {"bytes=2-1", 1000, 200, 0, 1000},
        {"bytes=", 1000, 200, 0, 1000},
        {"bytes=-", 1000, 200, 0, 1000},
        {"bytes=--1", 1000, 200, 0, 1000},
        {"bytes=a-b", 1000, 200, 0, 1000},
        {"bytes=1-b", 1000, 200, 0, 1000},
        {"bytes=1 -2", 1000, 200, 0, 1000},
        {"bytes=1", 1000, 200, 0, 1000},
        {"bytes 1-2", 1000, 200, 0, 1000},
        {"lines=1-2", 1000, 200, 0, 1000},
        {"", 1000, 200, 0, 1000},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct http_version sized = version;
        sized.size = rows[i].size;
        struct http_request request = {.method = HTTP_GET};
        request.fields[HTTP_RANGE] = http_text_trim(text_of(rows[i].range));
        struct http_part part = http_select(&request, &sized);
        cr_assert_eq(part.status, rows[i].status, "%s: %d", rows[i].range, part.status);
        cr_assert_eq(part.first, rows[i].first, "%s: %" PRIu64, rows[i].range, part.first);
        cr_assert_eq(part.length, rows[i].length, "%s: %" PRIu64, rows[i].range, part.length);
    }
}

/* ---- Conditions ---------------------------------------------------------------------------- */

struct condition_row {
    enum http_field field;
    const char *value;
    int status;
};

Test(http_select, conditions)
{
    static const struct condition_row rows[] = {
        {HTTP_IF_NONE_MATCH, "*", 304},
        {HTTP_IF_NONE_MATCH, "\"tag,1\"", 304},
        {HTTP_IF_NONE_MATCH, "W/\"tag,1\"", 304},
        {HTTP_IF_NONE_MATCH, "\"a\", \"tag,1\"", 304},
        {HTTP_IF_NONE_MATCH, "\"a\" ,W/\"tag,1\" , \"b\"", 304},
        {HTTP_IF_NONE_MATCH, "\"tag\"", 200},
        {HTTP_IF_NONE_MATCH, "\"tag,1", 200},
        {HTTP_IF_NONE_MATCH, "tag,1", 200},
        {HTTP_IF_NONE_MATCH, "\"a\" \"tag,1\"", 200},
        {HTTP_IF_NONE_MATCH, "", 200},
        {HTTP_IF_MATCH, "*", 200},
        {HTTP_IF_MATCH, "\"a\", \"tag,1\"", 200},
        {HTTP_IF_MATCH, "W/\"tag,1\"", 412},
        {HTTP_IF_MATCH, "\"a\"", 412},
        {HTTP_IF_MATCH, "", 412},
        {HTTP_IF_MODIFIED_SINCE, before, 200},
        {HTTP_IF_MODIFIED_SINCE, at_that_time, 304},
        {HTTP_IF_MODIFIED_SINCE, after, 304},
        {HTTP_IF_MODIFIED_SINCE, "yesterday", 200},
        {HTTP_IF_UNMODIFIED_SINCE, before, 412},
        {HTTP_IF_UNMODIFIED_SINCE, at_that_time, 200},
        {HTTP_IF_UNMODIFIED_SINCE, after, 200},
        {HTTP_IF_UNMODIFIED_SINCE, "tomorrow", 200},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct http_request request = {.method = HTTP_GET};
        request.fields[rows[i].field] = text_of(rows[i].value);
        struct http_part part = http_select(&request, &version);
        cr_assert_eq(part.status, rows[i].status, "row %zu, %s: %d", i, rows[i].value, part.status);
    }
}

/* The tag is asked, and the date then not. */
Test(http_select, tags_come_before_dates)
{
    struct http_request request = {.method = HTTP_GET};
    request.fields[HTTP_IF_NONE_MATCH] = text_of("\"other\"");
    request.fields[HTTP_IF_MODIFIED_SINCE] = text_of(after);
    cr_assert_eq(http_select(&request, &version).status, 200);
    request.fields[HTTP_IF_MATCH] = text_of(version.etag);
    request.fields[HTTP_IF_UNMODIFIED_SINCE] = text_of(before);
    cr_assert_eq(http_select(&request, &version).status, 200);
}

Test(http_select, if_range)
{
    static const struct {
        const char *value;
        int status;
    } rows[] = {
        {NULL, 206},   {"\"tag,1\"", 206},  {"W/\"tag,1\"", 200}, {"\"old\"", 200},
        {before, 200}, {at_that_time, 206}, {after, 200},         {"", 200},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct http_request request = {.method = HTTP_GET};
        request.fields[HTTP_RANGE] = text_of("bytes=1-2");
        request.fields[HTTP_IF_RANGE] = text_of(rows[i].value);
        cr_assert_eq(http_select(&request, &version).status, rows[i].status, "row %zu", i);
        request.method = HTTP_HEAD;
        cr_assert_eq(http_select(&request, &version).status, 200, "HEAD, row %zu", i);
    }
}
