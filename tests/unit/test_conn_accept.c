/* actpass_accept_with: what is particular to one connection. */
#include "server/lib/conn_internal.h"
#include "tests/support/conn_rig.h"
#include "tests/support/resources.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(conn_accept, .timeout = 60);

enum { LONG_MS = 20000 };

/* One connection of ours, and the peer's socket in the test's hands. */
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
    options.client_auth = role == ACTPASS_ROLE_AUTO; /* so that we may dial, too */
    scene->config = conn_config(&scene->world, &options);
    scene->conn = NULL;
    scene->peer = NULL;
}

static void open_conn(struct scene *scene, int fd, const actpass_accept_options *options)
{
    scene->conn = actpass_accept_with(scene->config, fd, options);
    cr_assert_not_null(scene->conn, "%s", actpass_config_error(scene->config));
}

/* Both ends, and the peer shakes hands. */
static void join(struct scene *scene, const actpass_accept_options *options, bool peer_is_server)
{
    int fds[2];
    struct socket_peer_options manners = {.server = peer_is_server};
    sockets_tcp(fds);
    open_conn(scene, fds[0], options);
    scene->peer = socket_peer_new(fds[1], scene->world.theirs[1], &manners);
    socket_peer_start(scene->peer, peer_echoes, NULL);
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

/* ---- Hints --------------------------------------------------------------------------------- */

Test(conn_accept, a_hint_of_client_is_taken_at_once)
{
    struct scene scene;
    prepare(&scene, ACTPASS_ROLE_AUTO, ACTPASS_NEVER); /* without the hint it would never end */
    join(&scene, &(actpass_accept_options){.hint = ACTPASS_ROLE_CLIENT}, true);
    actpass_info_t info = handshaken(&scene);
    cr_assert_eq(info.role, ACTPASS_ROLE_CLIENT);
    cr_assert_eq(info.cause, ACTPASS_CAUSE_HINT);
    cr_assert_str_eq(actpass_cause_name(info.cause), "hint");
    cr_assert_eq(actpass_close(scene.conn), ACTPASS_CLEAN, "%s", actpass_error(scene.conn));
    tidy(&scene);
}

Test(conn_accept, a_hint_of_server_is_taken_at_once)
{
    struct scene scene;
    prepare(&scene, ACTPASS_ROLE_AUTO, 0); /* without the hint we would be client */
    join(&scene, &(actpass_accept_options){.hint = ACTPASS_ROLE_SERVER}, false);
    actpass_info_t info = handshaken(&scene);
    cr_assert_eq(info.role, ACTPASS_ROLE_SERVER);
    cr_assert_eq(info.cause, ACTPASS_CAUSE_HINT);
    tidy(&scene);
}

/* The peer's hello is there before ours could leave: withholding makes up for the hint. */
Test(conn_accept, a_wrong_hint_of_client_is_revised)
{
    int fds[2];
    struct scene scene;
    struct socket_peer_options manners = {.server = false};
    prepare(&scene, ACTPASS_ROLE_AUTO, LONG_MS);
    sockets_tcp(fds);
    scene.peer = socket_peer_new(fds[1], scene.world.theirs[1], &manners);
    socket_peer_start(scene.peer, peer_echoes, NULL);
    char byte;
    cr_assert_eq(recv(fds[0], &byte, 1, MSG_PEEK), 1); /* waits for it */
    open_conn(&scene, fds[0], &(actpass_accept_options){.hint = ACTPASS_ROLE_CLIENT});
    actpass_info_t info = handshaken(&scene);
    cr_assert_eq(info.role, ACTPASS_ROLE_SERVER);
    cr_assert_eq(info.cause, ACTPASS_CAUSE_CLIENT_HELLO_LATE);
    tidy(&scene);
}

Test(conn_accept, a_fixed_role_knows_no_hint)
{
    struct scene scene;
    prepare(&scene, ACTPASS_ROLE_SERVER, LONG_MS);
    join(&scene, &(actpass_accept_options){.hint = ACTPASS_ROLE_CLIENT}, false);
    actpass_info_t info = handshaken(&scene);
    cr_assert_eq(info.role, ACTPASS_ROLE_SERVER);
    cr_assert_eq(info.cause, ACTPASS_CAUSE_CONFIGURED);
    tidy(&scene);
}

Test(conn_accept, the_wait_becomes_shorter_never_longer)
{
    static const struct {
        int64_t configured_ms, most_ms, least_us;
    } rows[] = {{LONG_MS, 50, 50000}, {50, LONG_MS, 50000}, {60, 0, 60000}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        prepare(&scene, ACTPASS_ROLE_AUTO, rows[i].configured_ms);
        join(&scene, &(actpass_accept_options){.max_wait_ms = rows[i].most_ms}, true);
        actpass_info_t info = handshaken(&scene);
        cr_assert_eq(info.cause, ACTPASS_CAUSE_SILENCE, "row %zu", i);
        cr_assert_geq(info.decided_us, rows[i].least_us, "row %zu", i);
        cr_assert_lt(info.decided_us, LONG_MS * 1000 / 2, "row %zu", i);
        tidy(&scene);
    }
}

/* ---- The peer's address ---------------------------------------------------------------------- */

Test(conn_accept, the_given_address_is_reported)
{
    struct scene scene;
    struct sockaddr_in given = {.sin_family = AF_INET, .sin_port = htons(7)}, kept;
    socklen_t size = sizeof(kept);
    cr_assert_eq(inet_pton(AF_INET, "192.0.2.1", &given.sin_addr), 1);
    prepare(&scene, ACTPASS_ROLE_AUTO, ACTPASS_NEVER);
    join(&scene,
         &(actpass_accept_options){.hint = ACTPASS_ROLE_CLIENT,
                                   .peer = (struct sockaddr *)&given,
                                   .peer_size = sizeof(given)},
         true);
    cr_assert_str_eq(handshaken(&scene).peer_address, "192.0.2.1:7");
    cr_assert_eq(actpass_peer_sockaddr(scene.conn, (struct sockaddr *)&kept, &size), 0);
    cr_assert_eq(size, sizeof(given));
    cr_assert_eq(memcmp(&kept, &given, sizeof(given)), 0);
    cr_assert_null(actpass_dialed_address(scene.conn));
    tidy(&scene);
}

/* ---- The socket ------------------------------------------------------------------------------ */

static int has_nodelay(int fd)
{
    int on = 0;
    socklen_t size = sizeof(on);
    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    return on != 0;
}

Test(conn_accept, a_prepared_socket_is_left_as_it_is)
{
    for (int prepared = 0; prepared < 2; prepared++) {
        int fds[2], off = 0;
        struct scene scene;
        prepare(&scene, ACTPASS_ROLE_SERVER, LONG_MS);
        sockets_tcp(fds);
        cr_assert_eq(setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &off, sizeof(off)), 0);
        open_conn(&scene, fds[0],
                  &(actpass_accept_options){.socket = prepared ? ACTPASS_SOCKET_PREPARED
                                                               : ACTPASS_SOCKET_UNKNOWN});
        cr_assert_eq(has_nodelay(fds[0]), !prepared);
        close(fds[1]);
        tidy(&scene);
    }
}

/* A program that was compiled with a header whose struct ended earlier. */
Test(conn_accept, what_the_caller_does_not_know_is_the_default)
{
    struct scene scene;
    int fds[2];
    prepare(&scene, ACTPASS_ROLE_AUTO, LONG_MS);
    sockets_tcp(fds);
    actpass_accept_options options = {.hint = ACTPASS_ROLE_CLIENT, .dialed = "no address"};
    scene.conn = actpass_accept_sized(scene.config, fds[0], &options,
                                      offsetof(actpass_accept_options, dialed));
    cr_assert_not_null(scene.conn, "%s", actpass_config_error(scene.config));
    cr_assert_eq(scene.conn->options.hint, ROLE_CLIENT);
    close(fds[1]);
    tidy(&scene);
}

/* ---- Dialed ---------------------------------------------------------------------------------- */

Test(conn_accept, a_dialed_host_is_the_server_name)
{
    struct scene scene;
    static const char address[] = "host.example:443";
    prepare(&scene, ACTPASS_ROLE_CLIENT, LONG_MS);
    actpass_config_free(scene.config); /* it has a peer name, which would be sent */
    scene.config = actpass_config_new();
    cr_assert_eq(actpass_config_set_role(scene.config, ACTPASS_ROLE_CLIENT), 0);
    cr_assert_eq(actpass_config_set_insecure_any_peer(scene.config, 1), 0);
    join(&scene, &(actpass_accept_options){.dialed = address}, true);
    (void)handshaken(&scene);
    cr_assert_str_eq(actpass_dialed_address(scene.conn), address);
    cr_assert_str_eq(SSL_get_servername(actpass_ssl(scene.conn), TLSEXT_NAMETYPE_host_name),
                     "host.example");
    tidy(&scene);
}

Test(conn_accept, a_dialed_one_does_not_block_where_others_do_not)
{
    struct scene scene;
    int fds[2];
    prepare(&scene, ACTPASS_ROLE_AUTO, LONG_MS);
    cr_assert_eq(actpass_config_set_nonblocking(scene.config, 1), 0);
    sockets_tcp(fds);
    open_conn(&scene, fds[0], &(actpass_accept_options){.dialed = "127.0.0.1:1"});
    cr_assert_eq(actpass_handshake(scene.conn), ACTPASS_AGAIN);
    close(fds[1]);
    tidy(&scene);
}

/* ---- Refusals -------------------------------------------------------------------------------- */

static void must_refuse(actpass_config *config, int fd, const actpass_accept_options *options,
                        const char *why)
{
    errno = 0;
    cr_assert_null(actpass_accept_with(config, fd, options));
    cr_assert_eq(errno, EINVAL, "%s", strerror(errno));
    cr_assert_not_null(strstr(actpass_config_error(config), why), "%s",
                       actpass_config_error(config));
    cr_assert_eq(write(fd, "x", 1), -1, "it was closed");
    cr_assert_eq(errno, EBADF);
}

Test(conn_accept, what_is_unfit_is_refused_and_closed)
{
    const struct sockaddr_storage any = {.ss_family = AF_INET};
    const struct {
        actpass_accept_options options;
        const char *why;
    } rows[] = {
        {{.hint = ACTPASS_ROLE_NONE}, "a hint is auto, server or client"},
        {{.max_wait_ms = -1}, "must not be negative"},
        {{.peer = (const struct sockaddr *)&any, .peer_size = sizeof(any) + 1}, "too large"},
        {{.dialed = "no address"}, "no address: "},
        {{.dialed = "127.0.0.1:1"}, "must show a certificate"},
    };
    struct scene scene;
    int pipes[2];
    prepare(&scene, ACTPASS_ROLE_SERVER, LONG_MS);
    struct resources before = resources_now();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int fds[2];
        sockets_tcp(fds);
        must_refuse(scene.config, fds[0], &rows[i].options, rows[i].why);
        close(fds[1]);
    }
    cr_assert_eq(pipe(pipes), 0);
    must_refuse(scene.config, pipes[1], &rows[0].options, "not a stream socket");
    close(pipes[0]);
    cr_assert(resources_return_to(before));
    tidy(&scene);
}

/* ---- Broken ---------------------------------------------------------------------------------- */

static void sends_and_resets(struct socket_peer *peer, void *arg)
{
    (void)arg;
    if (socket_peer_handshake(peer) && socket_peer_write(peer, "last words", 10))
        socket_reset(peer->fd);
    peer->fd = -1;
}

/* Whoever does not read learns of a reset all the same, and what came before it is not lost. */
Test(conn_accept, a_reset_is_seen_without_a_read)
{
    struct scene scene;
    int fds[2];
    char text[16];
    struct socket_peer_options manners = {.server = false};
    prepare(&scene, ACTPASS_ROLE_SERVER, LONG_MS);
    sockets_tcp(fds);
    open_conn(&scene, fds[0], &(actpass_accept_options){.hint = ACTPASS_ROLE_AUTO});
    cr_assert_eq(actpass_is_broken(scene.conn), 0);
    scene.peer = socket_peer_new(fds[1], scene.world.theirs[1], &manners);
    socket_peer_start(scene.peer, sends_and_resets, NULL);
    (void)handshaken(&scene);
    for (int i = 0; i < LONG_MS / 10 && actpass_is_broken(scene.conn) == 0; i++)
        pause_ms(10); /* the relay thread sees it */
    cr_assert_eq(actpass_is_broken(scene.conn), 1);
    cr_assert_eq(actpass_ended(scene.conn), ACTPASS_OPEN);
    cr_assert_eq(actpass_read(scene.conn, text, sizeof(text)), 10, "%s", actpass_error(scene.conn));
    cr_assert_eq(actpass_read(scene.conn, text, sizeof(text)), -1);
    cr_assert_eq(actpass_ended(scene.conn), ACTPASS_RESET);
    tidy(&scene);
}
