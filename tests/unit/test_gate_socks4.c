/* SOCKS4 and 4a at a proxy. */
#include "server/daemon/gate/socks4.h"
#include "tests/support/gate_talk.h"

#include <criterion/criterion.h>
#include <string.h>

#define BYTES(text) text, sizeof(text) - 1
#define ADDRESS "\4\1\1\xbb\xc0\0\2\1"
#define NAMED "\4\1\1\xbb\0\0\0\1"

struct row {
    const char *bytes;
    size_t size;
    const char *name; /* NULL: it is refused */
};

static const struct row rows[] = {
    {BYTES(ADDRESS "\0"), "192.0.2.1"},
    {BYTES(ADDRESS "me\0"), "192.0.2.1"},
    {BYTES("\4\1\1\xbb\0\0\0\0\0"), "0.0.0.0"},
    {BYTES(NAMED "me\0A.example.\0"), "a.example"},
    {BYTES(NAMED "\0"
                 "127.0.0.1\0"),
     "127.0.0.1"},
    {BYTES("\4\2"), NULL},                 /* BIND */
    {BYTES("\4\xf0"), NULL},               /* RESOLVE */
    {BYTES("\5\1"), NULL},                 /* SOCKS5 */
    {BYTES("\4\1\0\0\xc0\0\2\1\0"), NULL}, /* port 0 */
    {BYTES(NAMED "\0\0"), NULL},           /* a name of no bytes */
    {BYTES(NAMED "\0a b\0"), NULL},
    {BYTES(NAMED "\0*.example\0"), NULL},
};

static void check(const struct row *row, size_t step)
{
    struct gate_result result = gate_talk_read(&gate_socks4, row->bytes, row->size, step);
    const struct gate_answer *answer = &result.talk.answer;
    if (row->name) {
        cr_assert_eq(result.next, GATE_NAMED, "%s", row->name);
        cr_assert_str_eq(result.talk.request.name, row->name);
        cr_assert_eq(result.talk.request.port, 443);
        cr_assert_eq(result.used, row->size);
        return;
    }
    cr_assert_eq(result.next, GATE_WRONG);
    cr_assert_not_null(result.talk.why);
    cr_assert(answer->size == 8 && answer->bytes[0] == 0 && answer->bytes[1] == 91);
}

Test(gate_socks4, the_name_and_the_port_or_a_rejection)
{
    static const size_t steps[] = {1000, 1, 3};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        for (size_t j = 0; j < sizeof(steps) / sizeof(*steps); j++)
            check(&rows[i], steps[j]);
}

Test(gate_socks4, every_cut_waits_for_more)
{
    for (size_t size = 0; size < rows[3].size; size++)
        cr_assert_eq(gate_talk_read(&gate_socks4, rows[3].bytes, size, 1).next, GATE_MORE);
}

Test(gate_socks4, what_follows_is_not_the_gates)
{
    static const char bytes[] = NAMED "me\0a.example\0hello";
    struct gate_result result = gate_talk_read(&gate_socks4, bytes, sizeof(bytes) - 1, 1000);
    cr_assert_eq(result.next, GATE_NAMED);
    cr_assert_eq(result.used, sizeof(bytes) - 1 - strlen("hello"));
}

Test(gate_socks4, both_texts_are_bounded)
{
    char bytes[600] = NAMED;
    memset(bytes + 8, 'a', sizeof(bytes) - 8);
    cr_assert_eq(gate_talk_read(&gate_socks4, bytes, 8 + 255, 1).next, GATE_MORE);
    cr_assert_eq(gate_talk_read(&gate_socks4, bytes, 8 + 256, 1).next, GATE_WRONG);
    bytes[8] = '\0';
    cr_assert_eq(gate_talk_read(&gate_socks4, bytes, 9 + 254, 1).next, GATE_MORE);
    cr_assert_eq(gate_talk_read(&gate_socks4, bytes, 9 + 255, 1).next, GATE_WRONG);
}

Test(gate_socks4, the_answers)
{
    for (unsigned outcome = 0; outcome < GATE_ALL_OUTCOMES; outcome++) {
        struct gate_talk talk = {.used = 0};
        gate_socks4.answer(&talk, outcome);
        cr_assert_eq(talk.answer.size, 8);
        cr_assert_eq(talk.answer.bytes[1], outcome == GATE_REACHED ? 90 : 91);
    }
}
