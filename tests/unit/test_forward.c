#include "relay/clock.h"
#include "server/daemon/handlers/handler.h"
#include "tests/support/certs.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const actpass_transport transports[] = {ACTPASS_TRANSPORT_RELAY, ACTPASS_TRANSPORT_DIRECT};
enum { TRANSPORTS = sizeof(transports) / sizeof(transports[0]), BULK = 1 << 20 };

/* A TLS peer, a plain backend, and forward between them on a thread of its own. */
struct scene {
    struct test_pair *pair;
    actpass_config *ours, *theirs;
    int listener; /* the backend's; -1: it does not listen */
    char address[64];
    struct config_conversation what;
    struct handler_job job;
    pthread_t thread;
    int handshaken;
    actpass_end end;
    char error[512];
    actpass_conn *peer;
    int peer_fd; /* the peer's socket, once more */
};

static void limit_waits(int fd)
{
    struct timeval limit = {.tv_sec = 20};
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), 0);
}

static int listen_on_loopback(char *address, size_t size)
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

static void connect_pair(int ends[2])
{
    char address[64];
    struct sockaddr_in where;
    socklen_t length = sizeof(where);
    int listener = listen_on_loopback(address, sizeof(address));
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&where, &length), 0);
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(ends[0], (struct sockaddr *)&where, length), 0);
    ends[1] = accept(listener, NULL, NULL);
    cr_assert_geq(ends[1], 0);
    close(listener);
}

static void *serve(void *arg)
{
    struct scene *scene = arg;
    scene->handshaken = actpass_handshake(scene->job.conn) == 0;
    if (scene->handshaken)
        forward_handler.run(&scene->job);
    scene->end = actpass_close(scene->job.conn);
    (void)snprintf(scene->error, sizeof(scene->error), "%s", actpass_error(scene->job.conn));
    return NULL;
}

static void configure(struct scene *scene, actpass_transport transport)
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
static void begin(struct scene *scene, actpass_transport transport, const char *backend,
                  int64_t idle_timeout_ms)
{
    int ends[2];
    *scene = (struct scene){.listener = -1};
    if (!backend)
        scene->listener = listen_on_loopback(scene->address, sizeof(scene->address));
    else
        (void)snprintf(scene->address, sizeof(scene->address), "%s", backend);
    scene->what.kind = CONFIG_CONVERSATION_FORWARD;
    cr_assert_null(config_address_parse(scene->address, &scene->what.forward));
    configure(scene, transport);
    connect_pair(ends);
    scene->peer_fd = dup(ends[1]);
    scene->job.what = &scene->what;
    scene->job.idle_timeout_ms = idle_timeout_ms;
    scene->job.conn = actpass_accept_fd(scene->ours, ends[0]);
    cr_assert_not_null(scene->job.conn, "%s", actpass_config_error(scene->ours));
    cr_assert_eq(pthread_create(&scene->thread, NULL, serve, scene), 0);
    scene->peer = actpass_accept_fd(scene->theirs, ends[1]);
    cr_assert_not_null(scene->peer, "%s", actpass_config_error(scene->theirs));
    cr_assert_eq(actpass_handshake(scene->peer), 0, "%s", actpass_error(scene->peer));
}

static int accept_backend(const struct scene *scene)
{
    int fd = accept(scene->listener, NULL, NULL);
    cr_assert_geq(fd, 0, "%s", strerror(errno));
    limit_waits(fd);
    return fd;
}

/* Waits until forward is done, and says how its connection ended. */
static actpass_end finish(struct scene *scene)
{
    cr_assert_eq(pthread_join(scene->thread, NULL), 0);
    cr_assert(scene->handshaken, "%s", scene->error);
    actpass_free(scene->job.conn);
    actpass_free(scene->peer);
    close(scene->peer_fd);
    if (scene->listener >= 0)
        close(scene->listener);
    config_address_free(&scene->what.forward);
    actpass_config_free(scene->ours);
    actpass_config_free(scene->theirs);
    test_pair_free(scene->pair);
    return scene->end;
}

static void peer_reads(const struct scene *scene, const char *text)
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

static void peer_writes(const struct scene *scene, const char *text)
{
    cr_assert_eq(actpass_write(scene->peer, text, strlen(text)), 0, "%s",
                 actpass_error(scene->peer));
}

static void backend_reads(int fd, const char *text)
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

static void backend_writes(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void backend_sees_end(int fd)
{
    char byte;
    cr_assert_eq(recv(fd, &byte, 1, 0), 0);
}

static void backend_sees_cut(int fd)
{
    char buffer[4096];
    ssize_t got;
    do {
        got = recv(fd, buffer, sizeof(buffer), 0);
    } while (got > 0);
    cr_assert_eq(got, -1, "a cut must not look like an end");
    cr_assert_eq(errno, ECONNRESET);
}

static void reset(int fd)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    close(fd);
}

/* ---- Bytes --------------------------------------------------------------------------------- */

static uint8_t byte_at(size_t position)
{
    return (uint8_t)(position * 31 + position / 257);
}

static void *echo(void *arg)
{
    static const size_t most = 50000;
    int fd = *(int *)arg;
    char *buffer = malloc(most);
    ssize_t got;
    while ((got = recv(fd, buffer, most, 0)) > 0)
        if (send(fd, buffer, (size_t)got, MSG_NOSIGNAL) != got)
            break;
    free(buffer);
    (void)shutdown(fd, SHUT_WR);
    return NULL;
}

static void *write_bulk(void *arg)
{
    uint8_t *bulk = malloc(BULK);
    for (size_t i = 0; i < BULK; i++)
        bulk[i] = byte_at(i);
    int failed = actpass_write(arg, bulk, BULK) || actpass_shutdown_write(arg);
    free(bulk);
    return failed ? arg : NULL;
}

static size_t read_bulk(actpass_conn *conn)
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

Test(forward, bytes_go_both_ways_at_once, .timeout = 60)
{
    for (size_t i = 0; i < TRANSPORTS; i++) {
        struct scene scene;
        pthread_t writer;
        pthread_t echoer;
        void *failed = NULL;
        begin(&scene, transports[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        cr_assert_eq(pthread_create(&echoer, NULL, echo, &fd), 0);
        cr_assert_eq(pthread_create(&writer, NULL, write_bulk, scene.peer), 0);
        cr_assert_eq(read_bulk(scene.peer), BULK);
        cr_assert_eq(pthread_join(writer, &failed), 0);
        cr_assert_null(failed);
        cr_assert_eq(pthread_join(echoer, NULL), 0);
        cr_assert_eq(actpass_close(scene.peer), ACTPASS_CLEAN);
        cr_assert_eq(finish(&scene), ACTPASS_CLEAN, "%s", scene.error);
        cr_assert_str_eq(scene.job.problem.text, "");
        close(fd);
    }
}

static void *send_bulk(void *arg)
{
    int fd = *(int *)arg;
    uint8_t *bulk = malloc(BULK);
    for (size_t i = 0; i < BULK; i++)
        bulk[i] = byte_at(i);
    size_t sent = 0;
    ssize_t got = 0;
    while (sent < BULK && (got = send(fd, bulk + sent, BULK - sent, MSG_NOSIGNAL)) > 0)
        sent += (size_t)got;
    free(bulk);
    (void)shutdown(fd, SHUT_WR);
    return NULL;
}

static void *receive_bulk(void *arg)
{
    int fd = *(int *)arg;
    uint8_t buffer[8192];
    size_t total = 0;
    ssize_t got;
    while ((got = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
        for (ssize_t i = 0; i < got; i++)
            if (buffer[i] != byte_at(total + (size_t)i))
                return arg;
        total += (size_t)got;
    }
    return got == 0 && total == BULK ? NULL : arg;
}

Test(forward, both_sides_may_write_at_once, .timeout = 60)
{
    for (size_t i = 0; i < TRANSPORTS; i++) {
        struct scene scene;
        pthread_t threads[3];
        begin(&scene, transports[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        cr_assert_eq(pthread_create(&threads[0], NULL, write_bulk, scene.peer), 0);
        cr_assert_eq(pthread_create(&threads[1], NULL, send_bulk, &fd), 0);
        cr_assert_eq(pthread_create(&threads[2], NULL, receive_bulk, &fd), 0);
        cr_assert_eq(read_bulk(scene.peer), BULK);
        for (size_t j = 0; j < 3; j++) {
            void *failed = NULL;
            cr_assert_eq(pthread_join(threads[j], &failed), 0);
            cr_assert_null(failed, "thread %zu", j);
        }
        cr_assert_eq(actpass_close(scene.peer), ACTPASS_CLEAN);
        cr_assert_eq(finish(&scene), ACTPASS_CLEAN, "%s", scene.error);
        close(fd);
    }
}

Test(forward, the_backend_may_speak_first, .timeout = 60)
{
    for (size_t i = 0; i < TRANSPORTS; i++) {
        struct scene scene;
        begin(&scene, transports[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        backend_writes(fd, "220 welcome");
        peer_reads(&scene, "220 welcome");
        peer_writes(&scene, "QUIT");
        backend_reads(fd, "QUIT");
        close(fd);
        cr_assert_eq(actpass_close(scene.peer), ACTPASS_CLEAN);
        cr_assert_eq(finish(&scene), ACTPASS_CLEAN, "%s", scene.error);
    }
}

/* ---- Ends in order ------------------------------------------------------------------------- */

Test(forward, the_peers_half_close_reaches_the_backend, .timeout = 60)
{
    for (size_t i = 0; i < TRANSPORTS; i++) {
        struct scene scene;
        begin(&scene, transports[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        peer_writes(&scene, "question");
        cr_assert_eq(actpass_shutdown_write(scene.peer), 0);
        backend_reads(fd, "question");
        backend_sees_end(fd);
        backend_writes(fd, "answer");
        peer_reads(&scene, "answer");
        close(fd);
        cr_assert_eq(actpass_close(scene.peer), ACTPASS_CLEAN);
        cr_assert_eq(finish(&scene), ACTPASS_CLEAN, "%s", scene.error);
    }
}

Test(forward, the_backends_half_close_reaches_the_peer, .timeout = 60)
{
    for (size_t i = 0; i < TRANSPORTS; i++) {
        struct scene scene;
        char byte;
        begin(&scene, transports[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        backend_writes(fd, "all I have");
        cr_assert_eq(shutdown(fd, SHUT_WR), 0);
        peer_reads(&scene, "all I have");
        cr_assert_eq(actpass_read(scene.peer, &byte, 1), 0);
        peer_writes(&scene, "thank you");
        backend_reads(fd, "thank you");
        cr_assert_eq(actpass_close(scene.peer), ACTPASS_CLEAN);
        backend_sees_end(fd);
        cr_assert_eq(finish(&scene), ACTPASS_CLEAN, "%s", scene.error);
        close(fd);
    }
}

/* ---- Cuts ---------------------------------------------------------------------------------- */

Test(forward, a_truncated_peer_is_a_cut_for_the_backend, .timeout = 60)
{
    for (size_t i = 0; i < TRANSPORTS; i++) {
        struct scene scene;
        begin(&scene, transports[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        peer_writes(&scene, "half a mess");
        backend_reads(fd, "half a mess");
        cr_assert_eq(shutdown(scene.peer_fd, SHUT_WR), 0, "FIN without close_notify");
        backend_sees_cut(fd);
        actpass_abort(scene.peer);
        cr_assert_eq(finish(&scene), ACTPASS_TRUNCATED, "%s", scene.error);
        close(fd);
    }
}

Test(forward, a_reset_peer_is_a_cut_for_the_backend, .timeout = 60)
{
    for (size_t i = 0; i < TRANSPORTS; i++) {
        struct scene scene;
        begin(&scene, transports[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        close(scene.peer_fd);
        actpass_abort(scene.peer);
        cr_assert_eq(actpass_close(scene.peer), ACTPASS_CANCELLED);
        backend_sees_cut(fd);
        scene.peer_fd = dup(fd);
        cr_assert_eq(finish(&scene), ACTPASS_RESET, "%s", scene.error);
        close(fd);
    }
}

Test(forward, a_reset_backend_is_a_cut_for_the_peer, .timeout = 60)
{
    for (size_t i = 0; i < TRANSPORTS; i++) {
        struct scene scene;
        char byte;
        begin(&scene, transports[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        backend_writes(fd, "half a mess");
        peer_reads(&scene, "half a mess");
        reset(fd);
        cr_assert_eq(actpass_read(scene.peer, &byte, 1), -1);
        cr_assert_eq(actpass_ended(scene.peer), ACTPASS_RESET, "%s", actpass_error(scene.peer));
        cr_assert_eq(finish(&scene), ACTPASS_CANCELLED, "%s", scene.error);
        cr_assert_not_null(strstr(scene.error, scene.address), "%s", scene.error);
    }
}

/* The backend closes over input that it has not read, so its FIN is followed by a reset. */
Test(forward, bytes_that_the_backend_refuses_are_not_lost_in_silence, .timeout = 60)
{
    for (size_t i = 0; i < TRANSPORTS; i++) {
        struct scene scene;
        char block[4096] = "";
        int64_t deadline_us = clock_deadline_ms(20000);
        begin(&scene, transports[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        cr_assert_eq(shutdown(fd, SHUT_RDWR), 0);
        close(fd);
        while (actpass_write(scene.peer, block, sizeof(block)) == 0)
            cr_assert_lt(clock_now_us(), deadline_us, "the peer is never told");
        cr_assert_eq(finish(&scene), ACTPASS_CANCELLED, "%s", scene.error);
    }
}

Test(forward, an_abort_ends_it_at_once, .timeout = 60)
{
    for (size_t i = 0; i < TRANSPORTS; i++) {
        struct scene scene;
        begin(&scene, transports[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        actpass_abort(scene.job.conn);
        backend_sees_cut(fd);
        cr_assert_eq(finish(&scene), ACTPASS_CANCELLED, "%s", scene.error);
        close(fd);
    }
}

Test(forward, an_idle_connection_is_cut_in_time, .timeout = 60)
{
    for (size_t i = 0; i < TRANSPORTS; i++) {
        struct scene scene;
        begin(&scene, transports[i], NULL, 100);
        int fd = accept_backend(&scene);
        backend_sees_cut(fd);
        cr_assert_eq(finish(&scene), ACTPASS_TIMEOUT, "%s", scene.error);
        close(fd);
    }
}

/* ---- No backend ---------------------------------------------------------------------------- */

Test(forward, without_a_backend_tls_is_closed_in_order, .timeout = 60)
{
    char refusing[64];
    close(listen_on_loopback(refusing, sizeof(refusing)));
    const struct {
        const char *address, *reason;
    } rows[] = {{refusing, "Connection refused"},
                {"unix:/no-such-folder/socket", "No such file or directory"},
                {"no-such-host.invalid:1", ""}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        char byte;
        begin(&scene, transports[i % TRANSPORTS], rows[i].address, CONFIG_NEVER);
        cr_assert_eq(actpass_read(scene.peer, &byte, 1), 0, "%s", rows[i].address);
        cr_assert_eq(actpass_close(scene.peer), ACTPASS_CLEAN, "%s", rows[i].address);
        cr_assert_eq(finish(&scene), ACTPASS_CLEAN, "%s: %s", rows[i].address, scene.error);
        cr_assert_not_null(strstr(scene.job.problem.text, rows[i].address), "%s",
                           scene.job.problem.text);
        cr_assert_not_null(strstr(scene.job.problem.text, rows[i].reason), "%s",
                           scene.job.problem.text);
    }
}

/* ---- Backpressure -------------------------------------------------------------------------- */

Test(forward, a_backend_that_does_not_read_holds_the_peer_back, .timeout = 60)
{
    for (size_t i = 0; i < TRANSPORTS; i++) {
        struct scene scene;
        enum { BLOCK = 65536, MOST = 64 << 20 };
        char *block = calloc(1, BLOCK);
        size_t written = 0;
        begin(&scene, transports[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        while (written < MOST && actpass_write(scene.peer, block, BLOCK) == 0)
            written += BLOCK;
        cr_assert_lt(written, MOST, "somebody takes it all");
        cr_assert_eq(actpass_ended(scene.peer), ACTPASS_TIMEOUT, "%s", actpass_error(scene.peer));
        actpass_abort(scene.job.conn);
        cr_assert_eq(finish(&scene), ACTPASS_CANCELLED, "%s", scene.error);
        close(fd);
        free(block);
    }
}

static size_t send_until_full(int fd)
{
    uint8_t block[8192];
    size_t total = 0;
    int stuck = 0;
    struct timespec pause = {.tv_nsec = 5000000};
    while (stuck < 20) { /* full, and nothing has moved for 100 ms */
        for (size_t i = 0; i < sizeof(block); i++)
            block[i] = byte_at(total + i);
        ssize_t sent = send(fd, block, sizeof(block), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            total += (size_t)sent;
            stuck = 0;
            continue;
        }
        cr_assert_eq(errno, EAGAIN);
        nanosleep(&pause, NULL);
        stuck++;
    }
    return total;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    cr_assert_eq(getrusage(RUSAGE_SELF, &usage), 0);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

Test(forward, a_peer_that_does_not_read_holds_the_backend_back, .timeout = 60)
{
    for (size_t i = 0; i < TRANSPORTS; i++) {
        struct scene scene;
        begin(&scene, transports[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        size_t sent = send_until_full(fd);
        cr_assert_eq(shutdown(fd, SHUT_WR), 0);
        /* Everything is full, and the backend has something to tell: nobody may spin. */
        struct timespec pause = {.tv_nsec = 300000000};
        double before = cpu_seconds();
        nanosleep(&pause, NULL);
        cr_assert_lt(cpu_seconds() - before, 0.15);
        cr_assert_eq(read_bulk(scene.peer), sent, "nothing is lost");
        cr_assert_eq(actpass_close(scene.peer), ACTPASS_CLEAN);
        cr_assert_eq(finish(&scene), ACTPASS_CLEAN, "%s", scene.error);
        close(fd);
    }
}

Test(forward, a_reset_behind_a_full_peer_does_not_spin, .timeout = 60)
{
    for (size_t i = 0; i < TRANSPORTS; i++) {
        struct scene scene;
        begin(&scene, transports[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        (void)send_until_full(fd);
        reset(fd);
        struct timespec pause = {.tv_nsec = 300000000};
        double before = cpu_seconds();
        nanosleep(&pause, NULL);
        cr_assert_lt(cpu_seconds() - before, 0.15);
        actpass_abort(scene.job.conn);
        cr_assert_eq(finish(&scene), ACTPASS_CANCELLED, "%s", scene.error);
    }
}
