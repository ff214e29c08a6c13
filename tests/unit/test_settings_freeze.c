/* actpass_config: its first use, after which nothing can be changed; and what that must know of
 * peers. */
#include "tests/unit/test_settings.h"

#include "tests/support/resources.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(settings_freeze, .timeout = 20);

static void on_event(actpass_conn *conn, actpass_event event, void *arg)
{
    (void)conn;
    (void)event;
    (void)arg;
}

Test(settings_freeze, nothing_can_be_changed_once_it_is_in_use)
{
    struct test_pair *pair = test_pair_new();
    actpass_config *config = usable(pair);
    cr_assert(settings_freeze(config), "%s", actpass_config_error(config));
    cr_assert(settings_freeze(config), "again changes nothing");
    const int results[] = {actpass_config_set_role(config, ACTPASS_ROLE_AUTO),
                           actpass_config_set_transport(config, ACTPASS_TRANSPORT_RELAY),
                           actpass_config_set_timeout(config, ACTPASS_IDLE_TIMEOUT, 1),
                           actpass_config_set_identity(config, "a", "b"),
                           actpass_config_set_ca(config, "system"),
                           actpass_config_add_peer_name(config, "a.example"),
                           actpass_config_add_peer_pin(config, PIN),
                           actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_NONE),
                           actpass_config_set_server_name(config, "a.example"),
                           actpass_config_set_ciphers(config, NULL, NULL),
                           actpass_config_set_min_version(config, 0x0304),
                           actpass_config_set_tcp_fast_open(config, 1),
                           actpass_config_set_dial_from(config, NULL),
                           actpass_config_set_keepalive(config, 1000, 1000, 1),
                           actpass_config_add_alpn(config, "h2"),
                           actpass_config_add_certificate(config, "a.example", "a", "b"),
                           actpass_config_set_unknown_name(config, ACTPASS_UNKNOWN_NAME_DEFAULT),
                           actpass_config_set_crl(config, NULL),
                           actpass_config_set_ocsp_response(config, NULL),
                           actpass_config_set_sessions(config, "off", NULL),
                           actpass_config_set_insecure_any_peer(config, 0),
                           actpass_config_set_require_alpn(config, 1),
                           actpass_on_event(config, on_event, NULL),
                           actpass_config_load(config, "/no/such.json", NULL)};
    for (size_t i = 0; i < sizeof(results) / sizeof(*results); i++)
        cr_assert_eq(results[i], -1, "setter %zu", i);
    assert_says(config, "in use");
    actpass_config_free(config);
    test_pair_free(pair);
}

Test(settings_freeze, one_that_could_not_be_used_can_be_mended)
{
    struct test_pair *pair = test_pair_new();
    actpass_config *config = usable(pair);
    cr_assert_eq(actpass_config_set_identity(config, "/no/such.pem", pair->ends[0].key), 0);
    cr_assert_not(settings_freeze(config));
    assert_says(config, "/no/such.pem");
    cr_assert_eq(actpass_config_set_identity(config, pair->ends[0].certificate, pair->ends[0].key),
                 0);
    cr_assert(settings_freeze(config), "%s", actpass_config_error(config));
    actpass_config_free(config);
    test_pair_free(pair);
}

/* ---- Whether clients are asked ---------------------------------------------------------- */

/* Both roles, and what is to be said of clients (-1: nothing is). */
static actpass_config *either(const struct test_pair *pair, actpass_role role, int auth)
{
    actpass_config *config = bare(pair);
    int failed = actpass_config_set_role(config, role) | actpass_config_set_ca(config, pair->ca) |
                 actpass_config_add_peer_name(config, pair->ends[1].name);
    if (auth >= 0)
        failed |= actpass_config_set_client_auth(config, (actpass_client_auth)auth);
    cr_assert_eq(failed, 0);
    return config;
}

static void check_auth(const struct test_pair *pair, actpass_role role, int auth, bool accepts,
                       bool connects)
{
    int fds[2];
    actpass_config *config = either(pair, role, auth);
    cr_assert_null(actpass_connect(config, "unix:/no/such/socket"));
    assert_says(config, connects ? "No such file" : "set \"client_auth\" to \"require\"");
    if (!connects)
        cr_assert_eq(actpass_config_set_min_version(config, 0x0304), 0, "it is not in use yet");
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    actpass_conn *conn = actpass_accept_fd(config, fds[0]);
    cr_assert_eq(!!conn, accepts, "role %d, client_auth %d", (int)role, auth);
    if (!accepts)
        assert_says(config, "the peer chooses its role");
    if (accepts) { /* now it is frozen, and dialing is judged all the same */
        cr_assert_null(actpass_connect(config, "unix:/no/such/socket"));
        assert_says(config, connects ? "No such file" : "set \"client_auth\" to \"require\"");
    }
    close(fds[1]);
    actpass_free(conn);
    actpass_config_free(config);
}

Test(settings_freeze, a_peer_that_may_choose_its_role_must_be_asked_or_not_in_so_many_words)
{
    enum { A = ACTPASS_ROLE_AUTO, S = ACTPASS_ROLE_SERVER, C = ACTPASS_ROLE_CLIENT, UNSET = -1 };
    struct test_pair *pair = test_pair_new();
    check_auth(pair, (actpass_role)A, UNSET, false, false);
    check_auth(pair, (actpass_role)A, ACTPASS_CLIENT_AUTH_NONE, true, false);
    check_auth(pair, (actpass_role)A, ACTPASS_CLIENT_AUTH_REQUEST, true, false);
    check_auth(pair, (actpass_role)A, ACTPASS_CLIENT_AUTH_ON_DEMAND, true, false);
    check_auth(pair, (actpass_role)A, ACTPASS_CLIENT_AUTH_REQUIRE, true, true);
    check_auth(pair, (actpass_role)S, UNSET, true, false);
    check_auth(pair, (actpass_role)S, ACTPASS_CLIENT_AUTH_REQUEST, true, false);
    check_auth(pair, (actpass_role)S, ACTPASS_CLIENT_AUTH_REQUIRE, true, true);
    check_auth(pair, (actpass_role)C, UNSET, true, true);
    test_pair_free(pair);
}

static void *freeze(void *arg)
{
    return settings_freeze(arg) ? NULL : arg;
}

Test(settings_freeze, many_threads_may_use_it_first)
{
    struct test_pair *pair = test_pair_new();
    struct resources before = resources_now();
    for (int round = 0; round < 20; round++) {
        pthread_t threads[4];
        void *failed;
        actpass_config *config = usable(pair);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(pthread_create(&threads[i], NULL, freeze, config), 0);
        for (int i = 0; i < 4; i++) {
            cr_assert_eq(pthread_join(threads[i], &failed), 0);
            cr_assert_null(failed);
        }
        actpass_config_free(config);
    }
    cr_assert(resources_return_to(before));
    test_pair_free(pair);
}
