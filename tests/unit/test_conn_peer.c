/* What a connection tells of its peer: the chain, the exporter, the names that were negotiated;
 * before the handshake, after it, and after the close. */
#include "relay/lock.h"
#include "server/lib/conn_internal.h"
#include "tests/support/conn_suite.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <string.h>

TestSuite(conn_peer, .timeout = 60);

static struct conn_suite suite;

/* ---- Certificates ---------------------------------------------------------------------------- */

/* The peer shows a chain of two; our configuration trusts their root. */
struct chain {
    struct test_folder *folder;
    struct test_identity *root, *middle, *leaf;
    const char *certificate, *key;
};

static void chain_begin(struct chain *chain)
{
    *chain = (struct chain){.folder = test_folder_new(), .root = test_ca_new("root")};
    chain->middle = test_identity_new(&(struct test_identity_options){
        .issuer = chain->root, .ca = true, .common_name = "middle"});
    chain->leaf = test_leaf_new(chain->middle, "DNS:right.example");
    chain->certificate = test_write_certificate(chain->folder, "leaf.pem", chain->leaf);
    chain->key = test_write_key(chain->folder, "leaf.key", chain->leaf, NULL);
    suite.world.pair->ca = test_write_certificate(chain->folder, "root.pem", chain->root);
    SSL_CTX_free(suite.world.theirs[0]);
    SSL_CTX_free(suite.world.theirs[1]);
    suite.world.theirs[0] = socket_peer_context(TLS1_2_VERSION, chain->certificate, chain->key);
    suite.world.theirs[1] = socket_peer_context(TLS1_3_VERSION, chain->certificate, chain->key);
}

static void chain_end(struct chain *chain)
{
    test_identity_free(chain->leaf);
    test_identity_free(chain->middle);
    test_identity_free(chain->root);
    test_folder_free(chain->folder);
}

static void must_have(actpass_conn *conn, unsigned index, const X509 *wanted)
{
    unsigned char der[4096];
    int64_t size = actpass_peer_certificate(conn, index, NULL, 0);
    cr_assert_gt(size, 100);
    der[size - 2] = 1;
    der[size - 1] = 2;
    cr_assert_eq(actpass_peer_certificate(conn, index, der, (size_t)size - 1), size);
    cr_assert(der[size - 2] == 1 && der[size - 1] == 2, "a copy that does not fit");
    cr_assert_eq(actpass_peer_certificate(conn, index, der, sizeof(der)), size);
    const unsigned char *at = der;
    X509 *got = d2i_X509(NULL, &at, size);
    cr_assert_not_null(got);
    cr_assert_eq(X509_cmp(got, wanted), 0, "certificate %u is another one", index);
    X509_free(got);
}

Test(conn_peer, the_chain_in_der)
{
    struct chain chain;
    conn_suite_begin(&suite);
    chain_begin(&chain);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        options.client_auth = true;
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert_eq(actpass_peer_certificate(rig.conn, 0, NULL, 0), 0, "before the handshake");
        cr_assert_eq(actpass_peer_name(rig.conn, 0, NULL, 0), 0);
        cr_assert(conn_shakes_hands(&rig), "way %d: %s", which, conn_rig_says(&rig));
        must_have(rig.conn, 0, chain.leaf->certificate);
        must_have(rig.conn, 1, chain.middle->certificate);
        char name[32] = "";
        cr_assert_eq(actpass_peer_name(rig.conn, 0, name, sizeof(name)), 17);
        cr_assert_str_eq(name, "dns:right.example");
        cr_assert_eq(actpass_peer_name(rig.conn, 2, name, sizeof(name)), 0);
        cr_assert_eq(actpass_peer_certificate(rig.conn, 2, NULL, 0), 0);
        cr_assert_eq(actpass_peer_certificate(rig.conn, UINT32_MAX, NULL, 0), 0);
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        must_have(rig.conn, 0, chain.leaf->certificate);
        conn_rig_free(&rig);
    }
    chain_end(&chain);
    conn_suite_end(&suite);
}

Test(conn_peer, a_client_without_a_certificate_has_none)
{
    conn_suite_begin(&suite);
    for (int version = 0; version < 2; version++) {
        struct conn_rig rig;
        struct conn_rig_options options =
            conn_defaults(ACTPASS_ROLE_SERVER, version, ACTPASS_TRANSPORT_RELAY);
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
        cr_assert_eq(actpass_peer_certificate(rig.conn, 0, NULL, 0), 0);
        cr_assert_eq(actpass_peer_certificate(rig.conn, 1, NULL, 0), 0);
        conn_must_end(&rig, ACTPASS_CLEAN, version);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* It has the certificate, but it was refused. */
Test(conn_peer, a_peer_that_was_refused_has_none)
{
    conn_suite_begin(&suite);
    suite.world.pair->ends[1].name = "somebody.else.example";
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        uint8_t key[32];
        struct conn_rig_options options = conn_way(which);
        options.client_auth = true;
        conn_rig_init(&rig, &suite.world, &options, peer_shakes_hands_and_ends, NULL);
        cr_assert_eq(loop_handshake(&rig), -1);
        cr_assert_eq(actpass_peer_certificate(rig.conn, 0, NULL, 0), 0);
        cr_assert_eq(actpass_export(rig.conn, "EXPORTER-x", NULL, 0, key, sizeof(key)), -1);
        conn_must_end(&rig, ACTPASS_REFUSED, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* ---- Exporter -------------------------------------------------------------------------------- */

enum { KEY_SIZE = 32 };

struct exported {
    bool no_extended_secret;
    uint8_t without[KEY_SIZE], empty[KEY_SIZE], with[KEY_SIZE];
};

static const char label[] = "EXPORTER-Channel-Binding";

static bool peer_export(SSL *ssl, const char *context, size_t size, uint8_t out[KEY_SIZE])
{
    return SSL_export_keying_material(ssl, out, KEY_SIZE, label, strlen(label),
                                      (const unsigned char *)context, size, !!context) == 1;
}

static void exports_too(struct socket_peer *peer, void *arg)
{
    struct exported *keys = arg;
    if (keys->no_extended_secret)
        SSL_set_options(peer->ssl, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    if (socket_peer_handshake(peer) && !(peer_export(peer->ssl, NULL, 0, keys->without) &&
                                         peer_export(peer->ssl, "", 0, keys->empty) &&
                                         peer_export(peer->ssl, "abc", 3, keys->with)))
        socket_peer_fail(peer, "it cannot export");
    (void)socket_peer_end_in_order(peer);
}

static void must_export(actpass_conn *conn, const char *context, size_t size,
                        const uint8_t wanted[KEY_SIZE], int which)
{
    uint8_t key[KEY_SIZE] = {0};
    cr_assert_eq(actpass_export(conn, label, context, size, key, sizeof(key)), 0, "way %d", which);
    cr_assert_eq(memcmp(key, wanted, sizeof(key)), 0, "way %d: another key", which);
}

/* A reserved label of TLS 1.2, and more than TLS 1.3 can derive at once. */
static void must_refuse(actpass_conn *conn, int version)
{
    static uint8_t much[20000];
    const char *name = version == 0 ? "client finished" : label;
    size_t size = version == 0 ? KEY_SIZE : sizeof(much);
    cr_assert_eq(actpass_export(conn, name, "", 0, much, size), -1);
    cr_assert_eq(ERR_peek_error(), 0, "it is no failure of the caller's next SSL call");
}

Test(conn_peer, both_ends_export_the_same)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        struct exported theirs = {false};
        uint8_t key[KEY_SIZE], byte;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, exports_too, &theirs);
        cr_assert_eq(actpass_export(rig.conn, label, "", 0, key, sizeof(key)), -1, "too early");
        cr_assert(conn_shakes_hands(&rig), "way %d: %s", which, conn_rig_says(&rig));
        must_refuse(rig.conn, options.version);
        cr_assert_eq(loop_read(&rig, &byte, 1), 0, "a failed export is no failed read");
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_must_be_good(true, &rig, which);
        must_export(rig.conn, NULL, 0, theirs.without, which);
        must_export(rig.conn, "", 0, theirs.empty, which);
        must_export(rig.conn, "abc", 3, theirs.with, which);
        bool distinct = memcmp(theirs.without, theirs.empty, KEY_SIZE) != 0;
        cr_assert_eq(distinct, options.version == 0, "way %d", which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* RFC 7627 section 5.4. */
Test(conn_peer, nothing_is_exported_without_the_extended_master_secret)
{
    conn_suite_begin(&suite);
    for (int role = 0; role < 2; role++) {
        struct conn_rig rig;
        struct exported theirs = {.no_extended_secret = true};
        uint8_t key[KEY_SIZE];
        struct conn_rig_options options =
            conn_defaults(conn_roles[role], 0, ACTPASS_TRANSPORT_RELAY);
        conn_rig_init(&rig, &suite.world, &options, exports_too, &theirs);
        cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
        cr_assert_eq(actpass_export(rig.conn, label, "", 0, key, sizeof(key)), -1);
        conn_must_end(&rig, ACTPASS_CLEAN, role);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* ---- Negotiated names ------------------------------------------------------------------------ */

static void asks_for(struct socket_peer *peer, void *arg)
{
    const char *name = arg;
    if (!peer->options.server && name && SSL_set_tlsext_host_name(peer->ssl, name) != 1)
        socket_peer_fail(peer, "no server name");
    (void)SSL_set1_groups_list(peer->ssl, "P-256");
    peer_echoes(peer, NULL);
}

Test(conn_peer, the_server_name_and_the_group)
{
    char name[] = "Asked-For.example";
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which))
        for (int named = 0; named < 2; named++) {
            struct conn_rig rig;
            actpass_info_t info;
            struct conn_rig_options options = conn_way(which);
            bool server = options.role == ACTPASS_ROLE_SERVER;
            const char *wanted = !server ? "right.example" : named ? name : "";
            conn_rig_init(&rig, &suite.world, &options, asks_for, named ? name : NULL);
            actpass_info(rig.conn, &info);
            cr_assert_str_eq(info.server_name, "");
            cr_assert_str_eq(info.group, "");
            cr_assert(conn_shakes_hands(&rig), "way %d: %s", which, conn_rig_says(&rig));
            actpass_info(rig.conn, &info);
            cr_assert_str_eq(info.server_name, wanted, "way %d: %s", which, info.server_name);
            cr_assert_str_eq(info.group, "secp256r1", "way %d: %s", which, info.group);
            conn_must_end(&rig, ACTPASS_CLEAN, which);
            actpass_info(rig.conn, &info);
            cr_assert_str_eq(info.server_name, wanted);
            conn_rig_free(&rig);
        }
    conn_suite_end(&suite);
}

/* Both ways of the role, both versions, both transports: each step is there once it is reached, and
 * none before the one that it follows from. */
Test(conn_peer, the_times_of_the_steps)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        actpass_info_t info;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        actpass_info(rig.conn, &info);
        cr_assert(info.handshake_us == -1 && info.first_data_us == -1, "way %d", which);
        cr_assert(conn_shakes_hands(&rig), "way %d: %s", which, conn_rig_says(&rig));
        actpass_info(rig.conn, &info);
        cr_assert(info.hello_us >= info.decided_us && info.handshake_us >= info.hello_us,
                  "way %d: decided %lld, hello %lld, handshake %lld", which,
                  (long long)info.decided_us, (long long)info.hello_us,
                  (long long)info.handshake_us);
        cr_assert_eq(info.first_data_us, -1, "way %d: tickets are no data", which);
        cr_assert(conn_rig_write(&rig, 1000, 1, 1000), "way %d: %s", which, conn_rig_says(&rig));
        cr_assert(conn_rig_read(&rig, 1000, 1), "way %d: %s", which, conn_rig_says(&rig));
        actpass_info(rig.conn, &info);
        cr_assert_geq(info.first_data_us, info.handshake_us, "way %d", which);
        int64_t first_us = info.first_data_us;
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        actpass_info(rig.conn, &info);
        cr_assert_eq(info.first_data_us, first_us);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* An SSL call may take long. This test would not end. */
Test(conn_peer, info_does_not_wait_for_an_ssl_call)
{
    conn_suite_begin(&suite);
    struct conn_rig rig;
    actpass_info_t info;
    struct conn_rig_options options = conn_way(0);
    conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
    cr_assert(conn_shakes_hands(&rig));
    lock_take(&rig.conn->lock);
    actpass_info(rig.conn, &info);
    lock_release(&rig.conn->lock);
    cr_assert_str_eq(info.server_name, "right.example");
    conn_rig_free(&rig);
    conn_suite_end(&suite);
}

/* An older program knows fewer members, a newer one knows more. */
Test(conn_peer, info_fills_what_the_caller_knows)
{
    conn_suite_begin(&suite);
    struct conn_rig rig;
    struct {
        actpass_info_t info;
        char more[16];
    } got;
    struct conn_rig_options options = conn_way(0);
    conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
    cr_assert(conn_shakes_hands(&rig));
    memset(&got, 0x55, sizeof(got));
    actpass_info_sized(rig.conn, &got.info, offsetof(actpass_info_t, server_name));
    cr_assert_eq(strlen(got.info.peer_fingerprint), 64);
    unsigned char after[sizeof(got) - offsetof(actpass_info_t, server_name)];
    memset(after, 0x55, sizeof(after));
    cr_assert_eq(memcmp(&got.info.server_name, after, sizeof(after)), 0, "it wrote too much");
    actpass_info_sized(rig.conn, &got.info, sizeof(got));
    cr_assert_str_eq(got.info.server_name, "right.example");
    for (size_t i = 0; i < sizeof(got.more); i++)
        cr_assert_eq(got.more[i], 0);
    conn_rig_free(&rig);
    conn_suite_end(&suite);
}
