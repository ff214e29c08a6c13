/* ALPN: the form of the wire, and what is agreed on in handshakes. */
#include "server/lib/tls/alpn.h"
#include "server/lib/tls/context.h"
#include "tests/support/tls_peer.h"
#include "tests/support/tls_world.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

Test(alpn, form_of_the_wire)
{
    char *items[] = {"h2", "http/1.1", "x"};
    struct alpn alpn;
    struct error_text error = {.text = ""};
    cr_assert(alpn_make(&(struct config_tls){.alpn = {items, 3}}, &alpn, &error));
    cr_assert_eq(alpn.size, 14);
    cr_assert_arr_eq(alpn.wire, "\2h2\10http/1.1\1x", 14);
    alpn_free(&alpn);
    cr_assert(alpn_make(&(struct config_tls){.alpn = {NULL, 0}}, &alpn, &error));
    cr_assert_null(alpn.wire);
    alpn_free(&alpn);
}

/* All that a configuration can have: 255 names of 255 bytes fit the extension (RFC 7301). */
Test(alpn, the_longest_list)
{
    enum { MAX_LENGTH = 255 };
    char text[MAX_LENGTH + 1];
    char *items[MAX_LENGTH];
    struct alpn alpn;
    struct error_text error = {.text = ""};
    memset(text, 'a', MAX_LENGTH);
    text[MAX_LENGTH] = '\0';
    for (size_t i = 0; i < COUNT(items); i++)
        items[i] = text;
    cr_assert(alpn_make(&(struct config_tls){.alpn = {items, MAX_LENGTH}}, &alpn, &error));
    cr_assert_eq(alpn.size, MAX_LENGTH * (MAX_LENGTH + 1));
    cr_assert_leq(alpn.size, UINT16_MAX - 2);
    cr_assert_eq(alpn.wire[alpn.size - MAX_LENGTH - 1], MAX_LENGTH);
    alpn_free(&alpn);
}

/* ---- Handshakes ---------------------------------------------------------------------------- */

/* A protocol in common. */
enum need { OPTIONAL, REQUIRED };

struct row {
    const char *name;
    size_t ours;        /* how many of "two", "one", "tw" we are configured with */
    const char *theirs; /* NULL: ALPN is not used */
    const char *agreed; /* NULL: refused; "": none, which is fine */
    enum need need;
};

static struct tls_context *context_of(const struct world *world, size_t protocols, enum need need)
{
    static char *items[] = {"two", "one", "tw"};
    static struct config_peer_name names[] = {{.text = WORLD_NAME}};
    struct error_text error = {.text = ""};
    const struct config_tls tls = {.certificate = world->certificate,
                                   .key = world->key,
                                   .ca = world->ca_file,
                                   .peer_names = {names, 1},
                                   .alpn = {items, protocols},
                                   .require_alpn = need == REQUIRED};
    struct tls_context *context =
        tls_context_new((struct tls_owner){"", NULL}, &tls, CONFIG_ROLE_AUTO, &error);
    cr_assert_not_null(context, "%s", error.text);
    return context;
}

static void check_agreed(struct tls_context *context, SSL *ours, const struct test_side *side,
                         const struct row *row)
{
    const unsigned char *chosen;
    unsigned size;
    struct error_text error = {.text = ""};
    cr_assert(side->up, "%s: not up", row->name);
    cr_assert(tls_context_accepts(context, ours, &error), "%s: %s", row->name, error.text);
    SSL_get0_alpn_selected(ours, &chosen, &size);
    cr_assert(size == strlen(row->agreed) && (size == 0 || memcmp(chosen, row->agreed, size) == 0),
              "%s: %.*s was agreed", row->name, (int)size, chosen);
}

static void check_row(const struct world *world, const struct row *row, enum role role, int version)
{
    const bool server = role == ROLE_SERVER;
    struct tls_context *context = context_of(world, row->ours, row->need);
    const struct test_peer peer = {
        .identity = world->shown[DEVICE], .version = version, .alpn = row->theirs};
    SSL *ours = tls_context_ssl(context, role), *theirs = test_peer_new(&peer, !server);
    struct test_handshake handshake =
        server ? test_handshake_run(ours, theirs) : test_handshake_run(theirs, ours);
    const struct test_side *side = server ? &handshake.server : &handshake.client;
    if (row->agreed) {
        check_agreed(context, ours, side, row);
    } else {
        cr_assert_not(side->up, "%s: up", row->name);
        cr_assert_eq(side->reason, SSL_R_NO_APPLICATION_PROTOCOL, "%s: reason %d", row->name,
                     side->reason);
        cr_assert_eq(side->alert_sent,
                     server ? SSL_AD_NO_APPLICATION_PROTOCOL : SSL_AD_HANDSHAKE_FAILURE,
                     "%s: alert %d", row->name, side->alert_sent);
    }
    cr_assert_eq(ERR_peek_error(), 0);
    SSL_free(theirs);
    SSL_free(ours);
    tls_context_free(context);
}

static void check_rows(const struct row *rows, size_t count, enum role role)
{
    struct world *world = world_new();
    for (size_t i = 0; i < 2 * count; i++)
        check_row(world, &rows[i / 2], role, versions[i % 2]);
    world_free(world);
}

Test(alpn, as_server_we_choose_by_our_order)
{
    static const struct row rows[] = {
        {"both offer both", 2, "\3one\3two", "two", OPTIONAL},
        {"the second only", 2, "\3one", "one", OPTIONAL},
        {"one of unknown ones", 2, "\5three\3one\4four", "one", OPTIONAL},
        {"nothing in common", 2, "\5three", NULL, OPTIONAL},
        {"a beginning of ours", 2, "\2tw\2on", NULL, OPTIONAL},
        {"more than ours", 2, "\4twox", NULL, OPTIONAL},
        {"nothing is offered", 2, NULL, "", OPTIONAL},
        {"nothing is offered, and it is required", 2, NULL, NULL, REQUIRED},
        {"it is required, and offered", 2, "\3one", "one", REQUIRED},
        {"we do not mind", 0, "\3one", "", OPTIONAL},
        {"nobody does", 0, NULL, "", OPTIONAL},
    };
    check_rows(rows, COUNT(rows), ROLE_SERVER);
}

Test(alpn, as_client_we_want_an_answer_of_ours)
{
    static const struct row rows[] = {
        {"the first", 2, "\3two", "two", OPTIONAL},
        {"the second", 2, "\3one", "one", OPTIONAL},
        {"not answered", 2, NULL, "", OPTIONAL},
        {"not answered, and it is required", 2, NULL, NULL, REQUIRED},
        {"required and answered", 2, "\3one", "one", REQUIRED},
        {"not asked", 0, "\3one", "", OPTIONAL},
        {"nobody does", 0, NULL, "", OPTIONAL},
    };
    check_rows(rows, COUNT(rows), ROLE_CLIENT);
}

/* Whoever notices: a late OpenSSL 3.0, or we. */
Test(alpn, as_client_we_take_nothing_that_was_not_offered)
{
    struct world *world = world_new();
    struct tls_context *context = context_of(world, 2, OPTIONAL);
    static const char *const answers[] = {"\5three", "\2tw", "\4twox"};
    for (size_t i = 0; i < 2 * COUNT(answers); i++) {
        SSL *ours = tls_context_ssl(context, ROLE_CLIENT);
        SSL *theirs = test_peer_new(&(struct test_peer){.identity = world->shown[DEVICE],
                                                        .version = versions[i % 2],
                                                        .alpn = answers[i / 2]},
                                    true);
        cr_assert_not(test_handshake_run(theirs, ours).client.up, "%s", answers[i / 2] + 1);
        SSL_free(theirs);
        SSL_free(ours);
    }
    tls_context_free(context);
    world_free(world);
}

/* What a resumed session, which shows no certificate, would come to. */
Test(alpn, accepts_looks_again_after_the_handshake)
{
    struct error_text error = {.text = ""};
    struct world *world = world_new();
    struct tls_context *with[] = {context_of(world, 0, OPTIONAL), context_of(world, 1, REQUIRED),
                                  context_of(world, 2, REQUIRED), context_of(world, 3, REQUIRED),
                                  context_of(world, 1, OPTIONAL)};
    static const struct {
        const char *theirs;
        size_t made, judged; /* under how many protocols */
        bool accepted;
    } rows[] = {{NULL, 0, 0, true},    {NULL, 0, 1, false},    {NULL, 0, 2, false},
                {"\3two", 2, 1, true}, {"\3one", 2, 1, false}, {"\3one", 2, 2, true},
                {"\2tw", 3, 3, true},  {"\2tw", 3, 2, false},  {NULL, 0, 4, true},
                {"\3one", 2, 4, false}};
    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        bool server = i % 2;
        SSL *ours = tls_context_ssl(with[rows[i / 2].made], server ? ROLE_SERVER : ROLE_CLIENT);
        SSL *theirs = test_peer_new(
            &(struct test_peer){.identity = world->shown[DEVICE], .alpn = rows[i / 2].theirs},
            !server);
        struct test_handshake handshake =
            server ? test_handshake_run(ours, theirs) : test_handshake_run(theirs, ours);
        cr_assert(handshake.server.up && handshake.client.up);
        error.text[0] = '\0';
        bool accepted = tls_context_accepts(with[rows[i / 2].judged], ours, &error);
        cr_assert_eq(accepted, rows[i / 2].accepted, "row %zu", i);
        cr_assert_str_eq(error.text, accepted ? ""
                                              : "no application protocol of alpn was agreed on "
                                                "with the peer");
        SSL_free(theirs);
        SSL_free(ours);
    }
    for (size_t i = 0; i < COUNT(with); i++)
        tls_context_free(with[i]);
    world_free(world);
}
