/* Versions, ciphers, renegotiation and tickets: what comes of the settings in handshakes. */
#include "server/lib/tls/context.h"
#include "tests/support/tls_peer.h"
#include "tests/support/tls_world.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

static struct world *world;

static void set_up(void)
{
    world = world_new();
}

static void tear_down(void)
{
    world_free(world);
}

TestSuite(context_negotiation, .init = set_up, .fini = tear_down);

static struct config_tls settings(void)
{
    static struct config_peer_name names[] = {{.text = WORLD_NAME}};
    return (struct config_tls){.certificate = world->certificate,
                               .key = world->key,
                               .ca = world->ca_file,
                               .peer_names = {names, 1}};
}

struct ends {
    struct tls_context *context;
    SSL *ours, *theirs;
    struct test_side our_side, their_side;
};

static struct ends meet(const struct config_tls *tls, struct test_peer peer, bool server)
{
    struct error_text error = {.text = ""};
    struct ends ends = {
        .context = tls_context_new((struct tls_owner){"", NULL}, tls, CONFIG_ROLE_AUTO, &error)};
    cr_assert_not_null(ends.context, "%s", error.text);
    peer.identity = world->shown[DEVICE];
    ends.ours = tls_context_ssl(ends.context, server ? ROLE_SERVER : ROLE_CLIENT);
    ends.theirs = test_peer_new(&peer, !server);
    struct test_handshake handshake = server ? test_handshake_run(ends.ours, ends.theirs)
                                             : test_handshake_run(ends.theirs, ends.ours);
    ends.our_side = server ? handshake.server : handshake.client;
    ends.their_side = server ? handshake.client : handshake.server;
    return ends;
}

static void part(struct ends *ends)
{
    SSL_free(ends->theirs);
    SSL_free(ends->ours);
    tls_context_free(ends->context);
}

/* ---- Versions ------------------------------------------------------------------------------ */

Test(context_negotiation, least_version)
{
    static const struct {
        enum config_tls_version min_version;
        int peer, agreed; /* 0: none */
    } rows[] = {{CONFIG_TLS_1_2, TLS1_2_VERSION, TLS1_2_VERSION},
                {CONFIG_TLS_1_2, TLS1_3_VERSION, TLS1_3_VERSION},
                {CONFIG_TLS_1_2, 0, TLS1_3_VERSION},
                {CONFIG_TLS_1_3, TLS1_3_VERSION, TLS1_3_VERSION},
                {CONFIG_TLS_1_3, TLS1_2_VERSION, 0}};
    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        bool server = i % 2;
        struct config_tls tls = settings();
        tls.min_version = rows[i / 2].min_version;
        struct ends ends = meet(&tls, (struct test_peer){.version = rows[i / 2].peer}, server);
        if (rows[i / 2].agreed) {
            cr_assert(ends.our_side.up && ends.their_side.up, "row %zu", i);
            cr_assert_eq(SSL_version(ends.ours), rows[i / 2].agreed, "row %zu", i);
        } else {
            cr_assert_not(ends.our_side.up || ends.their_side.up, "row %zu", i);
            const struct test_side *refused = server ? &ends.their_side : &ends.our_side;
            cr_assert_eq(refused->alert_got, SSL_AD_PROTOCOL_VERSION, "row %zu", i);
        }
        part(&ends);
    }
}

/* Hazard 45: protocol_version, not internal_error. */
Test(context_negotiation, tls_11_is_told_the_version)
{
    enum { HELLO = 50, ALERT = 7 };
    static const unsigned char head[] = {0x16, 3, 1, 0, HELLO - 5, 1, 0, 0, HELLO - 9, 3, 2};
    unsigned char hello[HELLO] = {0}, answer[64];
    static const unsigned char tail[] = {0, 0, 2, 0xc0, 0x09, 1, 0};
    struct config_tls tls = settings();
    struct error_text error = {.text = ""};
    struct tls_context *context =
        tls_context_new((struct tls_owner){"", NULL}, &tls, CONFIG_ROLE_SERVER, &error);
    SSL *ssl = tls_context_ssl(context, ROLE_SERVER);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    cr_assert(ssl && in && out);
    memcpy(hello, head, sizeof(head));
    memcpy(hello + HELLO - sizeof(tail), tail, sizeof(tail));
    SSL_set_bio(ssl, in, out);
    cr_assert_eq(BIO_write(in, hello, HELLO), HELLO);
    cr_assert_eq(SSL_do_handshake(ssl), -1);
    cr_assert_eq(BIO_read(out, answer, sizeof(answer)), ALERT);
    cr_assert(answer[0] == 0x15 && answer[5] == SSL3_AL_FATAL);
    cr_assert_eq(answer[6], SSL_AD_PROTOCOL_VERSION, "alert %d", answer[6]);
    ERR_clear_error();
    SSL_free(ssl);
    tls_context_free(context);
}

/* ---- Ciphers ------------------------------------------------------------------------------- */

Test(context_negotiation, ciphers)
{
    static const struct {
        const char *ours, *ours13, *theirs, *theirs13;
        int version;
        const char *agreed; /* NULL: none */
    } rows[] = {
        {"ECDHE-ECDSA-AES256-GCM-SHA384", NULL, NULL, NULL, TLS1_2_VERSION,
         "ECDHE-ECDSA-AES256-GCM-SHA384"},
        {"ECDHE-ECDSA-AES256-GCM-SHA384", NULL, "ECDHE-ECDSA-AES128-GCM-SHA256", NULL,
         TLS1_2_VERSION, NULL},
        {NULL, "TLS_CHACHA20_POLY1305_SHA256", NULL, NULL, TLS1_3_VERSION,
         "TLS_CHACHA20_POLY1305_SHA256"},
        {NULL, "TLS_CHACHA20_POLY1305_SHA256", NULL, "TLS_AES_128_GCM_SHA256", TLS1_3_VERSION,
         NULL},
        {"ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_AES_128_GCM_SHA256", NULL, NULL, 0,
         "TLS_AES_128_GCM_SHA256"},
    };
    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        struct config_tls tls = settings();
        tls.ciphers = (char *)rows[i / 2].ours;
        tls.ciphersuites = (char *)rows[i / 2].ours13;
        const struct test_peer peer = {.version = rows[i / 2].version,
                                       .ciphers = rows[i / 2].theirs,
                                       .ciphersuites = rows[i / 2].theirs13};
        struct ends ends = meet(&tls, peer, i % 2);
        cr_assert_eq(ends.our_side.up, !!rows[i / 2].agreed, "row %zu", i);
        if (rows[i / 2].agreed)
            cr_assert_str_eq(SSL_get_cipher_name(ends.ours), rows[i / 2].agreed, "row %zu", i);
        part(&ends);
    }
}

Test(context_negotiation, as_server_our_order_counts)
{
    static const struct {
        int version;
        const char *ours, *theirs;
    } rows[] = {
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384",
         "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"},
        {TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384",
         "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool is_13 = rows[i].version == TLS1_3_VERSION;
        struct config_tls tls = settings();
        struct test_peer peer = {.version = rows[i].version};
        if (is_13) {
            tls.ciphersuites = (char *)rows[i].ours;
            peer.ciphersuites = rows[i].theirs;
        } else {
            tls.ciphers = (char *)rows[i].ours;
            peer.ciphers = rows[i].theirs;
        }
        struct ends ends = meet(&tls, peer, true);
        cr_assert(ends.our_side.up);
        const char *agreed = SSL_get_cipher_name(ends.ours);
        cr_assert_eq(strncmp(rows[i].ours, agreed, strlen(agreed)), 0, "%s", agreed);
        part(&ends);
    }
}

/* Nobody on our side uses a name that the system's settings might bring in. */
Test(context_negotiation, defaults_are_forward_secret)
{
    for (int i = 0; i < 4; i++) {
        struct config_tls tls = settings();
        struct test_peer peer = {.version = i / 2 ? TLS1_3_VERSION : TLS1_2_VERSION};
        struct ends ends = meet(&tls, peer, i % 2);
        cr_assert(ends.our_side.up);
        int exchange = SSL_CIPHER_get_kx_nid(SSL_get_current_cipher(ends.ours));
        cr_assert(exchange == NID_kx_ecdhe || exchange == NID_kx_any);
        part(&ends);
    }
}

/* ---- After the handshake ------------------------------------------------------------------- */

/* Hazard 15. */
Test(context_negotiation, as_server_we_send_no_tickets)
{
    for (int i = 0; i < 2; i++) {
        struct config_tls tls = settings();
        struct ends ends =
            meet(&tls, (struct test_peer){.version = i ? TLS1_3_VERSION : TLS1_2_VERSION}, true);
        cr_assert(ends.our_side.up);
        const SSL_SESSION *session = SSL_get_session(ends.theirs);
        unsigned size = 0;
        cr_assert_not(SSL_SESSION_has_ticket(session));
        SSL_SESSION_get_id(session, &size);
        cr_assert(i == 1 || size == 0, "TLS 1.2 session id of %u bytes", size);
        cr_assert_eq(BIO_ctrl_pending(SSL_get_rbio(ends.theirs)), 0, "something was sent");
        part(&ends);
    }
}

/* Hazard 23: a renegotiation that the peer asks for is refused, and the connection goes on. As
 * client that holds until the first handshake is accepted. */
Test(context_negotiation, renegotiation_is_refused)
{
    char byte = 0;
    for (int server = 0; server < 2; server++) {
        struct config_tls tls = settings();
        struct ends ends = meet(&tls, (struct test_peer){.version = TLS1_2_VERSION}, server);
        cr_assert(ends.our_side.up);
        cr_assert_not(server && tls_context_up(ends.ours), "a server answers nobody");
        cr_assert_eq(SSL_renegotiate(ends.theirs), 1);
        (void)SSL_do_handshake(ends.theirs);
        ERR_clear_error();
        cr_assert_eq(SSL_read(ends.ours, &byte, 1), -1);
        cr_assert_eq(SSL_get_error(ends.ours, -1), SSL_ERROR_WANT_READ);
        (void)SSL_read(ends.theirs, &byte, 1);
        unsigned long first = ERR_peek_error();
        cr_assert(!server || ERR_GET_REASON(first) == SSL_R_NO_RENEGOTIATION, "reason %d",
                  ERR_GET_REASON(first));
        ERR_clear_error();
        cr_assert_eq(SSL_num_renegotiations(ends.ours), 0);
        part(&ends);
    }
}

/* Reads on both sides until neither has anything more to say. */
static void let_talk(struct ends *ends)
{
    char byte;
    for (int i = 0; i < 10; i++) {
        (void)SSL_read(ends->ours, &byte, 1);
        (void)SSL_read(ends->theirs, &byte, 1);
    }
}

Test(context_negotiation, as_client_we_answer_a_server)
{
    static const struct {
        const char *alpn; /* of the first handshake; a later one has none */
        bool changes;     /* the server shows another certificate that the policy accepts */
    } rows[] = {{NULL, false}, {"one", false}, {NULL, true}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config_tls tls = settings();
        char *protocols[] = {(char *)rows[i].alpn};
        if (rows[i].alpn)
            tls.alpn = (struct config_strings){protocols, 1};
        struct test_peer peer = {.version = TLS1_2_VERSION, .alpn = rows[i].alpn ? "\3one" : NULL};
        struct ends ends = meet(&tls, peer, false);
        cr_assert(ends.our_side.up, "row %zu", i);
        cr_assert(tls_context_up(ends.ours), "row %zu", i);
        if (rows[i].changes) {
            const struct test_identity *other = world->shown[BY_MIDDLE];
            cr_assert_eq(SSL_use_certificate(ends.theirs, other->certificate), 1);
            cr_assert_eq(SSL_use_PrivateKey(ends.theirs, other->key), 1);
            cr_assert_eq(SSL_set1_chain(ends.theirs, other->chain), 1);
        }
        SSL_set_options(ends.theirs, SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
        cr_assert_eq(SSL_renegotiate(ends.theirs), 1);
        cr_assert_eq(SSL_do_handshake(ends.theirs), 1);
        let_talk(&ends);
        cr_assert_eq(SSL_renegotiate_pending(ends.theirs) == 0, !rows[i].changes, "row %zu", i);
        cr_assert_eq(!!strstr(tls_context_refusal(ends.ours), "changed during renegotiation"),
                     rows[i].changes, "row %zu: %s", i, tls_context_refusal(ends.ours));
        ERR_clear_error();
        part(&ends);
    }
}

/* The chain that is shown is the file's: the CA's certificate is not added from the trusted ones.
 */
Test(context_negotiation, only_the_files_chain_is_sent)
{
    struct config_tls tls = settings();
    struct ends ends = meet(&tls, (struct test_peer){.version = TLS1_3_VERSION}, true);
    cr_assert(ends.our_side.up);
    cr_assert_eq(sk_X509_num(SSL_get_peer_cert_chain(ends.theirs)), 1);
    part(&ends);
    tls.certificate =
        (char *)test_write_certificate(world->folder, "middle.pem", world->shown[BY_MIDDLE]);
    tls.key = (char *)test_write_key(world->folder, "middle.key", world->shown[BY_MIDDLE], NULL);
    struct error_text error = {.text = ""};
    struct tls_context *context =
        tls_context_new((struct tls_owner){"", NULL}, &tls, CONFIG_ROLE_SERVER, &error);
    cr_assert_not_null(context, "%s", error.text);
    SSL *ours = tls_context_ssl(context, ROLE_SERVER);
    SSL *theirs = test_peer_new(&(struct test_peer){.identity = NULL}, false);
    cr_assert(test_handshake_run(ours, theirs).client.up);
    cr_assert_eq(sk_X509_num(SSL_get_peer_cert_chain(theirs)), 2);
    SSL_free(theirs);
    SSL_free(ours);
    tls_context_free(context);
}
