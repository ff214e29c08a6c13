/* HTTP CONNECT at a gate: each head has one meaning, or is refused with the right status. */
#include "server/daemon/gate/connect.h"
#include "tests/support/gate_talk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
#define V11 " HTTP/1.1\r\n"
#define HOST "Host: a.example:443\r\n"
#define CONNECT "CONNECT a.example:443" V11
#define END "\r\n"
#define LABEL "a123456789b123456789c123456789d123456789e123456789f123456789abc"
#define LONGEST                   \
    LABEL "." LABEL "." LABEL "." \
          "a123456789b123456789c123456789d123456789e123456789f123456789a"

struct row {
    const char *text;
    const char *name; /* NULL: it is refused */
    unsigned number;  /* the port, or the status */
};

static const size_t steps[] = {100000, 1, 7};

static void check_named(const struct row *row, const struct gate_result *result, size_t size)
{
    cr_assert_eq(result->next, GATE_NAMED, "%s: %s", row->text, result->talk.why);
    cr_assert_str_eq(result->talk.request.name, row->name, "%s", row->text);
    cr_assert_eq(result->talk.request.port, row->number, "%s", row->text);
    cr_assert_eq(result->used, size, "%s: its end", row->text);
}

static void check_refused(const struct row *row, struct gate_result *result)
{
    char begin[32];
    cr_assert_eq(result->next, GATE_WRONG, "%s", row->text);
    cr_assert_not_null(result->talk.why, "%s", row->text);
    (void)snprintf(begin, sizeof(begin), "HTTP/1.1 %u ", row->number);
    const char *answer = gate_talk_answer(result);
    cr_assert(strncmp(answer, begin, strlen(begin)) == 0, "%s: %s", row->text, answer);
}

static void check(const struct row *row)
{
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct gate_result result =
            gate_talk_read(&gate_connect, row->text, strlen(row->text), steps[i]);
        if (row->name)
            check_named(row, &result, strlen(row->text));
        else
            check_refused(row, &result);
    }
}

static const struct row named[] = {
    {CONNECT HOST END, "a.example", 443},
    {"CONNECT A.Example:22" V11 "host: a.EXAMPLE:22\r\n" END, "a.example", 22},
    {"CONNECT a.example:22" V11 "Host: a.example\r\n" END, "a.example", 22},
    {"CONNECT a.example.:22" V11 "Host: a.example.:22\r\n" END, "a.example", 22},
    {"CONNECT a.example:22 HTTP/1.0\r\n" END, "a.example", 22}, /* nc -X connect */
    {"CONNECT device-1:65535" V11 "Host: device-1:65535\r\n" END, "device-1", 65535},
    {"CONNECT a_b.example:1" V11 "Host: a_b.example:1\r\n" END, "a_b.example", 1},
    {"CONNECT " LONGEST ":1" V11 "Host: " LONGEST ":1\r\n" END, LONGEST, 1},
    {"CONNECT 192.0.2.1:80" V11 "Host: 192.0.2.1:80\r\n" END, "192.0.2.1", 80},
    {"CONNECT [2001:DB8:0::1]:80" V11 "Host: [2001:DB8:0::1]:80\r\n" END, "2001:db8::1", 80},
    {"CONNECT [::1]:80" V11 "Host: [::1]\r\n" END, "::1", 80},
    {CONNECT HOST "Content-Length: 0\r\n" END, "a.example", 443},
    {CONNECT HOST "Proxy-Authorization: Basic YTpi\r\nUser-Agent: curl/8\r\n" END, "a.example",
     443},
    {CONNECT HOST "Max-Forwards: 1\r\n" END, "a.example", 443},
};

static const struct row refused[] = {
    {"CONNECT a.example" V11 HOST END, NULL, 400},
    {"CONNECT a.example:" V11 HOST END, NULL, 400},
    {"CONNECT a.example:0" V11 "Host: a.example:0\r\n" END, NULL, 400},
    {"CONNECT a.example:65536" V11 "Host: a.example:65536\r\n" END, NULL, 400},
    {"CONNECT a.example:-1" V11 HOST END, NULL, 400},
    {"CONNECT :443" V11 HOST END, NULL, 400},
    {"CONNECT http://a.example:443/" V11 HOST END, NULL, 400},
    {"CONNECT /a.example:443" V11 HOST END, NULL, 400},
    {"CONNECT user@a.example:443" V11 HOST END, NULL, 400},
    {"CONNECT *.example:443" V11 "Host: *.example:443\r\n" END, NULL, 400},
    {"CONNECT a..example:443" V11 "Host: a..example:443\r\n" END, NULL, 400},
    {"CONNECT -a.example:443" V11 "Host: -a.example:443\r\n" END, NULL, 400},
    {"CONNECT 300.1.1.1:443" V11 "Host: 300.1.1.1:443\r\n" END, NULL, 400},
    {"CONNECT x" LONGEST ":1" V11 "Host: x" LONGEST ":1\r\n" END, NULL, 400},
    {"CONNECT [a.example]:443" V11 "Host: [a.example]:443\r\n" END, NULL, 400},
    {"CONNECT [192.0.2.1]:443" V11 "Host: [192.0.2.1]:443\r\n" END, NULL, 400},
    {"CONNECT [::1:443" V11 HOST END, NULL, 400},
    {"CONNECT [::1]443" V11 HOST END, NULL, 400},
    {"CONNECT ::1:443" V11 HOST END, NULL, 400},
    {"CONNECT [fe80::1%25eth0]:443" V11 HOST END, NULL, 400},
    {CONNECT END, NULL, 400},
    {CONNECT HOST HOST END, NULL, 400},
    {CONNECT "Host: b.example:443\r\n" END, NULL, 400},
    {CONNECT "Host: a.example:44\r\n" END, NULL, 400},
    {CONNECT "Host: a.exampl\r\n" END, NULL, 400},
    {CONNECT HOST "Content-Length: 3\r\n" END, NULL, 400},
    {CONNECT HOST "Transfer-Encoding: chunked\r\n" END, NULL, 400},
    {CONNECT HOST " folded\r\n" END, NULL, 400},
    {CONNECT HOST "Max-Forwards: 0\r\nMax-Forwards: 1\r\n" END, NULL, 400},
    {"CONNECT  a.example:443" V11 HOST END, NULL, 400},
    {"CONNECT a.example:443\r\n", NULL, 400},
    {"CONNECT a.example:443\n", NULL, 400},
    {"connect a.example:443" V11 HOST END, NULL, 400},
    {"GET / HTTP/1.1\r\nHost: a.example\r\n" END, NULL, 405},
    {"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n" END, NULL, 405},
    {"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n" END, NULL, 405},
};

Test(gate_connect, the_name_and_the_port)
{
    for (size_t i = 0; i < COUNT(named); i++)
        check(&named[i]);
}

Test(gate_connect, what_has_no_meaning_is_refused)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        check(&refused[i]);
}

Test(gate_connect, bytes_after_the_head_are_not_used)
{
    const char text[] = CONNECT HOST END "SSH-2.0-x\r\n\r\n";
    struct gate_result result = gate_talk_read(&gate_connect, text, sizeof(text) - 1, 100000);
    cr_assert_eq(result.next, GATE_NAMED);
    cr_assert_eq(result.used, strlen(CONNECT HOST END));
}

Test(gate_connect, another_collector_has_passed_it_on)
{
    const char text[] = CONNECT HOST "Max-Forwards: 0\r\n" END;
    struct gate_result result = gate_talk_read(&gate_connect, text, sizeof(text) - 1, 1);
    cr_assert(result.next == GATE_NAMED && result.talk.request.passed_on);
    result = gate_talk_read(&gate_connect, CONNECT HOST END, strlen(CONNECT HOST END), 1);
    cr_assert(result.next == GATE_NAMED && !result.talk.request.passed_on);
}

/* An endless head, of one line or of many, ends as soon as there is GATE_INPUT_MAX of it. */
Test(gate_connect, heads_have_a_limit)
{
    static char text[2 * GATE_INPUT_MAX];
    memset(text, 'a', sizeof(text));
    memcpy(text, CONNECT HOST "X: ", strlen(CONNECT HOST "X: "));
    struct gate_result result = gate_talk_read(&gate_connect, text, GATE_INPUT_MAX - 1, 1);
    cr_assert_eq(result.next, GATE_MORE);
    for (size_t size = GATE_INPUT_MAX; size <= sizeof(text); size += GATE_INPUT_MAX) {
        result = gate_talk_read(&gate_connect, text, size, size);
        cr_assert_eq(result.next, GATE_WRONG);
        cr_assert(strstr(gate_talk_answer(&result), "HTTP/1.1 431 "));
    }
}

static void expect_wrong(const char *bytes, size_t size, const char *answer, size_t answer_size)
{
    struct gate_result result = gate_talk_read(&gate_connect, bytes, size, 1);
    cr_assert_eq(result.next, GATE_WRONG);
    cr_assert_not_null(result.talk.why);
    cr_assert_eq(result.talk.answer.size, answer_size);
    cr_assert_arr_eq(result.talk.answer.bytes, answer, answer_size);
}

Test(gate_connect, other_protocols_are_answered_in_their_terms)
{
    expect_wrong("\x16\x03\x01", 3, "", 0);
    expect_wrong("\x05\x01", 2, "\x05\xff", 2);
    expect_wrong("\x04\x01", 2, "\0\x5b\0\0\0\0\0\0", 8);
}

Test(gate_connect, answers_of_what_came_of_it)
{
    static const char *const begins[GATE_OUTCOMES] = {
        [GATE_REACHED] = "HTTP/1.1 200 ",  [GATE_NOT_ALLOWED] = "HTTP/1.1 403 ",
        [GATE_UNKNOWN] = "HTTP/1.1 404 ",  [GATE_FAILED] = "HTTP/1.1 502 ",
        [GATE_BUSY] = "HTTP/1.1 503 ",     [GATE_FULL] = "HTTP/1.1 503 ",
        [GATE_NONE_CAME] = "HTTP/1.1 504 "};
    for (unsigned outcome = 0; outcome < GATE_OUTCOMES; outcome++) {
        struct gate_result result = {.next = GATE_NAMED};
        gate_connect.answer(&result.talk, outcome);
        const char *answer = gate_talk_answer(&result);
        cr_assert(strncmp(answer, begins[outcome], strlen(begins[outcome])) == 0, "%s", answer);
        const char *body = strstr(answer, "\r\n\r\n") + 4;
        const char *length = strstr(answer, "Content-Length: ");
        if (outcome == GATE_REACHED)
            cr_assert(!length && *body == '\0');
        else
            cr_assert(length && strtoul(length + 16, NULL, 10) == strlen(body), "%s", answer);
        cr_assert_eq(outcome != GATE_REACHED, !!strstr(answer, "Connection: close"));
    }
}
