/* forward: a side that does not read holds the other back, without loss and without spinning. */
#include "server/daemon/handlers/handler.h"
#include "tests/unit/test_forward.h"

#include <stdlib.h>
#include <time.h>

Test(forward_backpressure, a_backend_that_does_not_read_holds_the_peer_back, .timeout = 60)
{
    for (size_t i = 0; i < WAYS; i++) {
        struct scene scene;
        enum { BLOCK = 65536, MAX = 64 << 20 };
        char *block = calloc(1, BLOCK);
        size_t written = 0;
        begin(&scene, &ways[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        while (written < MAX && actpass_write(scene.peer, block, BLOCK) == 0)
            written += BLOCK;
        cr_assert_lt(written, MAX, "some buffer takes it all");
        cr_assert_eq(actpass_ended(scene.peer), ACTPASS_TIMEOUT, "%s", actpass_error(scene.peer));
        /* Once all is full, nothing is wanted from the TLS socket, and an abort wakes only a loop
         * that watches it all the same (actpass_events.h): that with edges. */
        if (ways[i].wait == STEPS_EDGE)
            actpass_abort(scene.job.conn);
        else
            socket_reset(fd);
        cr_assert_eq(finish(&scene), ACTPASS_CANCELLED, "%s", scene.error);
        if (ways[i].wait == STEPS_EDGE)
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

Test(forward_backpressure, a_peer_that_does_not_read_holds_the_backend_back, .timeout = 60)
{
    for (size_t i = 0; i < WAYS; i++) {
        struct scene scene;
        begin(&scene, &ways[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        size_t sent = send_until_full(fd);
        cr_assert_eq(shutdown(fd, SHUT_WR), 0);
        /* Everything is full, and the backend has something to say: no thread may spin. */
        struct timespec pause = {.tv_nsec = 300000000};
        int64_t before_us = cpu_time_us();
        nanosleep(&pause, NULL);
        cr_assert_lt(cpu_time_us() - before_us, 150000);
        cr_assert_eq(read_bulk(scene.peer), sent, "nothing is lost");
        cr_assert_eq(actpass_close(scene.peer), ACTPASS_CLEAN);
        cr_assert_eq(finish(&scene), ACTPASS_CLEAN, "%s", scene.error);
        close(fd);
    }
}

Test(forward_backpressure, a_reset_behind_a_full_peer_does_not_spin, .timeout = 60)
{
    for (size_t i = 0; i < WAYS; i++) {
        struct scene scene;
        begin(&scene, &ways[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        (void)send_until_full(fd);
        socket_reset(fd);
        struct timespec pause = {.tv_nsec = 300000000};
        int64_t before_us = cpu_time_us();
        nanosleep(&pause, NULL);
        cr_assert_lt(cpu_time_us() - before_us, 150000);
        actpass_abort(scene.job.conn);
        cr_assert_eq(finish(&scene), ACTPASS_CANCELLED, "%s", scene.error);
    }
}
