#include "server/daemon/admin/out.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must_be(struct out *out, const char *wanted)
{
    cr_assert_not(out->failed);
    cr_assert_eq(out->length, strlen(wanted), "%.*s", (int)out->length, out->bytes);
    cr_assert_eq(memcmp(out->bytes, wanted, out->length), 0, "%.*s", (int)out->length, out->bytes);
    free(out->bytes);
    *out = (struct out){.length = 0};
}

Test(out, commas_are_where_they_belong)
{
    struct out out = {.length = 0}, inner = {.length = 0};
    out_open(&inner, "apart", '[');
    out_number(&inner, NULL, -1);
    out_close(&inner, ']');
    out_open(&out, NULL, '{');
    out_open(&out, "none", '[');
    out_close(&out, ']');
    out_open(&out, "two", '[');
    out_open(&out, NULL, '{');
    out_close(&out, '}');
    out_string(&out, NULL, NULL);
    out_close(&out, ']');
    out_bool(&out, "yes", true);
    out_bool(&out, "no", false);
    out_member(&out, &inner);
    cr_assert_null(inner.bytes);
    out_close(&out, '}');
    must_be(&out, "{\"none\":[],\"two\":[{},null],\"yes\":true,\"no\":false,\"apart\":[-1]}");
}

Test(out, milliseconds)
{
    struct out out = {.length = 0};
    static const int64_t us[] = {0, 1, 999, 1000, 1001, 60000000, -1};
    out_open(&out, NULL, '[');
    for (size_t i = 0; i < sizeof(us) / sizeof(us[0]); i++)
        out_ms(&out, NULL, us[i]);
    out_close(&out, ']');
    must_be(&out, "[0,0.001,0.999,1,1.001,60000,null]");
}

/* What a peer may call itself. */
static const struct {
    const char *text, *json, *label;
} hostile[] = {
    {"", "", ""},
    {"CN=a", "CN=a", "CN=a"},
    {"a\"b\\c", "a\\\"b\\\\c", "a\\\"b\\\\c"},
    {"\"} 1\nactpass_up 0\n", "\\\"} 1\\u000aactpass_up 0\\u000a", "\\\"} 1\\nactpass_up 0\\n"},
    {"<script>alert(1)</script>", "<script>alert(1)</script>", "<script>alert(1)</script>"},
    {"\x1b[2J\x7f\t", "\\u001b[2J\\u007f\\u0009", "\xef\xbf\xbd[2J\xef\xbf\xbd\xef\xbf\xbd"},
    {"caf\xc3\xa9", "caf\xc3\xa9", "caf\xc3\xa9"},
    {"\xff", "\\ufffd", "\xef\xbf\xbd"},
    {"cut \xc3", "cut \\ufffd", "cut \xef\xbf\xbd"},
    {"\xc0\xaf", "\\ufffd\\ufffd", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    /* U+202E would turn the direction of what follows. */
    {"\xe2\x80\xae", "\\ufffd\\ufffd\\ufffd", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
};

Test(out, hostile_texts_are_one_json_string)
{
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        struct out out = {.length = 0};
        char wanted[256];
        out_string(&out, NULL, hostile[i].text);
        cJSON *parsed = cJSON_ParseWithLength(out.bytes, out.length);
        cr_assert(cJSON_IsString(parsed), "text %zu", i);
        cJSON_Delete(parsed);
        (void)snprintf(wanted, sizeof(wanted), "\"%s\"", hostile[i].json);
        must_be(&out, wanted);
    }
}

Test(out, hostile_texts_stay_within_their_label)
{
    for (size_t i = 1; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        struct out out = {.length = 0};
        out_label(&out, hostile[i].text);
        must_be(&out, hostile[i].label);
    }
}

Test(out, it_grows)
{
    enum { COUNT = 20000 };
    struct out out = {.length = 0};
    for (int i = 0; i < COUNT; i++)
        out_format(&out, "%04d", i % 10000);
    cr_assert_eq(out.length, 4 * COUNT);
    cr_assert_not(out.failed);
    for (int i = 0; i < COUNT; i++)
        cr_assert_eq(out.bytes[4 * i + 3] - '0', i % 10);
    free(out.bytes);
}

/* It is for numbers and names of our own: what is longer is a mistake, and is not cut. */
Test(out, a_format_that_is_too_long_fails)
{
    struct out out = {.length = 0};
    out_format(&out, "%0300d", 1);
    cr_assert(out.failed);
    cr_assert_eq(out.length, 0);
}
