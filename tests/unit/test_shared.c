/* actpass_config_share and actpass_config_hold: what several configurations have in common. */
#include "server/lib/shared.h"

#include "server/lib/settings.h"
#include "server/lib/tls/own_keys.h"
#include "tests/support/conn_rig.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(shared, .timeout = 60);

Test(shared, each_part_is_made_once)
{
    struct shared *shared = shared_new();
    cr_assert_not_null(shared);
    cr_assert_eq(shared_hold(shared), shared);
    struct threads *threads = shared_threads(shared);
    struct peers *unfit = shared_unfit(shared);
    cr_assert(threads && unfit);
    shared_release(shared);
    cr_assert_eq(shared_threads(shared), threads);
    cr_assert_eq(shared_unfit(shared), unfit);
    cr_assert(shared_may_warn(shared));
    cr_assert_not(shared_may_warn(shared));
    shared_release(shared);
    shared_release(NULL);
}

/* ---- Our own certificates -------------------------------------------------------------------- */

/* A server with this end's certificate, in use. */
static actpass_config *server_with(const struct test_end *end, actpass_config *with)
{
    actpass_config *config = actpass_config_new();
    cr_assert_eq(actpass_config_set_role(config, ACTPASS_ROLE_SERVER), 0);
    cr_assert_eq(actpass_config_set_identity(config, end->certificate, end->key), 0);
    cr_assert(!with || actpass_config_share(config, with) == 0, "%s", actpass_config_error(config));
    cr_assert_eq(actpass_config_check(config), 0, "%s", actpass_config_error(config));
    return config;
}

/* As client, of a peer that shows the right end's certificate. */
static void must_meet(const struct conn_world *world, actpass_config *with, bool refuses)
{
    int fds[2];
    struct socket_peer_options manners = {.server = true};
    actpass_config *config = actpass_config_new();
    cr_assert_eq(actpass_config_set_role(config, ACTPASS_ROLE_CLIENT), 0);
    cr_assert_eq(actpass_config_set_insecure_any_peer(config, 1), 0);
    cr_assert(!with || actpass_config_share(config, with) == 0, "%s", actpass_config_error(config));
    sockets_tcp(fds);
    actpass_conn *conn = actpass_accept_fd(config, fds[0]);
    cr_assert_not_null(conn, "%s", actpass_config_error(config));
    struct socket_peer *peer = socket_peer_new(fds[1], world->theirs[1], &manners);
    socket_peer_start(peer, peer_echoes, NULL);
    cr_assert_eq(actpass_handshake(conn), refuses ? -1 : 0, "%s", actpass_error(conn));
    cr_assert_eq(!!strstr(actpass_error(conn), "its key is our own"), refuses, "%s",
                 actpass_error(conn));
    actpass_free(conn);
    actpass_config_free(config);
    socket_peer_free(peer);
}

Test(shared, no_peer_may_have_a_certificate_of_any_of_ours)
{
    struct conn_world world;
    struct resources before = resources_now();
    conn_world_init(&world);
    actpass_config *base = actpass_config_new();
    must_meet(&world, base, false);
    actpass_config *alone = server_with(&world.pair->ends[1], NULL);
    must_meet(&world, base, false);
    must_meet(&world, alone, true);
    actpass_config *server = server_with(&world.pair->ends[1], base);
    must_meet(&world, NULL, false);
    must_meet(&world, base, true);
    must_meet(&world, server, true);
    actpass_config_free(server);
    must_meet(&world, base, false);
    actpass_config_free(base);
    actpass_config_free(alone);
    conn_world_free(&world);
    cr_assert(resources_return_to(before));
}

/* ---- The calls ------------------------------------------------------------------------------- */

Test(shared, before_the_first_use)
{
    actpass_config *config = actpass_config_new(), *other = actpass_config_new();
    cr_assert_eq(actpass_config_share(config, NULL), -1);
    cr_assert_not_null(strstr(actpass_config_error(config), "must not be NULL"));
    cr_assert_eq(actpass_config_share(config, other), 0);
    cr_assert_eq(actpass_config_share(config, config), 0, "which changes nothing");
    cr_assert_eq(actpass_config_share(config, other), 0);
    cr_assert_eq(config->shared, other->shared);
    actpass_config_free(other);
    cr_assert_eq(actpass_config_set_role(config, ACTPASS_ROLE_CLIENT), 0);
    cr_assert_eq(actpass_config_set_insecure_any_peer(config, 1), 0);
    cr_assert_eq(actpass_config_check(config), 0, "%s", actpass_config_error(config));
    other = actpass_config_new();
    cr_assert_eq(actpass_config_share(config, other), -1);
    cr_assert_not_null(strstr(actpass_config_error(config), "in use"));
    cr_assert_eq(actpass_config_share(other, config), 0, "which is in use");
    actpass_config_free(config);
    actpass_config_free(other);
}

Test(shared, a_reference_keeps_it)
{
    actpass_config *config = actpass_config_new();
    cr_assert_eq(actpass_config_hold(config), config);
    actpass_config_free(config);
    cr_assert_eq(actpass_config_set_role(config, ACTPASS_ROLE_CLIENT), 0);
    actpass_config_free(config);
}
