/* LDAP before TLS (RFC 4511). */
#include "server/daemon/starttls/ber.h"
#include "server/daemon/starttls/ldap.h"
#include "tests/support/starttls_talk.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
#define BYTES(text) text, sizeof(text) - 1
#define OID "1.3.6.1.4.1.1466.20037"
#define ASK "\x30\x1d\2\1\1\x77\x18\x80\x16" OID
#define ASK_LONG "\x30\x82\0\x1f\2\1\1\x77\x81\x18\x80\x81\x16" OID
#define BIND "\x30\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0"
#define UNBIND "\x30\5\2\1\3\x42\0"
#define SUCCESS "\x30\x0c\2\1\1\x78\7\x0a\1\0\4\0\4\0"

struct row {
    const struct starttls_protocol *protocol;
    const char *bytes;
    size_t size;
    enum starttls_next next; /* STARTTLS_DONE: and all was used */
    const char *said;        /* of an error, what it says */
};

static const struct row rows[] = {
    {&starttls_ldap_server, BYTES(ASK), STARTTLS_DONE, ""},
    {&starttls_ldap_server, BYTES(BIND ASK), STARTTLS_DONE, ""},
    {&starttls_ldap_server, BYTES("\x30\x82\0\x1f\2\1\1\x77\x81\x19\x80\x81\x16" OID),
     STARTTLS_DONE, ""},
    {&starttls_ldap_server, BYTES("\x30\x1f\2\1\1\x77\x18\x80\x16" OID "\xa0\0"), STARTTLS_DONE,
     ""},
    {&starttls_ldap_server, BYTES("\x30\x1d\2\1\1\x77"), STARTTLS_MORE, ""},
    {&starttls_ldap_server, BYTES(UNBIND), STARTTLS_WRONG, "without asking"},
    /* With a value, it is another operation than StartTLS. */
    {&starttls_ldap_server, BYTES("\x30\x1f\2\1\1\x77\x1a\x80\x16" OID "\x81\0"), STARTTLS_MORE,
     ""},
    {&starttls_ldap_server, BYTES("\x16\3\1"), STARTTLS_WRONG, "ldaps"},
    {&starttls_ldap_server, BYTES("\x30\x80\2\1\1"), STARTTLS_WRONG, "no request of LDAP"},
    {&starttls_ldap_server, BYTES("\x30\x84\x7f\xff\xff\xff"), STARTTLS_WRONG, "no request"},
    {&starttls_ldap_server, BYTES("\x30\x82\x10\0"), STARTTLS_WRONG, "no request"},
    {&starttls_ldap_server, BYTES("\x30\x1d\2\1\0\x77\x18\x80\x16" OID), STARTTLS_WRONG, "no"},
    {&starttls_ldap_server, BYTES("\x30\x1d\2\1\x81\x77\x18\x80\x16" OID), STARTTLS_WRONG, "no"},
    {&starttls_ldap_server, BYTES("\x30\x1e\2\1\1\x77\x18\x80\x16" OID "\0"), STARTTLS_WRONG, "no"},
    {&starttls_ldap_server, BYTES("\x30\x1d\2\1\1\x77\x19\x80\x16" OID), STARTTLS_WRONG, "no"},
    {&starttls_ldap_server, BYTES("\x30\5\2\1\1\x79\0"), STARTTLS_WRONG, "no request"},
    {&starttls_ldap_server, BYTES("GET / HTTP/1.1\r\n"), STARTTLS_WRONG, "no request"},

    {&starttls_ldap_client, BYTES(SUCCESS), STARTTLS_DONE, ""},
    {&starttls_ldap_client, BYTES("\x30\x24\2\1\1\x78\x1f\x0a\1\0\4\0\4\0\x8a\x16" OID),
     STARTTLS_DONE, ""},
    {&starttls_ldap_client, BYTES("\x30\x0e\2\1\1\x78\x09\x0a\1\2\4\0\4\2no"), STARTTLS_WRONG,
     "no StartTLS, or no certificate: \"no\""},
    {&starttls_ldap_client, BYTES("\x30\x0e\2\1\1\x78\x09\x0a\1\1\4\0\4\2\x1b\""), STARTTLS_WRONG,
     "result 1: \"?\?\""},
    {&starttls_ldap_client, BYTES("\x30\x0c\2\1\0\x78\7\x0a\1\0\4\0\4\0"), STARTTLS_WRONG,
     "refused"},
    {&starttls_ldap_client, BYTES("\x30\x0c\2\1\2\x78\7\x0a\1\0\4\0\4\0"), STARTTLS_WRONG, "valid"},
    {&starttls_ldap_client, BYTES("\x30\x0e\2\1\1\x78\x09\x0a\1\0\4\0\4\0\4\0"), STARTTLS_WRONG,
     "no valid response"},
    {&starttls_ldap_client, BYTES("\x30\x0c\2\1\1\x61\7\x0a\1\0\4\0\4\0"), STARTTLS_WRONG, "valid"},
    {&starttls_ldap_client, BYTES("\x15\3\3\0\2"), STARTTLS_WRONG, "ldaps"},
};

static void check(const struct row *row, size_t step)
{
    struct starttls_result result =
        starttls_talk_read(row->protocol, NULL, row->bytes, row->size, step);
    size_t number = (size_t)(row - rows);
    cr_assert_eq(result.next, row->next, "row %zu: %d, %s", number, (int)result.next,
                 result.talk.why.text);
    cr_assert(strstr(result.talk.why.text, row->said), "row %zu: %s", number, result.talk.why.text);
    if (row->next == STARTTLS_DONE)
        cr_assert_eq(result.used, row->size, "row %zu: %zu", number, result.used);
}

Test(ldap, what_is_taken_and_what_is_refused)
{
    static const size_t steps[] = {5000, 1, 3};
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t s = 0; s < COUNT(steps); s++)
            check(&rows[i], steps[s]);
}

/* The numbers of messages, and of results, in what we answer. */
Test(ldap, the_answers)
{
    struct starttls_result result =
        starttls_talk_read(&starttls_ldap_server, NULL,
                           BYTES("\x30\x0f\2\4\x7f\xff\xff\xff\x60\7\2\1\3\4\0\x80\0"), 5000);
    cr_assert_eq(memcmp(result.sent + 2, "\2\4\x7f\xff\xff\xff\x61", 7), 0);
    cr_assert_eq(memcmp(result.sent + 10, "\x0a\1\x0d", 3), 0); /* confidentialityRequired */
    cr_assert_eq(result.sent_size, 2U + result.sent[1]);
    result = starttls_talk_read(&starttls_ldap_server, NULL,
                                BYTES("\x30\x1e\2\2\0\x80\x77\x18\x80\x16" OID), 5000);
    cr_assert_eq(result.next, STARTTLS_DONE);
    cr_assert_eq(result.sent_size, 39U);
    cr_assert_eq(memcmp(result.sent, "\x30\x25\2\2\0\x80\x78\x1f\x0a\1\0\4\0\4\0\x8a\x16" OID, 39),
                 0);
    result = starttls_talk_read(&starttls_ldap_client, NULL, "", 0, 1);
    cr_assert_eq(result.sent_size, sizeof(ASK) - 1);
    cr_assert_eq(memcmp(result.sent, ASK, sizeof(ASK) - 1), 0);
}

Test(ldap, who_asks_for_everything_but_tls_is_left)
{
    char input[(sizeof(BIND) - 1) * 2 * STARTTLS_TURNS_MAX];
    for (size_t i = 0; i < sizeof(input); i += sizeof(BIND) - 1)
        memcpy(input + i, BIND, sizeof(BIND) - 1);
    struct starttls_result result =
        starttls_talk_read(&starttls_ldap_server, NULL, input, sizeof(input), sizeof(input));
    cr_assert_eq(result.next, STARTTLS_WRONG);
}
