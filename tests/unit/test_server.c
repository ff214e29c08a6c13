/* A server: what it is made of, whom it serves, and what it does when something is short. */
#include "tests/unit/test_server.h"

#include "server/daemon/lines.h"
#include "server/lib/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- Start --------------------------------------------------------------------------------- */

Test(server, free_takes_null)
{
    server_free(NULL);
}

Test(server, all_errors_of_a_configuration_are_told)
{
    struct test_folder *folder = test_folder_new();
    char *errors = NULL;
    const char *file = test_write_text(folder, "bad.json", "{\"lgo\": 1,\n \"services\": 2}");
    cr_assert_null(server_new(file, &errors));
    cr_assert_not_null(errors);
    cr_assert_not_null(strstr(errors, "bad.json:1:"), "%s", errors);
    cr_assert_not_null(strstr(errors, "bad.json:2:"), "%s", errors);
    cr_assert_eq(errors[strlen(errors) - 1], '\n');
    free(errors);
    test_folder_free(folder);
}

Test(server, a_missing_file_is_told)
{
    char *errors = NULL;
    cr_assert_null(server_new("/no-such-folder/actpass.json", &errors));
    cr_assert_not_null(strstr(errors, "/no-such-folder/actpass.json"), "%s", errors);
    free(errors);
}

/* The second listener cannot be: then the first is not there either. */
Test(server, it_listens_everywhere_or_nowhere)
{
    struct test_pair *pair = test_pair_new();
    const struct test_end *end = &pair->ends[0];
    char text[4096];
    struct stat file;
    char *errors = NULL;
    (void)snprintf(
        text, sizeof(text),
        "{\"log\": {\"level\": \"error\"}, \"services\": ["
        "{\"name\": \"one\", \"role\": \"server\", \"listen\": \"unix:one.sock\", \"echo\": {},"
        " \"tls\": {\"certificate\": \"%s\", \"key\": \"%s\"}},"
        "{\"name\": \"two\", \"role\": \"server\", \"listen\": \"unix:none/two.sock\","
        " \"echo\": {}, \"tls\": {\"certificate\": \"%s\", \"key\": \"%s\"}}]}",
        end->certificate, end->key, end->certificate, end->key);
    const char *path = test_write_text(pair->folder, "actpass.json", text);
    cr_assert_null(server_new(path, &errors));
    cr_assert_not_null(strstr(errors, "service \"two\": cannot listen on unix:none/two.sock: "),
                       "%s", errors);
    cr_assert_null(strstr(errors, "\"one\""), "%s", errors);
    cr_assert_eq(stat(test_folder_path(pair->folder, "one.sock"), &file), -1);
    free(errors);
    test_pair_free(pair);
}

Test(server, a_report_takes_lines_of_any_length)
{
    struct config_report report = {0};
    for (int i = 0; i < 50; i++)
        lines_add(&report.errors, "%02000d", i);
    cr_assert_eq(report.errors.count, 50);
    cr_assert_lt(strlen(report.errors.items[49]), 2000, "cut, but there");
    config_report_free(&report);
}

/* ---- Service ------------------------------------------------------------------------------- */

Test(server, serves_clients_and_devices, .timeout = 60)
{
    static const char *const rows[] = {
        "\"initial_data_timeout\": \"300ms\",",
        "\"initial_data_timeout\": \"300ms\", \"transport\": \"direct\","};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        prepare(&scene, "", rows[i]);
        start(&scene);
        actpass_conn *client = open_peer(&scene, scene.client);
        actpass_conn *device = open_peer(&scene, scene.device);
        expect_echo(client);
        expect_echo(device);
        cr_assert_eq(count_open(&scene), 2);
        close_peer(client);
        close_peer(device);
        cr_assert_eq(stop(&scene), 0);
        cr_assert_eq(count_open(&scene), 0);
        tidy(&scene);
    }
}

Test(server, who_says_nothing_or_nonsense_is_counted_apart, .timeout = 60)
{
    struct scene scene;
    prepare(&scene, "", "");
    start(&scene);
    close(open_silent(&scene));
    int fd = open_silent(&scene);
    char byte;
    cr_assert_eq(write(fd, "no TLS, and no HTTP\n", 20), 20);
    cr_assert_leq(read(fd, &byte, 1), 0);
    close(fd);
    cr_assert(becomes(&scene, count_accepted, 2));
    cr_assert(becomes(&scene, count_open, 0));
    cr_assert_eq(stop(&scene), 0);
    cr_assert_eq(atomic_load(&scene.server->counters.closed_before_first_byte), 1);
    cr_assert_eq(atomic_load(&scene.server->counters.no_role), 1);
    cr_assert_eq(count_dropped(&scene), 0);
    tidy(&scene);
}

Test(server, at_max_connections_others_wait, .timeout = 60)
{
    struct scene scene;
    prepare(&scene, "", "\"max_connections\": 2,");
    start(&scene);
    actpass_conn *peers[2] = {open_peer(&scene, scene.client), open_peer(&scene, scene.client)};
    int waiting[3];
    for (size_t i = 0; i < 3; i++)
        waiting[i] = open_silent(&scene);
    expect_echo(peers[1]);
    cr_assert_eq(count_accepted(&scene), 2);
    close_peer(peers[0]);
    cr_assert(becomes(&scene, count_accepted, 3));
    close_peer(peers[1]);
    for (size_t i = 0; i < 3; i++)
        close(waiting[i]);
    cr_assert(becomes(&scene, count_accepted, 5));
    close_peer(open_peer(&scene, scene.client));
    cr_assert_eq(stop(&scene), 0);
    tidy(&scene);
}

/* ---- Shortage ------------------------------------------------------------------------------ */

Test(server, no_descriptor_left_delays_and_does_not_kill, .timeout = 60)
{
    struct scene scene;
    struct rlimit before;
    prepare(&scene, "", "");
    int waiting = open_silent(&scene);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 4, .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    start(&scene);
    struct timespec pause = {.tv_nsec = 300000000};
    nanosleep(&pause, NULL); /* a few attempts in vain */
    cr_assert_eq(count_accepted(&scene), 0);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    cr_assert(becomes(&scene, count_accepted, 1));
    close(waiting);
    actpass_conn *peer = open_peer(&scene, scene.client);
    expect_echo(peer);
    close_peer(peer);
    cr_assert_eq(stop(&scene), 0);
    tidy(&scene);
}

/* A pool that cannot start a thread: its stacks are larger than the address space. */
static struct threads *barren_pool(void)
{
    struct threads *threads = threads_new(SIZE_MAX / 16 * 15, 1, 1000);
    cr_assert_not_null(threads);
    return threads;
}

Test(server, no_connection_needs_a_relay_thread, .timeout = 60)
{
    struct scene scene;
    prepare(&scene, "", "");
    struct threads *pool = scene.server->generation->services[0]->settings->threads;
    struct threads *barren = barren_pool();
    scene.server->generation->services[0]->settings->threads = barren;
    start(&scene);
    actpass_conn *peer = open_peer(&scene, scene.client);
    expect_echo(peer);
    close_peer(peer);
    cr_assert_eq(stop(&scene), 0);
    cr_assert_eq(count_dropped(&scene), 0);
    scene.server->generation->services[0]->settings->threads = pool;
    threads_free(barren);
    tidy(&scene);
}

Test(server, one_thread_serves_all, .timeout = 60)
{
    static const char *const rows[] = {"\"transport\": \"relay\",", "\"transport\": \"direct\","};
    enum { PEERS = 12 };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        actpass_conn *peers[PEERS];
        prepare(&scene, "", rows[i]);
        crew_free(scene.server->crew);
        scene.server->crew = crew_new(&(struct crew_options){.threads = 1, .threads_max = 1});
        cr_assert_not_null(scene.server->crew);
        start(&scene);
        for (size_t peer = 0; peer < PEERS; peer++)
            peers[peer] = open_peer(&scene, scene.client);
        for (size_t peer = 0; peer < PEERS; peer++)
            expect_echo(peers[peer]);
        cr_assert_leq(crew_count(scene.server->crew).threads, 1);
        for (size_t peer = 0; peer < PEERS; peer++)
            close_peer(peers[peer]);
        cr_assert_eq(stop(&scene), 0);
        tidy(&scene);
    }
}
