/* actpass_recheck: the peer of an open connection under other settings. */
#include "tests/support/conn_suite.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(conn_recheck, .timeout = 60);

static struct conn_suite suite;

/* Settings that differ from the connection's own, which accept the peer. */
struct change {
    const char *name, *pin, *ca, *crl; /* NULL: the same, or none */
    const char *text;                  /* why they refuse it; NULL: they do not */
};

static actpass_config *changed(const struct change *change, const struct conn_rig_options *options)
{
    const struct test_end *ours = &suite.world.pair->ends[0];
    const char *name = change->name ? change->name : suite.world.pair->ends[1].name;
    const char *ca = change->ca ? change->ca : suite.world.pair->ca;
    actpass_config *config = actpass_config_new();
    cr_assert(actpass_config_set_role(config, options->role) == 0 &&
              actpass_config_set_identity(config, ours->certificate, ours->key) == 0 &&
              actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_REQUIRE) == 0 &&
              actpass_config_add_peer_name(config, name) == 0 &&
              actpass_config_set_ca(config, ca) == 0);
    if (change->pin)
        cr_assert_eq(actpass_config_add_peer_pin(config, change->pin), 0);
    if (change->crl)
        cr_assert_eq(actpass_config_set_crl(config, change->crl), 0);
    return config;
}

static void must(actpass_conn *conn, actpass_config *config, int want, const char *text)
{
    char why[300] = "";
    int got = actpass_recheck(conn, config, why, sizeof(why));
    cr_assert_eq(got, want, "%d: %s", got, why);
    cr_assert(text ? !!strstr(why, text) : !*why, "%s", why);
    cr_assert_eq(actpass_recheck(conn, config, NULL, 0), want);
    actpass_config_free(config);
}

/* A CA of its own, the peer's chain of two, and lists of both. */
struct trees {
    struct test_identity *root, *middle, *leaf, *stranger;
    const char *root_file, *stranger_file, *certificate, *key;
    const char *nobody, *leaf_revoked, *middle_revoked;
    char pin[72];
};

static void grow(struct trees *trees)
{
    struct test_folder *folder = suite.world.pair->folder;
    *trees = (struct trees){.root = test_ca_new("root"), .stranger = test_ca_new("stranger")};
    trees->middle = test_identity_new(&(struct test_identity_options){
        .issuer = trees->root, .ca = true, .common_name = "middle"});
    trees->leaf = test_leaf_new(trees->middle, "DNS:right.example");
    trees->certificate = test_write_certificate(folder, "leaf.pem", trees->leaf);
    trees->key = test_write_key(folder, "leaf.key", trees->leaf, NULL);
    trees->root_file = test_write_certificate(folder, "root.pem", trees->root);
    trees->stranger_file = test_write_certificate(folder, "stranger.pem", trees->stranger);
    test_identity_pin(trees->leaf, trees->pin);
    const struct test_crl roots = {.issuer = trees->root}, middles = {.issuer = trees->middle};
    const struct test_crl nobody[] = {roots, middles};
    const struct test_crl leaf[] = {roots, {.issuer = trees->middle, .revoked = {trees->leaf}}};
    const struct test_crl middle[] = {{.issuer = trees->root, .revoked = {trees->middle}}, middles};
    trees->nobody = test_write_crls(folder, "nobody.crl", nobody, 2);
    trees->leaf_revoked = test_write_crls(folder, "leaf.crl", leaf, 2);
    trees->middle_revoked = test_write_crls(folder, "middle.crl", middle, 2);
    suite.world.pair->ca = trees->root_file;
    for (int version = 0; version < 2; version++) {
        SSL_CTX_free(suite.world.theirs[version]);
        suite.world.theirs[version] = socket_peer_context(
            version == 0 ? TLS1_2_VERSION : TLS1_3_VERSION, trees->certificate, trees->key);
    }
}

static void fell(struct trees *trees)
{
    test_identity_free(trees->leaf);
    test_identity_free(trees->middle);
    test_identity_free(trees->root);
    test_identity_free(trees->stranger);
}

Test(conn_recheck, a_peer_under_other_settings)
{
    struct trees trees;
    conn_suite_begin(&suite);
    grow(&trees);
    const struct change changes[] = {
        {.text = NULL},
        {.pin = trees.pin},
        {.crl = trees.nobody},
        {.name = "left.example", .text = "it carries none of peer_names"},
        {.pin = suite.world.pair->ends[0].pin, .text = "its key is none of peer_pins"},
        {.ca = trees.stranger_file, .text = "unable to get local issuer certificate"},
        {.crl = trees.leaf_revoked, .text = "certificate revoked (depth 0"},
        {.crl = trees.middle_revoked, .text = "certificate revoked (depth 1"},
    };
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        options.client_auth = true;
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        must(rig.conn, changed(&changes[0], &options), -1, "the handshake is not complete");
        cr_assert(conn_shakes_hands(&rig), "way %d: %s", which, conn_rig_says(&rig));
        for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
            must(rig.conn, changed(&changes[i], &options), changes[i].text ? 0 : 1,
                 changes[i].text);
        cr_assert_eq(actpass_ended(rig.conn), ACTPASS_OPEN, "it goes on");
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_rig_free(&rig);
    }
    fell(&trees);
    conn_suite_end(&suite);
}

Test(conn_recheck, a_client_without_a_certificate)
{
    conn_suite_begin(&suite);
    struct conn_rig rig;
    struct conn_rig_options options =
        conn_defaults(ACTPASS_ROLE_SERVER, 1, ACTPASS_TRANSPORT_RELAY);
    conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
    cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
    must(rig.conn, conn_config(&suite.world, &options), 1, NULL);
    options.on_demand = true;
    must(rig.conn, conn_config(&suite.world, &options), 1, NULL);
    options.client_auth = true;
    options.on_demand = false;
    must(rig.conn, conn_config(&suite.world, &options), 0, "no certificate, which is required");
    conn_rig_free(&rig);
    conn_suite_end(&suite);
}

/* What is not asked for is not judged: there need not be a CA any more. */
Test(conn_recheck, a_certificate_that_nobody_asks_for)
{
    conn_suite_begin(&suite);
    const struct test_end *ours = &suite.world.pair->ends[0];
    struct conn_rig rig;
    struct conn_rig_options options =
        conn_defaults(ACTPASS_ROLE_SERVER, 1, ACTPASS_TRANSPORT_RELAY);
    options.client_auth = true;
    conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
    cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
    actpass_config *none = actpass_config_new();
    cr_assert(actpass_config_set_role(none, ACTPASS_ROLE_SERVER) == 0 &&
              actpass_config_set_identity(none, ours->certificate, ours->key) == 0);
    must(rig.conn, none, 1, NULL);
    conn_rig_free(&rig);
    conn_suite_end(&suite);
}

Test(conn_recheck, settings_that_cannot_be_used)
{
    conn_suite_begin(&suite);
    struct conn_rig rig;
    struct conn_rig_options options = conn_way(0);
    conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
    cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
    must(rig.conn, changed(&(struct change){.ca = "/nowhere.pem"}, &options), -1, "/nowhere.pem");
    conn_rig_free(&rig);
    conn_suite_end(&suite);
}
