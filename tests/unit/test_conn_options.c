/* What actpass_connect sets for one connection: Fast Open, and that we dialed. */
#include "relay/clock.h"
#include "server/lib/conn.h"
#include "server/lib/settings.h"
#include "tests/support/conn_rig.h"
#include "tests/support/resources.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONG_MS = 20000 };

/* One connection of ours with these options, and the peer's socket in the test's hands. */
struct scene {
    struct conn_world world;
    actpass_config *config;
    actpass_conn *conn;
    struct socket_peer *peer;
};

static void prepare(struct scene *scene, actpass_role role, int64_t initial_data_ms)
{
    conn_world_init(&scene->world);
    struct conn_rig_options options =
        conn_defaults(ACTPASS_ROLE_SERVER, 1, ACTPASS_TRANSPORT_RELAY);
    options.role = role;
    options.initial_data_ms = initial_data_ms;
    scene->config = conn_config(&scene->world, &options);
    scene->conn = NULL;
    scene->peer = NULL;
    cr_assert(settings_freeze(scene->config), "%s", actpass_config_error(scene->config));
}

static void open_conn(struct scene *scene, int fd, const struct conn_options *options)
{
    scene->conn = conn_new(scene->config, fd, options);
    cr_assert_not_null(scene->conn, "%s", strerror(errno));
    cr_assert_eq(conn_start(scene->conn), 0);
}

static void tidy(struct scene *scene)
{
    actpass_free(scene->conn);
    actpass_config_free(scene->config);
    if (scene->peer)
        socket_peer_free(scene->peer);
    conn_world_free(&scene->world);
}

static actpass_info_t handshaken(struct scene *scene)
{
    actpass_info_t info;
    cr_assert_eq(actpass_handshake(scene->conn), 0, "%s", actpass_error(scene->conn));
    actpass_info(scene->conn, &info);
    return info;
}

/* ---- Fast Open ----------------------------------------------------------------------------- */

static int listen_on_loopback(struct conn_options *options, int backlog)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(where);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0);
    cr_assert(backlog < 0 || listen(fd, backlog) == 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&where, &length), 0);
    options->socket = CONN_UNCONNECTED;
    memcpy(&options->peer, &where, sizeof(where));
    options->peer_size = sizeof(where);
    return fd;
}

static int unconnected(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    return fd;
}

struct accepting {
    struct scene *scene;
    int listener;
};

static void *accept_peer(void *arg)
{
    struct accepting *accepting = arg;
    struct socket_peer_options manners = {.server = true};
    int fd = accept(accepting->listener, NULL, NULL);
    cr_assert_geq(fd, 0);
    accepting->scene->peer = socket_peer_new(fd, accepting->scene->world.theirs[1], &manners);
    socket_peer_start(accepting->scene->peer, peer_echoes, NULL);
    return NULL;
}

/* Whatever this system allows: there is a connection. */
Test(conn_options, an_unconnected_socket_is_connected_by_the_first_flight, .timeout = 60)
{
    struct scene scene;
    pthread_t thread;
    prepare(&scene, ACTPASS_ROLE_CLIENT, LONG_MS);
    struct conn_options options = {.connect_deadline_us = clock_deadline_ms(LONG_MS)};
    struct accepting accepting = {&scene, listen_on_loopback(&options, 8)};
    cr_assert_eq(pthread_create(&thread, NULL, accept_peer, &accepting), 0);
    open_conn(&scene, unconnected(), &options);
    cr_assert_not(conn_was_connected(scene.conn));
    actpass_info_t info = handshaken(&scene);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert(conn_was_connected(scene.conn));
    cr_assert_not(conn_syn_refused(scene.conn));
    cr_assert_eq(strncmp(info.peer_address, "127.0.0.1:", 10), 0, "%s", info.peer_address);
    cr_assert_eq(actpass_close(scene.conn), ACTPASS_CLEAN, "%s", actpass_error(scene.conn));
    close(accepting.listener);
    tidy(&scene);
}

Test(conn_options, nobody_listens, .timeout = 60)
{
    struct scene scene;
    prepare(&scene, ACTPASS_ROLE_CLIENT, LONG_MS);
    struct conn_options options = {.connect_deadline_us = clock_deadline_ms(LONG_MS)};
    int bound = listen_on_loopback(&options, -1);
    open_conn(&scene, unconnected(), &options);
    cr_assert_eq(actpass_handshake(scene.conn), -1);
    cr_assert_not(conn_was_connected(scene.conn));
    cr_assert_eq(actpass_ended(scene.conn), ACTPASS_RESET);
    cr_assert_not_null(strstr(actpass_error(scene.conn), "Connection refused"), "%s",
                       actpass_error(scene.conn));
    close(bound);
    tidy(&scene);
}

/* A full backlog drops SYNs, as a dead machine does. The handshake's own limit is far away. */
Test(conn_options, the_connection_has_a_deadline_of_its_own, .timeout = 60)
{
    struct scene scene;
    int fillers[4];
    prepare(&scene, ACTPASS_ROLE_CLIENT, LONG_MS);
    struct conn_options options = {.connect_deadline_us = clock_deadline_ms(200)};
    int listener = listen_on_loopback(&options, 0);
    for (size_t i = 0; i < 4; i++) {
        fillers[i] = unconnected();
        (void)connect(fillers[i], (struct sockaddr *)&options.peer, options.peer_size);
    }
    open_conn(&scene, unconnected(), &options);
    cr_assert_eq(actpass_handshake(scene.conn), -1);
    cr_assert_eq(actpass_ended(scene.conn), ACTPASS_TIMEOUT);
    cr_assert_str_eq(actpass_error(scene.conn), "the TCP connection did not come up in time");
    cr_assert_not(conn_was_connected(scene.conn));
    for (size_t i = 0; i < 4; i++)
        close(fillers[i]);
    close(listener);
    tidy(&scene);
}

/* The connection comes up in its time, and then the peer says nothing: that is the handshake's
 * limit. */
Test(conn_options, after_the_connection_the_handshake_has_its_time, .timeout = 60)
{
    struct scene scene;
    struct conn_rig_options settings =
        conn_defaults(ACTPASS_ROLE_CLIENT, 1, ACTPASS_TRANSPORT_RELAY);
    conn_world_init(&scene.world);
    settings.handshake_ms = 400;
    scene.config = conn_config(&scene.world, &settings);
    scene.peer = NULL;
    cr_assert(settings_freeze(scene.config), "%s", actpass_config_error(scene.config));
    struct conn_options options = {.connect_deadline_us = clock_deadline_ms(100)};
    int listener = listen_on_loopback(&options, 8);
    int64_t began_us = clock_now_us();
    open_conn(&scene, unconnected(), &options);
    cr_assert_eq(actpass_handshake(scene.conn), -1);
    cr_assert_str_eq(actpass_error(scene.conn), "the handshake was not done in time");
    cr_assert_geq(clock_now_us() - began_us, 400000, "not only until the connection's deadline");
    cr_assert(conn_was_connected(scene.conn));
    close(listener);
    tidy(&scene);
}

/* ---- Whom we dialed -------------------------------------------------------------------------- */

/* With a TLS client that is asked for no certificate, past the check of the configuration. */
static actpass_end end_with_nobody(bool dialed, bool any_peer)
{
    int fds[2];
    struct scene scene;
    struct conn_options options = {0};
    struct socket_peer_options manners = {.server = false};
    prepare(&scene, ACTPASS_ROLE_SERVER, LONG_MS);
    if (any_peer) {
        actpass_config_free(scene.config);
        scene.config = actpass_config_new();
        const struct test_end *ours = &scene.world.pair->ends[0];
        cr_assert_eq(actpass_config_set_role(scene.config, ACTPASS_ROLE_SERVER), 0);
        cr_assert_eq(actpass_config_set_identity(scene.config, ours->certificate, ours->key), 0);
        cr_assert_eq(actpass_config_set_insecure_any_peer(scene.config, 1), 0);
        cr_assert(settings_freeze(scene.config), "%s", actpass_config_error(scene.config));
    }
    sockets_tcp(fds);
    scene.conn = conn_new(scene.config, fds[0], &options);
    if (dialed)
        cr_assert_eq(conn_dialed(scene.conn, "127.0.0.1:1"), 0);
    cr_assert_eq(conn_start(scene.conn), 0);
    scene.peer = socket_peer_new(fds[1], scene.world.theirs[1], &manners);
    socket_peer_start(scene.peer, peer_echoes, NULL);
    int result = actpass_handshake(scene.conn);
    actpass_end end = actpass_ended(scene.conn);
    cr_assert_eq(result == 0, end == ACTPASS_OPEN, "%s", actpass_error(scene.conn));
    if (result)
        cr_assert_str_eq(actpass_error(scene.conn),
                         "we opened the connection, and the peer gave no certificate");
    tidy(&scene);
    return end;
}

Test(conn_options, nobody_is_talked_to_where_we_dialed, .timeout = 60)
{
    cr_assert_eq(end_with_nobody(false, false), ACTPASS_OPEN);
    cr_assert_eq(end_with_nobody(true, false), ACTPASS_REFUSED);
    cr_assert_eq(end_with_nobody(true, true), ACTPASS_OPEN);
}
