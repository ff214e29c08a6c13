/* Certificates on demand: a client is asked after the handshake, in TLS 1.2 and 1.3, over both
 * transports. */
#include "relay/clock.h"
#include "server/lib/conn.h"
#include "server/lib/tls/policy.h"
#include "tests/support/conn_suite.h"
#include "tests/support/pattern.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct conn_suite suite;

TestSuite(conn_certificate, .timeout = 60);

/* ---- The client ---------------------------------------------------------------------------- */

enum manner {
    GIVES,
    HAS_NONE,
    HAS_OURS,  /* it shows our own certificate */
    CANNOT,    /* TLS 1.3: post_handshake_auth was not offered; TLS 1.2: refuses to renegotiate */
    IS_SILENT, /* it reads nothing */
    TALKS_ON,  /* and sends data without end */
    CLOSES,    /* close_notify instead of an answer */
    STARTS_ITS_OWN, /* gives it, and then wants to renegotiate itself (TLS 1.2) */
};

struct client {
    enum manner manner;
    size_t early;       /* bytes that it sends before it reads the request */
    bool echoes;        /* after the request: 1000 bytes come back */
    atomic_bool closed; /* it has seen our close_notify */
    struct conn_world *world;
};

static void put_on(struct socket_peer *peer, const struct client *client)
{
    const struct test_end *ours = &client->world->pair->ends[0];
    bool fine = true;
    SSL_set_post_handshake_auth(peer->ssl, client->manner != CANNOT);
    if (client->manner == CANNOT)
        SSL_set_options(peer->ssl, SSL_OP_NO_RENEGOTIATION);
    if (client->manner == HAS_NONE)
        SSL_certs_clear(peer->ssl);
    if (client->manner == HAS_OURS)
        fine = SSL_use_certificate_file(peer->ssl, ours->certificate, SSL_FILETYPE_PEM) == 1 &&
               SSL_use_PrivateKey_file(peer->ssl, ours->key, SSL_FILETYPE_PEM) == 1;
    if (!fine)
        socket_peer_fail(peer, "our certificate cannot be used");
}

static bool send_early(struct socket_peer *peer, size_t size)
{
    uint8_t *data = malloc(size + 1);
    pattern_fill(data, size, 0, 1);
    bool sent = size == 0 || socket_peer_write(peer, data, size);
    free(data);
    return sent;
}

static bool echo(struct socket_peer *peer)
{
    char data[1000];
    return socket_peer_read_all(peer, data, sizeof(data)) &&
           socket_peer_write(peer, data, sizeof(data));
}

/* OpenSSL's client takes our refusal for fatal. */
static void renegotiate(struct socket_peer *peer)
{
    char byte;
    ERR_clear_error();
    if (SSL_renegotiate(peer->ssl) != 1)
        socket_peer_fail(peer, "it cannot even ask");
    else if (socket_peer_handshake(peer) && SSL_renegotiate_pending(peer->ssl) == 0)
        socket_peer_fail(peer, "its renegotiation was done");
    else if (socket_peer_read(peer, &byte, 1) >= 0)
        socket_peer_fail(peer, "it was not refused");
}

static void converse(struct socket_peer *peer, struct client *client)
{
    char byte;
    put_on(peer, client);
    if (!socket_peer_handshake(peer))
        return;
    if (client->manner == CLOSES) {
        (void)socket_peer_end_in_order(peer);
        return;
    }
    if (!send_early(peer, client->early) || client->manner == IS_SILENT)
        return;
    if (client->manner == TALKS_ON) {
        while (send_early(peer, 10000))
            ;
        return;
    }
    if (client->echoes && !echo(peer))
        return;
    if (client->manner == STARTS_ITS_OWN)
        renegotiate(peer);
    else if (client->echoes ||
             socket_peer_read(peer, &byte, 1) == 0) { /* what answers the request */
        atomic_store(&client->closed, !client->echoes);
        (void)socket_peer_end_in_order(peer);
    }
}

static void act(struct socket_peer *peer, void *arg)
{
    converse(peer, arg);
    if (peer->failure[0])
        socket_peer_fin(peer);
}

/* ---- Our side ------------------------------------------------------------------------------- */

static void begin(struct conn_rig *rig, int which, struct client *client)
{
    struct conn_rig_options options =
        conn_defaults(ACTPASS_ROLE_SERVER, which & 1, conn_transports[which >> 1 & 1]);
    options.on_demand = true;
    client->world = &suite.world;
    conn_rig_init(rig, &suite.world, &options, act, client);
    cr_assert_eq(loop_handshake(rig), 0, "%s", conn_rig_says(rig));
    actpass_info_t info;
    actpass_info(rig->conn, &info);
    cr_assert_str_eq(info.peer_subject, "", "it was asked in the handshake");
    cr_assert_str_eq(info.peer_fingerprint, "");
}

static void check_known(struct conn_rig *rig)
{
    actpass_info_t info;
    actpass_info(rig->conn, &info);
    cr_assert_str_eq(info.peer_subject, "CN=test");
    cr_assert_eq(strlen(info.peer_fingerprint), 64);
}

/* Which: TLS version in bit 0, transport in bit 1. */
enum { ALL = 4 };

Test(conn_certificate, a_client_gives_it_and_data_stays_in_order)
{
    static const size_t sizes[] = {0, 1, 20000, 60000};
    conn_suite_begin(&suite);
    for (int which = 0; which < 4 * ALL; which++) {
        struct client client = {.manner = GIVES, .early = sizes[which / ALL], .echoes = true};
        struct conn_rig rig;
        begin(&rig, which, &client);
        cr_assert_eq(actpass_request_certificate(rig.conn, 10000), 0, "%d: %s", which,
                     conn_rig_says(&rig));
        check_known(&rig);
        cr_assert(conn_rig_read(&rig, client.early, 1) && conn_rig_write(&rig, 1000, 2, 300) &&
                      conn_rig_read(&rig, 1000, 2) && conn_rig_end_in_order(&rig),
                  "%d: %s", which, conn_rig_says(&rig));
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* Small pieces of what was early, and the second request costs nothing. */
Test(conn_certificate, asked_again_it_is_there)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < ALL; which++) {
        struct client client = {.manner = GIVES, .early = 100, .echoes = true};
        struct conn_rig rig;
        uint8_t byte;
        begin(&rig, which, &client);
        for (int i = 0; i < 3; i++)
            cr_assert_eq(actpass_request_certificate(rig.conn, -1), 0, "%s", conn_rig_says(&rig));
        for (uint64_t i = 0; i < client.early; i++) {
            cr_assert_eq(loop_read(&rig, &byte, 1), 1);
            cr_assert(pattern_matches(&byte, 1, i, 1));
        }
        cr_assert(conn_rig_write(&rig, 1000, 2, 300) && conn_rig_read(&rig, 1000, 2) &&
                      conn_rig_end_in_order(&rig),
                  "%s", conn_rig_says(&rig));
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn_certificate, who_gives_none_is_refused)
{
    static const struct {
        enum manner manner;
        actpass_end end;
        const char *texts[2]; /* TLS 1.2 and 1.3 */
    } rows[] = {
        {HAS_NONE,
         ACTPASS_REFUSED,
         {"the peer gave no certificate", "the peer gave no certificate"}},
        {HAS_OURS, ACTPASS_REFUSED, {"its key is our own", "its key is our own"}},
        {CANNOT,
         ACTPASS_REFUSED,
         {"the client refused to renegotiate", "not offered post_handshake_auth"}},
        {TALKS_ON, ACTPASS_PROTOCOL, {"went on with data", "went on with data"}},
        {CLOSES,
         ACTPASS_REFUSED,
         {"closed the connection instead", "closed the connection instead"}},
    };
    conn_suite_begin(&suite);
    for (int which = 0; which < 5 * ALL; which++) {
        int row = which / ALL;
        struct client client = {.manner = rows[row].manner};
        struct conn_rig rig;
        actpass_info_t info;
        begin(&rig, which, &client);
        cr_assert_eq(actpass_request_certificate(rig.conn, 10000), -1, "%d", which);
        cr_assert_eq(actpass_ended(rig.conn), rows[row].end, "%d: %s", which,
                     actpass_error(rig.conn));
        cr_assert(strstr(actpass_error(rig.conn), rows[row].texts[which & 1]), "%d: %s", which,
                  actpass_error(rig.conn));
        cr_assert_eq(actpass_request_certificate(rig.conn, 10000), -1, "again");
        actpass_abort(rig.conn);
        cr_assert_eq(loop_close(&rig), rows[row].end);
        actpass_info(rig.conn, &info);
        cr_assert_str_eq(info.peer_subject, "", "%d", which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* Also where nothing is sent between the calls, and the next one comes late. */
Test(conn_certificate, who_gives_none_learns_of_the_end_at_once)
{
    conn_suite_begin(&suite);
    for (int which = 1; which < ALL; which += 2) /* in TLS 1.2 the client's refusal is an alert */
        for (int on = 0; on < 2; on++) {
            struct client client = {.manner = CANNOT};
            struct conn_rig rig;
            begin(&rig, which, &client);
            cr_assert_eq(actpass_set_nonblocking(rig.conn, on), 0);
            cr_assert_eq(actpass_request_certificate(rig.conn, 10000), -1);
            int64_t deadline_us = clock_deadline_ms(5000);
            while (!atomic_load(&client.closed) && clock_now_us() < deadline_us)
                usleep(1000);
            cr_assert(atomic_load(&client.closed), "%d, non-blocking: %d", which, on);
            conn_rig_free(&rig);
        }
    conn_suite_end(&suite);
}

/* A refusal is an alert, so that the client learns of it. */
Test(conn_certificate, a_refusal_is_reported)
{
    static const char *const texts[2][2] = {{"handshake failure", "certificate required"},
                                            {"bad certificate", "bad certificate"}};
    conn_suite_begin(&suite);
    for (int which = 0; which < 2 * ALL; which++) {
        struct client client = {.manner = which < ALL ? HAS_NONE : HAS_OURS, .echoes = true};
        struct conn_rig rig;
        begin(&rig, which, &client);
        cr_assert_eq(actpass_request_certificate(rig.conn, 10000), -1, "%d", which);
        (void)loop_close(&rig);
        socket_peer_join(rig.peer);
        cr_assert(strstr(rig.peer->failure, texts[which / ALL][which & 1]), "%d: %s", which,
                  conn_rig_says(&rig));
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn_certificate, hazard_24_a_silent_client_has_a_deadline)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < ALL; which++) {
        struct client client = {.manner = IS_SILENT};
        struct conn_rig rig;
        begin(&rig, which, &client);
        cr_assert_eq(actpass_request_certificate(rig.conn, 50), -1);
        cr_assert_eq(actpass_ended(rig.conn), ACTPASS_TIMEOUT, "%s", actpass_error(rig.conn));
        cr_assert(strstr(actpass_error(rig.conn), "did not answer the request"));
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

static void *abort_soon(void *arg)
{
    pause_ms(30);
    actpass_abort(arg);
    return NULL;
}

Test(conn_certificate, an_abort_ends_the_wait_for_a_silent_client)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < ALL; which++) {
        struct client client = {.manner = IS_SILENT};
        struct conn_rig rig;
        pthread_t thread;
        begin(&rig, which, &client);
        cr_assert_eq(pthread_create(&thread, NULL, abort_soon, rig.conn), 0);
        cr_assert_eq(actpass_request_certificate(rig.conn, 10000), -1);
        cr_assert_eq(pthread_join(thread, NULL), 0);
        cr_assert_eq(actpass_ended(rig.conn), ACTPASS_CANCELLED, "%s", actpass_error(rig.conn));
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* As the http handler asks: a client without a certificate goes on. */
Test(conn_certificate, optional)
{
    static const struct {
        enum manner manner;
        int versions; /* bits */
        const char *text;
    } rows[] = {{HAS_NONE, 3, "asked for a certificate and gave none"},
                {CANNOT, 2, "it has not offered post_handshake_auth"}};
    conn_suite_begin(&suite);
    for (int which = 0; which < 2 * ALL; which++) {
        int row = which / ALL;
        struct client client = {.manner = rows[row].manner, .early = 1000, .echoes = true};
        struct conn_rig rig;
        struct error_text why = {.text = ""};
        if (!(rows[row].versions & 1 << (which & 1)))
            continue;
        begin(&rig, which, &client);
        for (int i = 0; i < 3; i++) {
            int64_t deadline_us = clock_deadline_ms(10000);
            cr_assert_eq(conn_ask_certificate(rig.conn, CERTIFICATE_OPTIONAL, deadline_us, &why),
                         ASKED_NONE, "%d: %s", which, conn_rig_says(&rig));
            cr_assert(strstr(why.text, rows[row].text), "%d: %s", which, why.text);
        }
        cr_assert(conn_rig_read(&rig, 1000, 1) && conn_rig_write(&rig, 1000, 2, 300) &&
                      conn_rig_read(&rig, 1000, 2) && conn_rig_end_in_order(&rig),
                  "%d: %s", which, conn_rig_says(&rig));
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn_certificate, optional_by_the_public_call)
{
    static const struct {
        enum manner manner;
        int64_t timeout_ms;
        int result;
        actpass_end end;
    } rows[] = {{GIVES, -1, 1, ACTPASS_OPEN},
                {HAS_NONE, 10000, 0, ACTPASS_OPEN},
                {HAS_OURS, 10000, -1, ACTPASS_REFUSED},
                {IS_SILENT, 50, -1, ACTPASS_TIMEOUT}};
    conn_suite_begin(&suite);
    for (int which = 0; which < (int)(sizeof(rows) / sizeof(*rows)) * ALL; which++) {
        int row = which / ALL;
        char why[200] = "";
        struct client client = {.manner = rows[row].manner};
        struct conn_rig rig;
        begin(&rig, which, &client);
        cr_assert_eq(
            actpass_request_optional_certificate(rig.conn, rows[row].timeout_ms, why, sizeof(why)),
            rows[row].result, "%d: %s", which, conn_rig_says(&rig));
        cr_assert_eq(actpass_ended(rig.conn), rows[row].end, "%d", which);
        cr_assert_eq(!!strstr(why, "gave none"), rows[row].result == 0, "%d: %s", which, why);
        cr_assert_eq(actpass_peer_certificate(rig.conn, 0, NULL, 0) > 0, rows[row].result == 1);
        if (rows[row].result == 0)
            cr_assert_eq(actpass_request_optional_certificate(rig.conn, 10000, NULL, 0), 0);
        actpass_abort(rig.conn);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn_certificate, access_list)
{
    struct config_peer_name right[] = {{.text = "right.example"}},
                            wrong[] = {{.text = "left.example"}};
    conn_suite_begin(&suite);
    for (int which = 0; which < ALL; which++) {
        struct client client = {.manner = GIVES};
        struct conn_rig rig;
        struct error_text error = {.text = ""};
        const struct config_tls lists[] = {{.peer_names = {right, 1}}, {.peer_names = {wrong, 1}}};
        struct policy *policies[] = {policy_new(&lists[0], NULL, &error),
                                     policy_new(&lists[1], NULL, &error)};
        begin(&rig, which, &client);
        cr_assert_not(conn_peer_is(rig.conn, policies[0], &error));
        cr_assert_str_eq(error.text, "the peer has shown no certificate");
        cr_assert_eq(actpass_request_certificate(rig.conn, 10000), 0, "%s", conn_rig_says(&rig));
        cr_assert(conn_peer_is(rig.conn, policies[0], &error), "%s", error.text);
        cr_assert_not(conn_peer_is(rig.conn, policies[1], &error));
        cr_assert(strstr(error.text, "none of peer_names"), "%s", error.text);
        conn_rig_free(&rig);
        policy_free(policies[0]);
        policy_free(policies[1]);
    }
    conn_suite_end(&suite);
}

/* Lifted for our own renegotiation only. */
Test(conn_certificate, a_client_may_still_not_renegotiate)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < ALL; which += 2) {
        struct client client = {.manner = STARTS_ITS_OWN, .echoes = true};
        struct conn_rig rig;
        char byte;
        begin(&rig, which, &client);
        cr_assert_eq(actpass_request_certificate(rig.conn, 10000), 0, "%s", conn_rig_says(&rig));
        cr_assert(conn_rig_write(&rig, 1000, 2, 300) && conn_rig_read(&rig, 1000, 2));
        cr_assert_leq(loop_read(&rig, &byte, 1), 0);
        socket_peer_join(rig.peer);
        cr_assert(SSL_get_options(actpass_ssl(rig.conn)) & SSL_OP_NO_RENEGOTIATION);
        cr_assert(strstr(rig.peer->failure, "no renegotiation"), "%s", conn_rig_says(&rig));
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn_certificate, only_a_server_asks)
{
    conn_suite_begin(&suite);
    struct conn_rig rig;
    struct error_text why = {.text = ""};
    struct conn_rig_options options =
        conn_defaults(ACTPASS_ROLE_CLIENT, 1, ACTPASS_TRANSPORT_RELAY);
    conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
    cr_assert_eq(loop_handshake(&rig), 0);
    cr_assert_eq(
        conn_ask_certificate(rig.conn, CERTIFICATE_REQUIRED, clock_deadline_ms(1000), &why),
        ASKED_GIVEN, "a server has shown its certificate in the handshake");
    conn_rig_free(&rig);
    conn_suite_end(&suite);
}

/* ---- In the middle of the answer -------------------------------------------------------- */

/* The client's stream ends after so many bytes (0: it goes on). Was the certificate given, and does
 * it count? */
static bool given_with_cut(int version, uint64_t cut_after, uint64_t *sent)
{
    struct client client = {.manner = GIVES, .world = &suite.world};
    struct conn_rig_options options =
        conn_defaults(ACTPASS_ROLE_SERVER, version, ACTPASS_TRANSPORT_RELAY);
    struct conn_rig rig;
    struct error_text why;
    struct policy *any = policy_new(&(struct config_tls){.insecure_any_peer = true}, NULL, &why);
    cr_assert_not_null(any);
    options.on_demand = true;
    options.peer.cuts = cut_after > 0;
    options.peer.cut_after = cut_after;
    conn_rig_init(&rig, &suite.world, &options, act, &client);
    bool given = loop_handshake(&rig) == 0 && actpass_request_certificate(rig.conn, 10000) == 0;
    cr_assert_eq(conn_peer_is(rig.conn, any, &why), given, "cut after %llu bytes: given: %d",
                 (unsigned long long)cut_after, given);
    cr_assert_eq(actpass_peer_certificate(rig.conn, 0, NULL, 0) > 0, given);
    (void)loop_close(&rig);
    socket_peer_join(rig.peer);
    *sent = rig.peer->sent;
    conn_rig_free(&rig);
    policy_free(any);
    return given;
}

/* OpenSSL has the certificate as soon as its message has come, without the proof that follows. */
Test(conn_certificate, it_counts_only_once_it_is_proven)
{
    enum { STEP = 9 };
    conn_suite_begin(&suite);
    for (int version = 0; version < 2; version++) {
        uint64_t all, ignored;
        unsigned refused = 0;
        cr_assert(given_with_cut(version, 0, &all));
        for (uint64_t less = STEP; less < 700 && less < all; less += STEP)
            refused += !given_with_cut(version, all - less, &ignored);
        cr_assert_gt(refused, 20);
    }
    conn_suite_end(&suite);
}
