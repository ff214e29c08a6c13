/* What a peer speaks that does not speak TLS. */
#include "server/lib/base/not_tls.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const uint8_t *bytes_of(const char *text)
{
    return (const uint8_t *)text;
}

Test(not_tls, tells_record_headers_from_others)
{
    static const struct {
        const char *bytes;
        bool not_tls;
    } rows[] = {{"\x16\x03\x01\x02\x01", false},
                {"\x15\x03\x03\x01\x02", false},
                {"\x80\x2e\x01\x03\x01", false},
                {"\x80\x2e\x02\x03\x01", true},
                {"\x16\x04\x01\x02\x01", true},
                {"\xff\xff\xff\xff\xff", true},
                {"GET /", true}};
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_assert_eq(not_tls_is(bytes_of(rows[i].bytes), 5), rows[i].not_tls, "row %zu", i);
    cr_assert_not(not_tls_is(bytes_of("GET "), 4), "too few to tell");
}

Test(not_tls, describes_and_escapes_the_first_bytes)
{
    static const struct {
        const char *bytes, *text;
    } rows[] = {{"GET / HTTP/1.1", ", but a plain HTTP request: it begins with \"GET / HTTP/1.1\""},
                {"OPTIO", ", but a plain HTTP request: it begins with \"OPTIO\""},
                {"SSH-2", ", but SSH: it begins with \"SSH-2\""},
                {"EHLO \x1b]0;", ", but SMTP: it begins with \"EHLO \\x1b]0;\""},
                {"\"\\\xff", ": it begins with \"\\x22\\x5c\\xff\""},
                {"G", ": it begins with \"G\""}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error_text error;
        static const char start[] = "what the peer sent first is not TLS";
        not_tls_describe(bytes_of(rows[i].bytes), strlen(rows[i].bytes), &error);
        cr_assert_eq(strncmp(error.text, start, sizeof(start) - 1), 0, "%s", error.text);
        cr_assert_str_eq(error.text + sizeof(start) - 1, rows[i].text);
    }
}

Test(not_tls, shows_no_more_than_it_says)
{
    struct error_text error;
    uint8_t bytes[1000];
    memset(bytes, 0xff, sizeof(bytes));
    not_tls_describe(bytes, sizeof(bytes), &error);
    cr_assert_lt(strlen(error.text), 60 + 4 * NOT_TLS_SHOWN);
}

Test(not_tls, the_answer_has_the_length_that_it_says)
{
    const char *answer = not_tls_http_answer();
    const char *body = strstr(answer, "\r\n\r\n") + 4;
    const char *length = strstr(answer, "Content-Length: ") + 16;
    cr_assert_eq(strtoul(length, NULL, 10), strlen(body));
}
