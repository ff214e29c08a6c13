/* XMPP before TLS (RFC 6120). */
#include "server/daemon/starttls/xml.h"
#include "server/daemon/starttls/xmpp.h"
#include "tests/support/starttls_talk.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
#define TLS "urn:ietf:params:xml:ns:xmpp-tls"
#define STREAMS "http://etherx.jabber.org/streams"
#define HEAD(content, more) \
    "<stream:stream xmlns='" content "' xmlns:stream=\"" STREAMS "\" version='1.0'" more ">"
#define CLIENT HEAD("jabber:client", " to='a.example'")
#define DECLARED "<?xml version='1.0' encoding='UTF-8'?>\n"
#define ASK "<starttls xmlns='" TLS "'/>"
#define FEATURES(more) "<stream:features>" more "</stream:features>"
#define SASL "<m xmlns='s'><n>PLAIN</n></m>"
#define PROCEED "<proceed xmlns='" TLS "'/>"

struct row {
    const struct starttls_protocol *protocol;
    const char *text;
    enum starttls_next next; /* STARTTLS_DONE: and all was used */
    const char *said;        /* in what we have sent; of an error, what it says */
};

static const struct row rows[] = {
    {&starttls_xmpp_server, CLIENT ASK, STARTTLS_DONE, "from='a.example'"},
    {&starttls_xmpp_server, DECLARED CLIENT " \n" ASK, STARTTLS_DONE, "<proceed xmlns='" TLS "'/>"},
    {&starttls_xmpp_server, HEAD("jabber:client", "") "<x:starttls xmlns:x='" TLS "'></x:starttls>",
     STARTTLS_DONE, "version='1.0'><stream:features><starttls"},
    {&starttls_xmpp_s2s_server, HEAD("jabber:server", " from='b' to='a'") ASK, STARTTLS_DONE,
     "xmlns='jabber:server'"},
    {&starttls_xmpp_server, CLIENT "<starttls", STARTTLS_MORE, ""},
    {&starttls_xmpp_server, "<", STARTTLS_MORE, ""},
    {&starttls_xmpp_server, "<?xml version='1.0'?", STARTTLS_MORE, ""},
    {&starttls_xmpp_server, CLIENT "<starttls xmlns='" TLS "'>", STARTTLS_MORE, ""},
    {&starttls_xmpp_server, CLIENT "<starttls/>", STARTTLS_WRONG, "something else"},
    {&starttls_xmpp_server, CLIENT "<starttls xmlns='" TLS "'>x</starttls>", STARTTLS_WRONG, ""},
    {&starttls_xmpp_server, CLIENT "<auth xmlns='s'>x</auth>", STARTTLS_WRONG, "something else"},
    {&starttls_xmpp_server, CLIENT "</stream:stream>", STARTTLS_WRONG, "something else"},
    {&starttls_xmpp_server, CLIENT "<!-- -->", STARTTLS_WRONG, "something else"},
    {&starttls_xmpp_server, "<!DOCTYPE x>" CLIENT, STARTTLS_WRONG, "no stream"},
    {&starttls_xmpp_server, HEAD("jabber:server", ""), STARTTLS_WRONG, "wrong kind"},
    {&starttls_xmpp_server, HEAD("jabber:client", " to='&lt;'"), STARTTLS_WRONG, "not a domain"},
    {&starttls_xmpp_server, HEAD("jabber:client", " to='a' to='b'"), STARTTLS_WRONG, "no stream"},
    {&starttls_xmpp_server, HEAD("jabber:client", " to='<'"), STARTTLS_WRONG, "no stream"},
    {&starttls_xmpp_server, HEAD("jabber:client", " to=a"), STARTTLS_WRONG, "no stream"},
    {&starttls_xmpp_server, "<stream:stream xmlns='jabber:client' version='1.0'>", STARTTLS_WRONG,
     "no stream"},
    {&starttls_xmpp_server, "\x16\3\1", STARTTLS_WRONG, "at once"},
    {&starttls_xmpp_server, "EHLO x\r\n", STARTTLS_WRONG, "no stream"},

    {&starttls_xmpp_client, CLIENT FEATURES(SASL ASK) PROCEED, STARTTLS_DONE, "to='b.example'"},
    {&starttls_xmpp_client,
     DECLARED CLIENT FEATURES("<starttls xmlns='" TLS "'><required/></starttls>" SASL) PROCEED,
     STARTTLS_DONE, "<starttls xmlns='" TLS "'/>"},
    {&starttls_xmpp_s2s_client, HEAD("jabber:server", "") FEATURES(ASK) PROCEED, STARTTLS_DONE,
     "xmlns='jabber:server'"},
    {&starttls_xmpp_client, CLIENT FEATURES("<starttls xmlns='" TLS "'>"), STARTTLS_MORE, ""},
    {&starttls_xmpp_client, CLIENT FEATURES(SASL), STARTTLS_WRONG, "offers no TLS"},
    {&starttls_xmpp_client, CLIENT "<stream:features/>", STARTTLS_WRONG, "offers no TLS"},
    /* Only a child of the features counts. */
    {&starttls_xmpp_client, CLIENT FEATURES("<x>" ASK "</x>"), STARTTLS_WRONG, "offers no TLS"},
    {&starttls_xmpp_client, CLIENT "<iq/>", STARTTLS_WRONG, "no valid stream"},
    {&starttls_xmpp_client, CLIENT "<stream:error><host-unknown/></stream:error>", STARTTLS_WRONG,
     "refused the stream: host-unknown"},
    {&starttls_xmpp_client, CLIENT FEATURES(ASK) "<failure xmlns='" TLS "'/>", STARTTLS_WRONG,
     "refused TLS"},
    {&starttls_xmpp_client, CLIENT FEATURES(ASK) "<proceed/>", STARTTLS_WRONG, "refused TLS"},
    {&starttls_xmpp_client, "220 x\r\n", STARTTLS_WRONG, "no valid stream"},
};

static void check(const struct row *row, size_t step)
{
    struct starttls_result result =
        starttls_talk_read(row->protocol, "b.example", row->text, strlen(row->text), step);
    size_t number = (size_t)(row - rows);
    cr_assert_eq(result.next, row->next, "row %zu: %d, %s", number, (int)result.next,
                 result.talk.why.text);
    const char *text = row->next == STARTTLS_WRONG ? result.talk.why.text : (char *)result.sent;
    cr_assert(step == 1 || strstr(text, row->said), "row %zu: %s", number, text);
    if (row->next == STARTTLS_DONE)
        cr_assert_eq(result.used, strlen(row->text), "row %zu: %zu", number, result.used);
}

Test(xmpp, what_is_taken_and_what_is_refused)
{
    static const size_t steps[] = {5000, 1, 3};
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t s = 0; s < COUNT(steps); s++)
            check(&rows[i], steps[s]);
}

Test(xmpp, a_head_without_an_end_is_not_waited_for)
{
    static char input[STARTTLS_INPUT_MAX];
    memset(input, ' ', sizeof(input));
    const struct starttls_protocol *all[] = {&starttls_xmpp_server, &starttls_xmpp_client};
    for (size_t i = 0; i < COUNT(all); i++) {
        struct starttls_result result =
            starttls_talk_read(all[i], NULL, input, sizeof(input), sizeof(input));
        cr_assert_eq(result.next, STARTTLS_WRONG);
        cr_assert(strstr(result.talk.why.text, "4096"), "%s", result.talk.why.text);
    }
}

Test(xmpp, a_pattern_is_no_domain)
{
    struct starttls_result result =
        starttls_talk_read(&starttls_xmpp_client, "*.example", "", 0, 1);
    cr_assert_eq(result.next, STARTTLS_WRONG);
    cr_assert(strstr(result.talk.why.text, "server_name"), "%s", result.talk.why.text);
}

/* Whoever refuses says so in the protocol's terms. */
Test(xmpp, a_refusal_is_a_stream_error)
{
    static const char text[] = CLIENT "<iq/>";
    struct starttls_result result =
        starttls_talk_read(&starttls_xmpp_server, NULL, text, sizeof(text) - 1, 5000);
    cr_assert(strstr((char *)result.sent, "<policy-violation"), "%s", result.sent);
}
