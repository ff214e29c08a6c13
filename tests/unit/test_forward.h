/* Shared by the tests of forward: a TLS peer, a plain backend, and forward between them. Each call
 * that fails ends the test. */
#ifndef ACTPASS_TEST_FORWARD_H
#define ACTPASS_TEST_FORWARD_H

#include "server/daemon/handlers/handler.h"
#include "tests/support/certs.h"
#include "tests/support/resources.h"
#include "tests/support/steps.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const struct way {
    actpass_transport transport;
    enum steps_wait wait;
} ways[] = {{ACTPASS_TRANSPORT_RELAY, STEPS_EDGE},
            {ACTPASS_TRANSPORT_RELAY, STEPS_LEVEL},
            {ACTPASS_TRANSPORT_DIRECT, STEPS_EDGE},
            {ACTPASS_TRANSPORT_DIRECT, STEPS_LEVEL}};
enum { WAYS = sizeof(ways) / sizeof(ways[0]), BULK = 1 << 20 };

/* A TLS peer, a plain backend, and forward between them on a thread of its own. */
struct scene {
    struct test_pair *pair;
    actpass_config *ours, *theirs;
    int listener; /* the backend's; -1: it does not listen */
    char address[64];
    struct config_address backend;
    struct config_handler what;
    void *loaded;
    struct handler_job job;
    enum steps_wait wait;
    pthread_t thread;
    int handshaken;
    actpass_end end;
    char error[512];
    actpass_conn *peer;
    int peer_fd; /* the peer's socket, once more */
};

static inline void limit_waits(int fd)
{
    struct timeval limit = {.tv_sec = 20};
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), 0);
}

static inline int listen_on_loopback(char *address, size_t size)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(where);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0);
    cr_assert_eq(listen(fd, 8), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&where, &length), 0);
    (void)snprintf(address, size, "127.0.0.1:%u", ntohs(where.sin_port));
    limit_waits(fd);
    return fd;
}

static inline void *serve(void *arg)
{
    struct scene *scene = arg;
    scene->handshaken = actpass_handshake(scene->job.conn) == 0;
    if (scene->handshaken)
        (void)steps_run(&forward_handler, &scene->job, scene->wait);
    scene->end = actpass_close(scene->job.conn);
    (void)snprintf(scene->error, sizeof(scene->error), "%s", actpass_error(scene->job.conn));
    return NULL;
}

static inline void configure(struct scene *scene, actpass_transport transport)
{
    scene->pair = test_pair_new();
    const struct test_end *end = &scene->pair->ends[0];
    scene->ours = actpass_config_new();
    cr_assert_eq(actpass_config_set_role(scene->ours, ACTPASS_ROLE_SERVER), 0);
    cr_assert_eq(actpass_config_set_transport(scene->ours, transport), 0);
    cr_assert_eq(actpass_config_set_identity(scene->ours, end->certificate, end->key), 0);
    scene->theirs = actpass_config_new();
    cr_assert_eq(actpass_config_set_role(scene->theirs, ACTPASS_ROLE_CLIENT), 0);
    cr_assert_eq(actpass_config_set_ca(scene->theirs, scene->pair->ca), 0);
    cr_assert_eq(actpass_config_add_peer_name(scene->theirs, end->name), 0);
    cr_assert_eq(actpass_config_set_timeout(scene->theirs, ACTPASS_IDLE_TIMEOUT, 20000), 0);
    cr_assert_eq(actpass_config_set_timeout(scene->theirs, ACTPASS_WRITE_TIMEOUT, 300), 0);
}

/* BACKEND NULL: one of our own. */
static inline void begin(struct scene *scene, const struct way *way, const char *backend,
                         int64_t idle_timeout_ms)
{
    int ends[2];
    *scene = (struct scene){.listener = -1, .wait = way->wait};
    if (!backend)
        scene->listener = listen_on_loopback(scene->address, sizeof(scene->address));
    else
        (void)snprintf(scene->address, sizeof(scene->address), "%s", backend);
    scene->what.kind = CONFIG_HANDLER_FORWARD;
    cr_assert_null(config_address_parse(scene->address, &scene->backend));
    scene->what.forward = (struct config_backends){.items = &scene->backend, .count = 1};
    cr_assert(forward_handler.load(&scene->what, &scene->loaded, NULL));
    configure(scene, way->transport);
    sockets_tcp(ends);
    scene->peer_fd = dup(ends[1]);
    scene->job = steps_job(actpass_accept_fd(scene->ours, ends[0]));
    cr_assert_not_null(scene->job.conn, "%s", actpass_config_error(scene->ours));
    scene->job.what = &scene->what;
    scene->job.loaded = scene->loaded;
    scene->job.idle_timeout_ms = idle_timeout_ms;
    cr_assert_eq(pthread_create(&scene->thread, NULL, serve, scene), 0);
    scene->peer = actpass_accept_fd(scene->theirs, ends[1]);
    cr_assert_not_null(scene->peer, "%s", actpass_config_error(scene->theirs));
    cr_assert_eq(actpass_handshake(scene->peer), 0, "%s", actpass_error(scene->peer));
}

static inline int accept_backend(const struct scene *scene)
{
    int fd = accept(scene->listener, NULL, NULL);
    cr_assert_geq(fd, 0, "%s", strerror(errno));
    limit_waits(fd);
    return fd;
}

/* Waits until forward is done, and says how its connection ended. */
static inline actpass_end finish(struct scene *scene)
{
    cr_assert_eq(pthread_join(scene->thread, NULL), 0);
    cr_assert(scene->handshaken, "%s", scene->error);
    actpass_free(scene->job.conn);
    actpass_free(scene->peer);
    close(scene->peer_fd);
    if (scene->listener >= 0)
        close(scene->listener);
    forward_handler.unload(scene->loaded);
    config_address_free(&scene->backend);
    actpass_config_free(scene->ours);
    actpass_config_free(scene->theirs);
    test_pair_free(scene->pair);
    return scene->end;
}

static inline void peer_reads(const struct scene *scene, const char *text)
{
    char buffer[256] = "";
    size_t length = 0;
    while (length < strlen(text)) {
        int64_t got = actpass_read(scene->peer, buffer + length, sizeof(buffer) - length);
        cr_assert_gt(got, 0, "%s", actpass_error(scene->peer));
        length += (size_t)got;
    }
    cr_assert_eq(length, strlen(text));
    cr_assert_eq(memcmp(buffer, text, length), 0);
}

static inline void peer_writes(const struct scene *scene, const char *text)
{
    cr_assert_eq(actpass_write(scene->peer, text, strlen(text)), 0, "%s",
                 actpass_error(scene->peer));
}

static inline void backend_reads(int fd, const char *text)
{
    char buffer[256] = "";
    size_t length = 0;
    while (length < strlen(text)) {
        ssize_t got = recv(fd, buffer + length, sizeof(buffer) - length, 0);
        cr_assert_gt(got, 0, "%s", strerror(errno));
        length += (size_t)got;
    }
    cr_assert_eq(memcmp(buffer, text, strlen(text)), 0);
}

static inline void backend_writes(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static inline void backend_sees_end(int fd)
{
    char byte;
    cr_assert_eq(recv(fd, &byte, 1, 0), 0);
}

static inline void backend_sees_cut(int fd)
{
    char buffer[4096];
    ssize_t got;
    do {
        got = recv(fd, buffer, sizeof(buffer), 0);
    } while (got > 0);
    cr_assert_eq(got, -1, "a cut must not look like an end");
    cr_assert_eq(errno, ECONNRESET);
}

static inline uint8_t byte_at(size_t position)
{
    return (uint8_t)(position * 31 + position / 257);
}

/* Reads to the peer's end, and checks each byte. */
static inline size_t read_bulk(actpass_conn *conn)
{
    uint8_t buffer[10000];
    size_t total = 0;
    int64_t got;
    while ((got = actpass_read(conn, buffer, sizeof(buffer))) > 0) {
        for (int64_t i = 0; i < got; i++)
            cr_assert_eq(buffer[i], byte_at(total + (size_t)i), "byte %zu", total + (size_t)i);
        total += (size_t)got;
    }
    cr_assert_eq(got, 0, "%s", actpass_error(conn));
    return total;
}

#endif
