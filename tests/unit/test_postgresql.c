/* PostgreSQL before TLS. */
#include "server/daemon/starttls/postgresql.h"
#include "tests/support/starttls_talk.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
#define SSL "\0\0\0\x08\x04\xd2\x16\x2f"
#define GSS "\0\0\0\x08\x04\xd2\x16\x30"
#define CANCEL "\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\1\0\0\0\2"
#define START "\0\0\0\x10\0\3\0\0user\0x\0\0"
#define BYTES(text) text, sizeof(text) - 1

struct row {
    const struct starttls_protocol *protocol;
    const char *bytes;
    size_t size, used; /* used: 0 with STARTTLS_WRONG */
    enum starttls_next next;
    const char *said; /* what we have sent begins so; of an error, what it says */
};

static const struct row rows[] = {
    {&starttls_postgresql_server, BYTES(SSL), 8, STARTTLS_DONE, "S"},
    {&starttls_postgresql_server, BYTES(GSS SSL), 16, STARTTLS_DONE, "NS"},
    {&starttls_postgresql_server, BYTES("\x16\3\1\0\5"), 0, STARTTLS_DIRECT, ""},
    {&starttls_postgresql_server, BYTES("\0\0\0\x08\x04\xd2\x16"), 0, STARTTLS_MORE, ""},
    {&starttls_postgresql_server, BYTES(GSS GSS), 0, STARTTLS_WRONG, "no request of PostgreSQL"},
    {&starttls_postgresql_server, BYTES(GSS "\x16\3\1"), 0, STARTTLS_WRONG, "no request"},
    {&starttls_postgresql_server, BYTES(START), 0, STARTTLS_WRONG, "without TLS"},
    {&starttls_postgresql_server, BYTES(CANCEL), 0, STARTTLS_WRONG, "cancel request"},
    {&starttls_postgresql_server, BYTES("\0\0\0\x09\x04\xd2\x16\x2f"), 0, STARTTLS_WRONG, ""},
    {&starttls_postgresql_server, BYTES("\0\0\x27\x11\0\3\0\0"), 0, STARTTLS_WRONG, "no request"},
    {&starttls_postgresql_server, BYTES("\0\1"), 0, STARTTLS_WRONG, "no request"},
    {&starttls_postgresql_server, BYTES("EHLO x\r\n"), 0, STARTTLS_WRONG, "no request"},

    {&starttls_postgresql_client, BYTES("S"), 1, STARTTLS_DONE, SSL},
    {&starttls_postgresql_client, BYTES("N"), 0, STARTTLS_WRONG, "switched off"},
    {&starttls_postgresql_client, BYTES("E\0\0\0"), 0, STARTTLS_WRONG, "its log says"},
    {&starttls_postgresql_client, BYTES("\x15"), 0, STARTTLS_WRONG, "0x15"},

    {&starttls_postgresql_local, BYTES(SSL START), 8, STARTTLS_DONE, "N"},
    {&starttls_postgresql_local, BYTES(GSS SSL START), 16, STARTTLS_DONE, "NN"},
    {&starttls_postgresql_local, BYTES(START), 0, STARTTLS_DONE, ""},
    {&starttls_postgresql_local, BYTES(CANCEL), 0, STARTTLS_DONE, ""},
    {&starttls_postgresql_local, BYTES("Q"), 0, STARTTLS_DONE, ""},
};

static void check(const struct row *row, size_t step)
{
    struct starttls_result result =
        starttls_talk_read(row->protocol, NULL, row->bytes, row->size, step);
    size_t number = (size_t)(row - rows);
    cr_assert_eq(result.next, row->next, "row %zu: %d, %s", number, (int)result.next,
                 result.talk.why.text);
    if (row->next == STARTTLS_WRONG) {
        cr_assert(strstr(result.talk.why.text, row->said), "row %zu: %s", number,
                  result.talk.why.text);
        return;
    }
    cr_assert_eq(result.used, row->used, "row %zu: %zu", number, result.used);
    cr_assert_eq(memcmp(result.sent, row->said, result.sent_size), 0, "row %zu", number);
}

Test(postgresql, what_is_taken_and_what_is_refused)
{
    static const size_t steps[] = {1000, 1, 3};
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t s = 0; s < COUNT(steps); s++)
            check(&rows[i], steps[s]);
}

/* libpq shows it to the user. */
Test(postgresql, who_begins_without_tls_gets_an_error_message)
{
    struct starttls_result result =
        starttls_talk_read(&starttls_postgresql_server, NULL, BYTES(START), 1000);
    cr_assert_eq(result.sent[0], 'E');
    cr_assert_eq(result.sent_size, 1U + result.sent[4]);
    cr_assert_eq(memcmp(result.sent + 5, "SFATAL", 7), 0);
    cr_assert_eq(result.sent[result.sent_size - 1], '\0');
    cr_assert_eq(result.sent[result.sent_size - 2], '\0');
}

/* Nobody is answered for ever. */
Test(postgresql, a_local_client_that_only_asks_is_left)
{
    char input[8 * 2 * STARTTLS_TURNS_MAX];
    for (size_t i = 0; i < sizeof(input); i += 8)
        memcpy(input + i, SSL, 8);
    struct starttls_result result =
        starttls_talk_read(&starttls_postgresql_local, NULL, input, sizeof(input), 8);
    cr_assert_eq(result.next, STARTTLS_WRONG);
}
