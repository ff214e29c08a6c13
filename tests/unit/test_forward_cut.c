/* forward: after a side that ends without a proper close the other must not see one either. */
#include "relay/clock.h"
#include "server/daemon/handlers/handler.h"
#include "tests/unit/test_forward.h"

Test(forward_cut, a_truncated_peer_is_a_cut_for_the_backend, .timeout = 60)
{
    for (size_t i = 0; i < WAYS; i++) {
        struct scene scene;
        begin(&scene, &ways[i], NULL, CONFIG_NEVER);
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

Test(forward_cut, a_reset_peer_is_a_cut_for_the_backend, .timeout = 60)
{
    for (size_t i = 0; i < WAYS; i++) {
        struct scene scene;
        begin(&scene, &ways[i], NULL, CONFIG_NEVER);
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

Test(forward_cut, a_reset_backend_is_a_cut_for_the_peer, .timeout = 60)
{
    for (size_t i = 0; i < WAYS; i++) {
        struct scene scene;
        char byte;
        begin(&scene, &ways[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        backend_writes(fd, "half a mess");
        peer_reads(&scene, "half a mess");
        socket_reset(fd);
        cr_assert_eq(actpass_read(scene.peer, &byte, 1), -1);
        cr_assert_eq(actpass_ended(scene.peer), ACTPASS_RESET, "%s", actpass_error(scene.peer));
        cr_assert_eq(finish(&scene), ACTPASS_CANCELLED, "%s", scene.error);
        cr_assert_not_null(strstr(scene.error, scene.address), "%s", scene.error);
    }
}

/* The backend closes over input that it has not read, so its FIN is followed by a reset. */
Test(forward_cut, bytes_that_the_backend_refuses_are_not_lost_in_silence, .timeout = 60)
{
    for (size_t i = 0; i < WAYS; i++) {
        struct scene scene;
        char block[4096] = "";
        int64_t deadline_us = clock_deadline_ms(20000);
        begin(&scene, &ways[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        cr_assert_eq(shutdown(fd, SHUT_RDWR), 0);
        close(fd);
        while (actpass_write(scene.peer, block, sizeof(block)) == 0)
            cr_assert_lt(clock_now_us(), deadline_us, "the peer never notices");
        cr_assert_eq(finish(&scene), ACTPASS_CANCELLED, "%s", scene.error);
    }
}

Test(forward_cut, an_abort_ends_it_at_once, .timeout = 60)
{
    for (size_t i = 0; i < WAYS; i++) {
        struct scene scene;
        begin(&scene, &ways[i], NULL, CONFIG_NEVER);
        int fd = accept_backend(&scene);
        actpass_abort(scene.job.conn);
        backend_sees_cut(fd);
        cr_assert_eq(finish(&scene), ACTPASS_CANCELLED, "%s", scene.error);
        close(fd);
    }
}

Test(forward_cut, an_idle_connection_is_cut_in_time, .timeout = 60)
{
    for (size_t i = 0; i < WAYS; i++) {
        struct scene scene;
        begin(&scene, &ways[i], NULL, 100);
        int fd = accept_backend(&scene);
        backend_sees_cut(fd);
        cr_assert_eq(finish(&scene), ACTPASS_TIMEOUT, "%s", scene.error);
        close(fd);
    }
}
