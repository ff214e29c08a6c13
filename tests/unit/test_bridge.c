/* The bridge, and with it duplex as seen from a local socket whose close is a cut until all has
 * ended in order. */
#include "server/daemon/handlers/bridge.h"
#include "server/daemon/handlers/handler.h"

#include "tests/support/conn_suite.h"
#include "tests/support/steps.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { VERSIONS = 2 };

enum { TRANSPORTS = sizeof(conn_transports) / sizeof(conn_transports[0]) };

/* A TLS peer on one side, a local program on the other, the bridge on a thread between them. */
struct scene {
    struct conn_rig rig;
    int plain, local; /* the bridge's end, and the program's */
    enum steps_wait wait;
    pthread_t thread;
    bool up;
    actpass_end end;
    char error[256];
};

static void *serve(void *arg)
{
    struct scene *scene = arg;
    struct handler_job job = steps_job(scene->rig.conn);
    job.plain = scene->plain;
    job.idle_timeout_ms = 10000;
    scene->up = actpass_handshake(scene->rig.conn) == 0;
    if (scene->up)
        (void)steps_run(&bridge_handler, &job, scene->wait);
    scene->end = actpass_close(scene->rig.conn);
    (void)snprintf(scene->error, sizeof(scene->error), "%s", actpass_error(scene->rig.conn));
    close(scene->plain);
    return NULL;
}

static void begin(struct scene *scene, const struct conn_world *world,
                  const struct conn_rig_options *options,
                  void (*script)(struct socket_peer *peer, void *arg))
{
    int fds[2];
    struct timeval limit = {.tv_sec = 20};
    *scene = (struct scene){.wait = options->version ? STEPS_EDGE : STEPS_LEVEL};
    sockets_tcp(fds);
    scene->plain = fds[0];
    scene->local = fds[1];
    cr_assert_eq(fcntl(scene->plain, F_SETFL, O_NONBLOCK), 0);
    cr_assert_eq(setsockopt(scene->local, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    bridge_prepare(scene->plain);
    conn_rig_init(&scene->rig, world, options, script, NULL);
    cr_assert_eq(pthread_create(&scene->thread, NULL, serve, scene), 0);
}

static actpass_end finish(struct scene *scene)
{
    cr_assert_eq(pthread_join(scene->thread, NULL), 0);
    if (scene->local >= 0)
        close(scene->local);
    conn_rig_free(&scene->rig);
    return scene->end;
}

static void for_all(void (*test)(const struct conn_world *world,
                                 const struct conn_rig_options *options))
{
    struct conn_world world;
    conn_world_init(&world);
    for (int i = 0; i < VERSIONS * TRANSPORTS; i++) {
        struct conn_rig_options options =
            conn_defaults(ACTPASS_ROLE_CLIENT, i % VERSIONS, conn_transports[i / VERSIONS]);
        test(&world, &options);
    }
    conn_world_free(&world);
}

static void echoes(const struct conn_world *world, const struct conn_rig_options *options)
{
    struct scene scene;
    char buffer[16];
    begin(&scene, world, options, peer_echoes);
    cr_assert_eq(send(scene.local, "hello", 5, MSG_NOSIGNAL), 5);
    cr_assert_eq(recv(scene.local, buffer, 5, MSG_WAITALL), 5, "%s", strerror(errno));
    cr_assert_eq(memcmp(buffer, "hello", 5), 0);
    cr_assert_eq(shutdown(scene.local, SHUT_WR), 0);
    cr_assert_eq(recv(scene.local, buffer, 1, 0), 0, "the peer's end, in order");
    cr_assert_eq(finish(&scene), ACTPASS_CLEAN, "%s", scene.error);
}

Test(bridge, bytes_and_ends_both_ways, .timeout = 60)
{
    for_all(echoes);
}

/* The end is there before the bridge looks for the first time, so it comes in one event with the
 * bytes and has none of its own. */
static void ended_before(const struct conn_world *world, const struct conn_rig_options *options)
{
    for (int wait = STEPS_LEVEL; wait <= STEPS_EDGE; wait++) {
        int fds[2];
        char buffer[16];
        struct conn_rig rig;
        sockets_tcp(fds);
        cr_assert_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
        conn_rig_init(&rig, world, options, peer_echoes, NULL);
        struct handler_job job = steps_job(rig.conn);
        job.plain = fds[0];
        cr_assert_eq(send(fds[1], "hello", 5, MSG_NOSIGNAL), 5);
        cr_assert_eq(shutdown(fds[1], SHUT_WR), 0);
        cr_assert_eq(actpass_handshake(rig.conn), 0, "%s", conn_rig_says(&rig));
        (void)steps_run(&bridge_handler, &job, (enum steps_wait)wait);
        cr_assert_eq(recv(fds[1], buffer, sizeof(buffer), MSG_WAITALL), 5);
        cr_assert_eq(memcmp(buffer, "hello", 5), 0);
        cr_assert_eq(actpass_close(rig.conn), ACTPASS_CLEAN, "%s", conn_rig_says(&rig));
        conn_rig_free(&rig);
        close(fds[0]);
        close(fds[1]);
    }
}

Test(bridge, an_end_that_comes_with_the_last_bytes_is_seen, .timeout = 60)
{
    for_all(ended_before);
}

/* Idle, it has no buffers (handler.h); the next bytes go through all the same. */
static void pauses(const struct conn_world *world, const struct conn_rig_options *options)
{
    struct scene scene;
    char byte;
    begin(&scene, world, options, peer_echoes);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(send(scene.local, "x", 1, MSG_NOSIGNAL), 1);
        cr_assert_eq(recv(scene.local, &byte, 1, 0), 1);
        pause_ms(1100); /* the driver says "idle" after a second */
    }
    cr_assert_eq(shutdown(scene.local, SHUT_WR), 0);
    cr_assert_eq(recv(scene.local, &byte, 1, 0), 0);
    cr_assert_eq(finish(&scene), ACTPASS_CLEAN, "%s", scene.error);
}

Test(bridge, goes_on_after_it_was_idle, .timeout = 60)
{
    for_all(pauses);
}

static void peer_ends_first(const struct conn_world *world, const struct conn_rig_options *options)
{
    struct scene scene;
    char byte;
    begin(&scene, world, options, peer_shakes_hands_and_ends);
    cr_assert_eq(recv(scene.local, &byte, 1, 0), 0);
    cr_assert_eq(shutdown(scene.local, SHUT_WR), 0);
    cr_assert_eq(finish(&scene), ACTPASS_CLEAN, "%s", scene.error);
}

Test(bridge, the_peer_may_end_first, .timeout = 60)
{
    for_all(peer_ends_first);
}

static void local_cut(const struct conn_world *world, const struct conn_rig_options *options)
{
    struct scene scene;
    char byte;
    begin(&scene, world, options, peer_echoes);
    cr_assert_eq(send(scene.local, "x", 1, MSG_NOSIGNAL), 1);
    cr_assert_eq(recv(scene.local, &byte, 1, 0), 1);
    socket_reset(scene.local);
    scene.local = -1;
    cr_assert_eq(finish(&scene), ACTPASS_CANCELLED);
    cr_assert_not_null(strstr(scene.error, "the local connection cut"), "%s", scene.error);
}

Test(bridge, a_local_cut_is_a_cut_for_tls, .timeout = 60)
{
    for_all(local_cut);
}

static void aborted(const struct conn_world *world, const struct conn_rig_options *options)
{
    struct scene scene;
    char byte;
    begin(&scene, world, options, peer_echoes);
    cr_assert_eq(send(scene.local, "x", 1, MSG_NOSIGNAL), 1);
    cr_assert_eq(recv(scene.local, &byte, 1, 0), 1);
    actpass_abort(scene.rig.conn);
    cr_assert_eq(recv(scene.local, &byte, 1, 0), -1, "no end in order");
    cr_assert_eq(errno, ECONNRESET);
    cr_assert_eq(finish(&scene), ACTPASS_CANCELLED);
}

Test(bridge, an_abort_is_a_cut_for_the_local_side, .timeout = 60)
{
    for_all(aborted);
}

Test(bridge, what_was_never_served_is_cut, .timeout = 60)
{
    int fds[2];
    char byte;
    sockets_tcp(fds);
    bridge_prepare(fds[0]);
    close(fds[0]);
    cr_assert_eq(recv(fds[1], &byte, 1, 0), -1);
    cr_assert_eq(errno, ECONNRESET);
    close(fds[1]);
}
