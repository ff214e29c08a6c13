/* forward: bytes in both directions, ends in order, and a backend that is not there. Cuts and
 * backpressure are in test_forward_cut.c and test_forward_backpressure.c. */
#include "tests/unit/test_forward.h"
#include "server/daemon/handlers/handler.h"

#include <stdlib.h>

/* ---- Bytes --------------------------------------------------------------------------------- */

static void *echo(void *arg)
{
    static const size_t max = 50000;
    int fd = *(int *)arg;
    char *buffer = malloc(max);
    ssize_t got;
    while ((got = recv(fd, buffer, max, 0)) > 0)
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

Test(forward, bytes_go_both_ways_at_once, .timeout = 60)
{
    for (size_t i = 0; i < WAYS; i++) {
        struct scene scene;
        pthread_t writer;
        pthread_t echoer;
        void *failed = NULL;
        begin(&scene, &ways[i], NULL, CONFIG_NEVER);
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
    for (size_t i = 0; i < WAYS; i++) {
        struct scene scene;
        pthread_t threads[3];
        begin(&scene, &ways[i], NULL, CONFIG_NEVER);
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
    for (size_t i = 0; i < WAYS; i++) {
        struct scene scene;
        begin(&scene, &ways[i], NULL, CONFIG_NEVER);
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
    for (size_t i = 0; i < WAYS; i++) {
        struct scene scene;
        begin(&scene, &ways[i], NULL, CONFIG_NEVER);
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
    for (size_t i = 0; i < WAYS; i++) {
        struct scene scene;
        char byte;
        begin(&scene, &ways[i], NULL, CONFIG_NEVER);
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
        begin(&scene, &ways[i % WAYS], rows[i].address, CONFIG_NEVER);
        cr_assert_eq(actpass_read(scene.peer, &byte, 1), 0, "%s", rows[i].address);
        cr_assert_eq(actpass_close(scene.peer), ACTPASS_CLEAN, "%s", rows[i].address);
        cr_assert_eq(finish(&scene), ACTPASS_CLEAN, "%s: %s", rows[i].address, scene.error);
        cr_assert_not_null(strstr(scene.job.problem.text, rows[i].address), "%s",
                           scene.job.problem.text);
        cr_assert_not_null(strstr(scene.job.problem.text, rows[i].reason), "%s",
                           scene.job.problem.text);
    }
}
