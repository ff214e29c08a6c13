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

static void make_local(struct scene *scene, void (*pair)(int fds[2]))
{
    int fds[2];
    struct timeval limit = {.tv_sec = 20};
    pair(fds);
    scene->plain = fds[0];
    scene->local = fds[1];
    cr_assert_eq(fcntl(scene->plain, F_SETFL, O_NONBLOCK), 0);
    cr_assert_eq(setsockopt(scene->local, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    bridge_prepare(scene->plain);
}

static void start(struct scene *scene, const struct conn_world *world,
                  const struct conn_rig_options *options,
                  void (*script)(struct socket_peer *peer, void *arg))
{
    conn_rig_init(&scene->rig, world, options, script, NULL);
    cr_assert_eq(pthread_create(&scene->thread, NULL, serve, scene), 0);
}

static void begin(struct scene *scene, const struct conn_world *world,
                  const struct conn_rig_options *options,
                  void (*script)(struct socket_peer *peer, void *arg))
{
    *scene = (struct scene){.wait = options->version ? STEPS_EDGE : STEPS_LEVEL};
    make_local(scene, sockets_tcp);
    start(scene, world, options, script);
}

static void say(int fd, const char *text, int flags)
{
    ssize_t length = (ssize_t)strlen(text);
    cr_assert_eq(send(fd, text, (size_t)length, MSG_NOSIGNAL | flags), length);
}

static void expect(int fd, const char *text)
{
    char buffer[16];
    ssize_t length = (ssize_t)strlen(text);
    cr_assert_eq(recv(fd, buffer, (size_t)length, MSG_WAITALL), length, "%s", strerror(errno));
    cr_assert_eq(memcmp(buffer, text, (size_t)length), 0);
}

/* The local side ends first, and then the peer, in order. */
static void end_in_order(struct scene *scene)
{
    char byte;
    cr_assert(shutdown(scene->local, SHUT_WR) == 0 || errno == ENOTCONN, "it may have ended both");
    cr_assert_eq(recv(scene->local, &byte, 1, 0), 0, "the peer's end, in order");
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
    begin(&scene, world, options, peer_echoes);
    say(scene.local, "hello", 0);
    expect(scene.local, "hello");
    end_in_order(&scene);
    cr_assert_eq(finish(&scene), ACTPASS_CLEAN, "%s", scene.error);
}

Test(bridge, bytes_and_ends_both_ways, .timeout = 60)
{
    for_all(echoes);
}

/* ---- What is there before the bridge looks for the first time comes in one event ----------- */

static void play_early(const struct conn_world *world, const struct conn_rig_options *options,
                       enum steps_wait wait, void (*pair)(int fds[2]), void (*play)(int fd))
{
    struct scene scene = {.wait = wait};
    make_local(&scene, pair);
    play(scene.local);
    start(&scene, world, options, peer_echoes);
    expect(scene.local, "hello");
    end_in_order(&scene);
    cr_assert_eq(finish(&scene), ACTPASS_CLEAN, "%s", scene.error);
}

static void play_an_end(int fd)
{
    say(fd, "hello", 0);
    cr_assert_eq(shutdown(fd, SHUT_WR), 0);
}

/* A read ends before the urgent byte, which is not for us. */
static void play_urgent_data(int fd)
{
    say(fd, "he", 0);
    say(fd, "!", MSG_OOB);
    say(fd, "llo", 0);
}

/* A read ends after bytes that have descriptors with them. */
static void play_descriptors(int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    struct iovec bytes = {.iov_base = "he", .iov_len = 2};
    const struct msghdr message = {.msg_iov = &bytes,
                                   .msg_iovlen = 1,
                                   .msg_control = control.bytes,
                                   .msg_controllen = sizeof(control.bytes)};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    cr_assert_eq(sendmsg(fd, &message, MSG_NOSIGNAL), 2);
    say(fd, "llo", 0);
}

static void early(const struct conn_world *world, const struct conn_rig_options *options)
{
    for (int wait = STEPS_LEVEL; wait <= STEPS_EDGE; wait++) {
        play_early(world, options, (enum steps_wait)wait, sockets_tcp, play_an_end);
        play_early(world, options, (enum steps_wait)wait, sockets_tcp, play_urgent_data);
        play_early(world, options, (enum steps_wait)wait, sockets_unix, play_an_end);
        play_early(world, options, (enum steps_wait)wait, sockets_unix, play_descriptors);
    }
}

Test(bridge, nothing_behind_a_short_read_is_left, .timeout = 60)
{
    for_all(early);
}

/* Idle, it has no buffers (handler.h); the next bytes go through all the same. */
static void pauses(const struct conn_world *world, const struct conn_rig_options *options)
{
    struct scene scene;
    begin(&scene, world, options, peer_echoes);
    for (int i = 0; i < 2; i++) {
        say(scene.local, "x", 0);
        expect(scene.local, "x");
        pause_ms(1100); /* the driver says "idle" after a second */
    }
    end_in_order(&scene);
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

static void begin_and_echo(struct scene *scene, const struct conn_world *world,
                           const struct conn_rig_options *options)
{
    begin(scene, world, options, peer_echoes);
    say(scene->local, "x", 0);
    expect(scene->local, "x");
}

static void local_cut(const struct conn_world *world, const struct conn_rig_options *options)
{
    struct scene scene;
    begin_and_echo(&scene, world, options);
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
    begin_and_echo(&scene, world, options);
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
