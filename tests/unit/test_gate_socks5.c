/* SOCKS5 at a gate (RFC 1928). */
#include "server/daemon/gate/socks5.h"
#include "tests/support/gate_talk.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
#define HELLO "\5\1\0"
#define NAME       \
    "\5\1\0\3\x09" \
    "a.example"
#define IPV6 "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
#define BYTES(text) text, sizeof(text) - 1

struct row {
    const char *bytes;
    size_t size;
    const char *name; /* NULL: it is refused */
    unsigned number;  /* the port, or the last answer's reply code */
};

static void check(const struct row *row, size_t step)
{
    struct gate_result result = gate_talk_read(&gate_socks5, row->bytes, row->size, step);
    const struct gate_answer *answer = &result.talk.answer;
    if (row->name) {
        cr_assert_eq(result.next, GATE_NAMED, "%s: %s", row->name, result.talk.why);
        cr_assert_str_eq(result.talk.request.name, row->name);
        cr_assert_eq(result.talk.request.port, row->number);
        cr_assert_eq(result.used, row->size);
        cr_assert(!result.talk.request.passed_on);
        cr_assert(result.sent_size == 2 && memcmp(result.sent, "\5\0", 2) == 0);
        return;
    }
    cr_assert_eq(result.next, GATE_WRONG, "%u", row->number);
    cr_assert_not_null(result.talk.why);
    cr_assert_eq(answer->size, row->number == 0xff ? 2U : 10U);
    cr_assert(answer->bytes[0] == 5 && answer->bytes[1] == row->number, "%u", row->number);
}

static const struct row rows[] = {
    {BYTES(HELLO NAME "\1\xbb"), "a.example", 443},
    {BYTES("\5\3\2\1\0" NAME "\0\x16"), "a.example", 22},
    {BYTES(HELLO "\5\1\0\3\x0a"
                 "A.Example."
                 "\0\x16"),
     "a.example", 22},
    {BYTES(HELLO "\5\1\0\3\x09"
                 "192.0.2.1"
                 "\0\x16"),
     "192.0.2.1", 22},
    {BYTES(HELLO "\5\1\0\1\xc0\0\2\1\0\x16"), "192.0.2.1", 22},
    {BYTES(HELLO "\5\1\0\4" IPV6 "\0\x16"), "2001:db8::1", 22},
    {BYTES("\5\0"), NULL, 0xff},
    {BYTES("\5\2\1\2"), NULL, 0xff},
    {BYTES(HELLO "\5\2\0\3"), NULL, 7}, /* BIND */
    {BYTES(HELLO "\5\3\0\1"), NULL, 7}, /* UDP */
    {BYTES(HELLO "\5\1\1\3"), NULL, 1},
    {BYTES(HELLO "\4\1\0\3"), NULL, 1},
    {BYTES(HELLO "\5\1\0\2\1\2\3\4"), NULL, 8},
    {BYTES(HELLO "\5\1\0\3\0\0\x16"), NULL, 8}, /* a name of no bytes */
    {BYTES(HELLO NAME "\0\0"), NULL, 1},        /* port 0 */
    {BYTES(HELLO "\5\1\0\3\x09"
                 "a\0example"
                 "\0\x16"),
     NULL, 1},
    {BYTES(HELLO "\5\1\0\3\x09"
                 "*.example"
                 "\0\x16"),
     NULL, 1},
    {BYTES(HELLO "\5\1\0\3\x09"
                 "a b.examp"
                 "\0\x16"),
     NULL, 1},
};

Test(gate_socks5, the_name_and_the_port_or_the_right_reply)
{
    static const size_t steps[] = {1000, 1, 3};
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t j = 0; j < COUNT(steps); j++)
            check(&rows[i], steps[j]);
}

Test(gate_socks5, each_cut_needs_more)
{
    const char whole[] = HELLO NAME "\1\xbb";
    for (size_t size = 0; size < sizeof(whole) - 1; size++)
        cr_assert_eq(gate_talk_read(&gate_socks5, whole, size, 100).next, GATE_MORE, "%zu", size);
}

Test(gate_socks5, bytes_after_the_request_are_not_used)
{
    const char text[] = HELLO NAME "\1\xbb"
                                   "SSH-2.0";
    struct gate_result result = gate_talk_read(&gate_socks5, text, sizeof(text) - 1, 100);
    cr_assert_eq(result.next, GATE_NAMED);
    cr_assert_eq(result.used, sizeof(text) - 1 - strlen("SSH-2.0"));
}

Test(gate_socks5, other_protocols_are_answered_in_their_terms)
{
    struct gate_result result = gate_talk_read(&gate_socks5, BYTES("\4\1\0\x16"), 1);
    cr_assert(result.next == GATE_WRONG && result.talk.answer.size == 8);
    cr_assert_arr_eq(result.talk.answer.bytes, "\0\x5b\0\0\0\0\0\0", 8);
    result = gate_talk_read(&gate_socks5, BYTES("CONNECT a:1 HTTP/1.1\r\n"), 1);
    cr_assert_eq(result.next, GATE_WRONG);
    cr_assert(strstr(gate_talk_answer(&result), "HTTP/1.1 400 "));
    result = gate_talk_read(&gate_socks5, BYTES("\x16\3\1"), 1);
    cr_assert(result.next == GATE_WRONG && result.talk.answer.size == 0);
}

Test(gate_socks5, answers_of_what_came_of_it)
{
    static const unsigned char codes[GATE_OUTCOMES] = {
        [GATE_NOT_ALLOWED] = 2, [GATE_UNKNOWN] = 4, [GATE_FAILED] = 1, [GATE_BUSY] = 1,
        [GATE_NONE_CAME] = 6,   [GATE_REACHED] = 0, [GATE_FULL] = 1};
    for (unsigned outcome = 0; outcome < GATE_OUTCOMES; outcome++) {
        struct gate_talk talk = {.stage = 0};
        unsigned char expected[10] = {5, codes[outcome], 0, 1};
        gate_socks5.answer(&talk, outcome);
        cr_assert_eq(talk.answer.size, sizeof(expected));
        cr_assert_arr_eq(talk.answer.bytes, expected, sizeof(expected));
    }
}
