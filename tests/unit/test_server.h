/* Shared by the tests of the server: one with an echo service, and its peers. Each call that fails
 * ends the test. */
#ifndef ACTPASS_TEST_SERVER_H
#define ACTPASS_TEST_SERVER_H

#include "relay/clock.h"
#include "server/daemon/server.h"
#include "server/daemon/state.h"
#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

/* A server on a unix socket, running on a thread of its own, and settings for its peers. */
struct scene {
    struct test_pair *pair;
    char socket[120];  /* path */
    char address[128]; /* "unix:" and the path */
    struct server *server;
    pthread_t thread;
    int status;
    actpass_config *client, *device;
};

static inline actpass_config *peer_settings(const struct scene *scene, actpass_role role)
{
    const struct test_end *end = &scene->pair->ends[1];
    actpass_config *config = actpass_config_new();
    cr_assert_eq(actpass_config_set_role(config, role), 0);
    cr_assert_eq(actpass_config_set_ca(config, scene->pair->ca), 0);
    cr_assert_eq(actpass_config_add_peer_name(config, scene->pair->ends[0].name), 0);
    cr_assert_eq(actpass_config_set_identity(config, end->certificate, end->key), 0);
    cr_assert_eq(actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_REQUIRE), 0);
    cr_assert_eq(actpass_config_set_timeout(config, ACTPASS_IDLE_TIMEOUT, 20000), 0);
    cr_assert_eq(actpass_config_set_timeout(config, ACTPASS_HANDSHAKE_TIMEOUT, 20000), 0);
    return config;
}

/* The text of a configuration with one echo service; TOP and SERVICE are members to add. */
static inline const char *write_config(struct scene *scene, const char *top, const char *service)
{
    const struct test_end *end = &scene->pair->ends[0];
    char text[4096];
    int length =
        snprintf(text, sizeof(text),
                 "{\"log\": {\"level\": \"error\"}, %s \"services\": [{\"name\": \"front\", "
                 "\"listen\": \"%s\", %s \"echo\": {}, \"tls\": {\"certificate\": \"%s\", "
                 "\"key\": \"%s\", \"ca\": \"%s\", \"client_auth\": \"require\", "
                 "\"peer_names\": [\"%s\"]}}]}",
                 top, scene->address, service, end->certificate, end->key, scene->pair->ca,
                 scene->pair->ends[1].name);
    cr_assert_lt(length, (int)sizeof(text));
    return test_write_text(scene->pair->folder, "actpass.json", text);
}

static inline void *run_server(void *arg)
{
    struct scene *scene = arg;
    scene->status = server_run(scene->server);
    return NULL;
}

static inline void prepare(struct scene *scene, const char *top, const char *service)
{
    *scene = (struct scene){.pair = test_pair_new()};
    (void)snprintf(scene->socket, sizeof(scene->socket), "%s",
                   test_folder_path(scene->pair->folder, "front.sock"));
    (void)snprintf(scene->address, sizeof(scene->address), "unix:%s", scene->socket);
    scene->client = peer_settings(scene, ACTPASS_ROLE_CLIENT);
    scene->device = peer_settings(scene, ACTPASS_ROLE_SERVER);
    char *errors = NULL;
    scene->server = server_new(write_config(scene, top, service), &errors);
    cr_assert_not_null(scene->server, "%s", errors);
}

static inline void start(struct scene *scene)
{
    cr_assert_eq(pthread_create(&scene->thread, NULL, run_server, scene), 0);
}

static inline int wait_stopped(struct scene *scene)
{
    cr_assert_eq(pthread_join(scene->thread, NULL), 0);
    return scene->status;
}

static inline void tidy(struct scene *scene)
{
    server_free(scene->server);
    actpass_config_free(scene->client);
    actpass_config_free(scene->device);
    test_pair_free(scene->pair);
}

static inline int stop(struct scene *scene)
{
    server_stop(scene->server);
    return wait_stopped(scene);
}

static inline actpass_conn *open_peer(const struct scene *scene, actpass_config *config)
{
    actpass_conn *peer = actpass_connect(config, scene->address);
    cr_assert_not_null(peer, "%s", actpass_config_error(config));
    cr_assert_eq(actpass_handshake(peer), 0, "%s", actpass_error(peer));
    return peer;
}

static inline void expect_echo(actpass_conn *peer)
{
    char buffer[16];
    cr_assert_eq(actpass_write(peer, "hello", 5), 0, "%s", actpass_error(peer));
    for (int64_t length = 0; length < 5;) {
        int64_t got = actpass_read(peer, buffer + length, sizeof(buffer) - (size_t)length);
        cr_assert_gt(got, 0, "%s", actpass_error(peer));
        length += got;
    }
    cr_assert_eq(memcmp(buffer, "hello", 5), 0);
}

static inline void close_peer(actpass_conn *peer)
{
    cr_assert_eq(actpass_close(peer), ACTPASS_CLEAN, "%s", actpass_error(peer));
    actpass_free(peer);
}

/* A connection that says nothing. */
static inline int open_silent(const struct scene *scene)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    cr_assert_lt(strlen(scene->socket), sizeof(where.sun_path));
    memcpy(where.sun_path, scene->socket, strlen(scene->socket));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&where, sizeof(where)), 0, "%s", strerror(errno));
    return fd;
}

static inline bool becomes(struct scene *scene, unsigned long long (*what)(struct scene *),
                           unsigned long long wanted)
{
    int64_t deadline_us = clock_deadline_ms(20000);
    struct timespec pause = {.tv_nsec = 2000000};
    while (what(scene) != wanted && clock_now_us() < deadline_us)
        nanosleep(&pause, NULL);
    return what(scene) == wanted;
}

static inline unsigned long long count_open(struct scene *scene)
{
    return registry_count(scene->server->registry);
}

static inline unsigned long long count_accepted(struct scene *scene)
{
    return atomic_load(&scene->server->counters.accepted);
}

static inline unsigned long long count_dropped(struct scene *scene)
{
    return atomic_load(&scene->server->counters.dropped);
}

#endif
