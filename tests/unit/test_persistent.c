/* Servers in this process whose services dial: each is played against peers that the test holds. */
#include "relay/clock.h"
#include "server/daemon/server.h"
#include "server/daemon/state.h"
#include "tests/support/certs.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

struct scene {
    struct test_pair *pair;
    char remote[120], local[120]; /* paths of unix sockets: where it dials, and where it listens */
    int listener;                 /* the remote one; -1: nobody listens */
    actpass_config *peer;         /* of the test's end: TLS server */
    struct server *server;
    pthread_t thread;
    int status;
};

static struct sockaddr_un at(const char *path)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    cr_assert_lt(strlen(path), sizeof(where.sun_path));
    memcpy(where.sun_path, path, strlen(path));
    return where;
}

static int listen_at(const char *path)
{
    struct sockaddr_un where = at(path);
    struct timeval limit = {.tv_sec = 20};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0, "%s", strerror(errno));
    cr_assert_eq(listen(fd, 8), 0);
    return fd;
}

static int connect_to(const char *path)
{
    struct sockaddr_un where = at(path);
    struct timeval limit = {.tv_sec = 20};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&where, sizeof(where)), 0, "%s", strerror(errno));
    return fd;
}

static actpass_config *peer_settings(const struct scene *scene)
{
    const struct test_end *end = &scene->pair->ends[1];
    actpass_config *config = actpass_config_new();
    cr_assert_eq(actpass_config_set_role(config, ACTPASS_ROLE_SERVER), 0);
    cr_assert_eq(actpass_config_set_identity(config, end->certificate, end->key), 0);
    cr_assert_eq(actpass_config_set_timeout(config, ACTPASS_IDLE_TIMEOUT, 20000), 0);
    return config;
}

static const char *write_config(struct scene *scene, const char *service)
{
    char text[4096];
    int length = snprintf(text, sizeof(text),
                          "{\"log\": {\"level\": \"error\"}, \"services\": [{\"name\": \"dialer\", "
                          "\"dial\": \"unix:%s\", %s, \"tls\": {\"ca\": \"%s\", "
                          "\"peer_names\": [\"%s\"]}}]}",
                          scene->remote, service, scene->pair->ca, scene->pair->ends[1].name);
    cr_assert_lt(length, (int)sizeof(text));
    return test_write_text(scene->pair->folder, "actpass.json", text);
}

static void *run_server(void *arg)
{
    struct scene *scene = arg;
    scene->status = server_run(scene->server);
    return NULL;
}

static void begin(struct scene *scene, const char *service, bool listens)
{
    char *errors = NULL;
    char members[1024];
    *scene = (struct scene){.pair = test_pair_new(), .listener = -1};
    (void)snprintf(scene->remote, sizeof(scene->remote), "%s",
                   test_folder_path(scene->pair->folder, "remote.sock"));
    (void)snprintf(scene->local, sizeof(scene->local), "%s",
                   test_folder_path(scene->pair->folder, "local.sock"));
    scene->listener = listens ? listen_at(scene->remote) : -1;
    scene->peer = peer_settings(scene);
    (void)snprintf(members, sizeof(members), service, scene->local);
    scene->server = server_new(write_config(scene, members), &errors);
    cr_assert_not_null(scene->server, "%s", errors);
    cr_assert_eq(pthread_create(&scene->thread, NULL, run_server, scene), 0);
}

static int stop(struct scene *scene)
{
    server_stop(scene->server);
    cr_assert_eq(pthread_join(scene->thread, NULL), 0);
    return scene->status;
}

static void end(struct scene *scene)
{
    if (scene->listener >= 0)
        close(scene->listener);
    server_free(scene->server);
    actpass_config_free(scene->peer);
    test_pair_free(scene->pair);
}

/* The next connection that it dials, up. */
static actpass_conn *take(const struct scene *scene)
{
    int fd = accept(scene->listener, NULL, NULL);
    cr_assert_geq(fd, 0, "%s", strerror(errno));
    actpass_conn *conn = actpass_accept_fd(scene->peer, fd);
    cr_assert_not_null(conn, "%s", actpass_config_error(scene->peer));
    cr_assert_eq(actpass_handshake(conn), 0, "%s", actpass_error(conn));
    return conn;
}

static void expect_echo(actpass_conn *conn)
{
    char buffer[4];
    cr_assert_eq(actpass_write(conn, "ping", 4), 0, "%s", actpass_error(conn));
    for (int64_t length = 0; length < 4;) {
        int64_t got = actpass_read(conn, buffer + length, sizeof(buffer) - (size_t)length);
        cr_assert_gt(got, 0, "%s", actpass_error(conn));
        length += got;
    }
    cr_assert_eq(memcmp(buffer, "ping", 4), 0);
}

#define PERSISTENT "\"persistent\": true, \"echo\": {}, "
#define QUICK PERSISTENT "\"retry\": {\"min\": \"5ms\", \"max\": \"20ms\"}"

/* ---- One connection that is kept up -------------------------------------------------------- */

Test(persistent, comes_back_whatever_became_of_the_connection, .timeout = 60)
{
    struct scene scene;
    begin(&scene, QUICK, true);
    for (int i = 0; i < 12; i++) {
        actpass_conn *conn = take(&scene);
        expect_echo(conn);
        if (i % 3 == 0)
            actpass_abort(conn);
        else if (i % 3 == 1)
            cr_assert_eq(actpass_close(conn), ACTPASS_CLEAN, "%s", actpass_error(conn));
        actpass_free(conn);
    }
    actpass_conn *last = take(&scene);
    cr_assert_geq(atomic_load(&scene.server->counters.dialed), 13);
    cr_assert_leq(registry_open(scene.server->registry), 1, "one at a time");
    cr_assert_eq(actpass_close(last), ACTPASS_CLEAN, "%s", actpass_error(last));
    actpass_free(last);
    cr_assert_eq(stop(&scene), 0);
    end(&scene);
}

Test(persistent, nothing_grows, .timeout = 60)
{
    struct scene scene;
    struct resources before = {0};
    begin(&scene, QUICK, true);
    for (int i = 0; i < 20; i++) {
        actpass_conn *conn = take(&scene);
        expect_echo(conn);
        if (i == 2)
            before = resources_now();
        if (i == 19)
            cr_assert(resources_return_to(before));
        actpass_free(conn);
    }
    cr_assert_eq(stop(&scene), 0);
    end(&scene);
}

/* What a thousand connections of other services have used is given back though the one that is kept
 * up stays open. */
Test(persistent, memory_is_given_back_beside_it, .timeout = 60)
{
    struct scene scene;
    begin(&scene, QUICK, true);
    struct counters *counters = &scene.server->counters;
    atomic_store(&counters->accepted, 1000);
    actpass_free(take(&scene)); /* as if it were the last of the thousand */
    actpass_conn *next = take(&scene);
    int64_t deadline_us = clock_deadline_ms(20000);
    while (atomic_load(&counters->trimmed_at) != 1000 && clock_now_us() < deadline_us)
        usleep(1000); /* the first one may not have left yet */
    cr_assert_eq(atomic_load(&counters->trimmed_at), 1000);
    actpass_free(next);
    cr_assert_eq(stop(&scene), 0);
    end(&scene);
}

Test(persistent, waits_for_a_peer_that_comes_later, .timeout = 60)
{
    struct scene scene;
    begin(&scene, QUICK, false);
    pause_ms(60); /* some attempts in vain */
    scene.listener = listen_at(scene.remote);
    actpass_conn *conn = take(&scene);
    expect_echo(conn);
    actpass_free(conn);
    cr_assert_eq(stop(&scene), 0);
    end(&scene);
}

Test(persistent, stopping_ends_a_wait_for_the_next_attempt, .timeout = 60)
{
    struct scene scene;
    int64_t began_us = clock_now_us();
    begin(&scene, PERSISTENT "\"retry\": {\"min\": \"1h\", \"max\": \"1h\"}", false);
    pause_ms(30);
    cr_assert_eq(stop(&scene), 0);
    cr_assert_lt(clock_now_us() - began_us, INT64_C(30000000));
    cr_assert_eq(registry_count(scene.server->registry), 0);
    end(&scene);
}

Test(persistent, stopping_at_once, .timeout = 60)
{
    for (int i = 0; i < 20; i++) {
        struct scene scene;
        begin(&scene, QUICK, false);
        cr_assert_eq(stop(&scene), 0);
        end(&scene);
    }
}

/* server_stop only asks: until the loop has seen it, a service may dial once more. */
static void begin_to_stop(struct scene *scene)
{
    struct pollfd set = {.fd = scene->server->stopping_fd, .events = POLLIN};
    server_stop(scene->server);
    cr_assert_eq(poll(&set, 1, 20000), 1);
}

Test(persistent, stopping_gives_an_open_connection_its_time, .timeout = 60)
{
    struct scene scene;
    begin(&scene, QUICK, true);
    actpass_conn *conn = take(&scene);
    expect_echo(conn);
    begin_to_stop(&scene);
    expect_echo(conn);
    cr_assert_eq(actpass_close(conn), ACTPASS_CLEAN, "%s", actpass_error(conn));
    actpass_free(conn);
    cr_assert_eq(pthread_join(scene.thread, NULL), 0);
    cr_assert_eq(scene.status, 0);
    cr_assert_eq(atomic_load(&scene.server->counters.dialed), 1, "and no other is dialed");
    end(&scene);
}

Test(persistent, a_second_stop_cuts, .timeout = 60)
{
    struct scene scene;
    begin(&scene, QUICK, true);
    actpass_conn *conn = take(&scene);
    expect_echo(conn);
    server_stop(scene.server);
    cr_assert_eq(stop(&scene), 1);
    char byte;
    cr_assert_eq(actpass_read(conn, &byte, 1), -1);
    actpass_free(conn);
    end(&scene);
}

/* ---- One for each local connection --------------------------------------------------------- */

#define BRIDGE "\"listen_plain\": \"unix:%s\""

Test(persistent, each_local_connection_has_its_own, .timeout = 60)
{
    struct scene scene;
    actpass_conn *conns[4];
    int locals[4];
    begin(&scene, BRIDGE, true);
    for (size_t i = 0; i < 4; i++) {
        locals[i] = connect_to(scene.local);
        conns[i] = take(&scene);
    }
    for (size_t i = 0; i < 4; i++) {
        char byte = (char)('a' + i), got = 0;
        cr_assert_eq(send(locals[i], &byte, 1, MSG_NOSIGNAL), 1);
        cr_assert_eq(actpass_read(conns[i], &got, 1), 1, "%s", actpass_error(conns[i]));
        cr_assert_eq(got, byte);
        close(locals[i]);
        cr_assert_eq(actpass_close(conns[i]), ACTPASS_CLEAN, "%s", actpass_error(conns[i]));
        actpass_free(conns[i]);
    }
    cr_assert_eq(stop(&scene), 0);
    cr_assert_eq(atomic_load(&scene.server->counters.dialed), 4);
    cr_assert_eq(atomic_load(&scene.server->counters.accepted), 0, "no TLS was accepted");
    end(&scene);
}

Test(persistent, nobody_there_ends_the_local_connection, .timeout = 60)
{
    struct scene scene;
    char byte;
    begin(&scene, BRIDGE, false);
    int local = connect_to(scene.local);
    cr_assert_leq(recv(local, &byte, 1, 0), 0);
    close(local);
    cr_assert_eq(stop(&scene), 0);
    cr_assert_eq(atomic_load(&scene.server->counters.dialed), 0);
    end(&scene);
}

Test(persistent, stopping_ends_a_dial, .timeout = 60)
{
    struct scene scene;
    char byte;
    begin(&scene, BRIDGE ", \"connect_timeout\": \"1h\"", false);
    scene.listener = listen_at(scene.remote);
    cr_assert_eq(listen(scene.listener, 0), 0); /* full at once: the dial waits for room */
    int first = connect_to(scene.remote);
    int local = connect_to(scene.local);
    cr_assert_eq(send(local, "x", 1, MSG_NOSIGNAL), 1);
    pause_ms(50); /* it is at it, most probably; the outcome is the same */
    cr_assert_eq(stop(&scene), 0);
    cr_assert_leq(recv(local, &byte, 1, 0), 0);
    close(local);
    close(first);
    end(&scene);
}
