/* A server is stopped: how long its connections may go on. */
#include "tests/unit/test_server.h"

#include "relay/clock.h"

#include <sys/stat.h>
#include <unistd.h>

Test(server_run, stop_before_run_is_remembered, .timeout = 60)
{
    struct scene scene;
    prepare(&scene, "", "");
    server_stop(scene.server);
    cr_assert_eq(server_run(scene.server), 0);
    tidy(&scene);
}

Test(server_run, never_run_it_leaves_nothing_behind)
{
    struct scene scene;
    struct stat file;
    prepare(&scene, "", "");
    server_free(scene.server);
    scene.server = NULL;
    cr_assert_eq(stat(scene.socket, &file), -1);
    tidy(&scene);
}

Test(server_run, open_conversations_may_end, .timeout = 60)
{
    struct scene scene;
    struct stat file;
    prepare(&scene, "", "");
    start(&scene);
    actpass_conn *peer = open_peer(&scene, scene.client);
    server_stop(scene.server);
    int64_t deadline_us = clock_deadline_ms(20000);
    while (stat(scene.socket, &file) == 0) /* the listener goes first */
        cr_assert_lt(clock_now_us(), deadline_us);
    expect_echo(peer);
    close_peer(peer);
    cr_assert_eq(wait_stopped(&scene), 0);
    tidy(&scene);
}

Test(server_run, after_the_shutdown_timeout_they_are_cut, .timeout = 60)
{
    static const char *const rows[] = {"\"transport\": \"relay\",", "\"transport\": \"direct\","};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        char byte;
        prepare(&scene, "\"shutdown_timeout\": \"100ms\",", rows[i]);
        start(&scene);
        actpass_conn *peer = open_peer(&scene, scene.client);
        expect_echo(peer);
        cr_assert_eq(stop(&scene), 1);
        cr_assert_eq(actpass_read(peer, &byte, 1), -1);
        cr_assert_neq(actpass_close(peer), ACTPASS_CLEAN);
        actpass_free(peer);
        tidy(&scene);
    }
}

Test(server_run, the_second_stop_cuts, .timeout = 60)
{
    struct scene scene;
    /* longer than the test may take */
    prepare(&scene, "\"shutdown_timeout\": \"10m\",", "");
    start(&scene);
    actpass_conn *peer = open_peer(&scene, scene.client);
    server_stop(scene.server);
    cr_assert_eq(stop(&scene), 1);
    actpass_free(peer);
    tidy(&scene);
}

Test(server_run, silent_peers_get_their_time_but_not_for_ever, .timeout = 60)
{
    static const struct {
        const char *service;
        int status;
    } rows[] = {{"\"initial_data_timeout\": \"never\",", 0},
                {"\"initial_data_timeout\": \"20s\",", 1}};
    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        prepare(&scene, "\"shutdown_timeout\": \"500ms\",", rows[i].service);
        start(&scene);
        int silent = open_silent(&scene);
        cr_assert(becomes(&scene, count_open, 1));
        int64_t began_us = clock_now_us();
        cr_assert_eq(stop(&scene), rows[i].status, "%s", rows[i].service);
        if (rows[i].status != 0)
            cr_assert_geq(clock_now_us() - began_us, 500000);
        close(silent);
        tidy(&scene);
    }
}
