#include "relay/clock.h"
#include "server/daemon/lines.h"
#include "server/daemon/server.h"
#include "server/daemon/state.h"
#include "server/lib/settings.h"
#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

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

static actpass_config *peer_settings(const struct scene *scene, actpass_role role)
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
static const char *write_config(struct scene *scene, const char *top, const char *service)
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

static void *run_server(void *arg)
{
    struct scene *scene = arg;
    scene->status = server_run(scene->server);
    return NULL;
}

static void prepare(struct scene *scene, const char *top, const char *service)
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

static void start(struct scene *scene)
{
    cr_assert_eq(pthread_create(&scene->thread, NULL, run_server, scene), 0);
}

static int wait_stopped(struct scene *scene)
{
    cr_assert_eq(pthread_join(scene->thread, NULL), 0);
    return scene->status;
}

static void tidy(struct scene *scene)
{
    server_free(scene->server);
    actpass_config_free(scene->client);
    actpass_config_free(scene->device);
    test_pair_free(scene->pair);
}

static int stop(struct scene *scene)
{
    server_stop(scene->server);
    return wait_stopped(scene);
}

static actpass_conn *open_peer(const struct scene *scene, actpass_config *config)
{
    actpass_conn *peer = actpass_connect(config, scene->address);
    cr_assert_not_null(peer, "%s", actpass_config_error(config));
    cr_assert_eq(actpass_handshake(peer), 0, "%s", actpass_error(peer));
    return peer;
}

static void expect_echo(actpass_conn *peer)
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

static void close_peer(actpass_conn *peer)
{
    cr_assert_eq(actpass_close(peer), ACTPASS_CLEAN, "%s", actpass_error(peer));
    actpass_free(peer);
}

/* A connection that says nothing. */
static int open_silent(const struct scene *scene)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    cr_assert_lt(strlen(scene->socket), sizeof(where.sun_path));
    memcpy(where.sun_path, scene->socket, strlen(scene->socket));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&where, sizeof(where)), 0, "%s", strerror(errno));
    return fd;
}

static bool becomes(struct scene *scene, unsigned long long (*what)(struct scene *),
                    unsigned long long wanted)
{
    int64_t deadline_us = clock_deadline_ms(20000);
    struct timespec pause = {.tv_nsec = 2000000};
    while (what(scene) != wanted && clock_now_us() < deadline_us)
        nanosleep(&pause, NULL);
    return what(scene) == wanted;
}

static unsigned long long count_open(struct scene *scene)
{
    return registry_count(scene->server->registry);
}

static unsigned long long count_accepted(struct scene *scene)
{
    return atomic_load(&scene->server->counters.accepted);
}

static unsigned long long count_dropped(struct scene *scene)
{
    return atomic_load(&scene->server->counters.dropped);
}

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

/* ---- Stop ---------------------------------------------------------------------------------- */

Test(server, stop_before_run_is_remembered, .timeout = 60)
{
    struct scene scene;
    prepare(&scene, "", "");
    server_stop(scene.server);
    cr_assert_eq(server_run(scene.server), 0);
    tidy(&scene);
}

Test(server, never_run_it_leaves_nothing_behind)
{
    struct scene scene;
    struct stat file;
    prepare(&scene, "", "");
    server_free(scene.server);
    scene.server = NULL;
    cr_assert_eq(stat(scene.socket, &file), -1);
    tidy(&scene);
}

Test(server, open_conversations_may_end, .timeout = 60)
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

Test(server, after_the_shutdown_timeout_they_are_cut, .timeout = 60)
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

Test(server, the_second_stop_cuts, .timeout = 60)
{
    struct scene scene;
    prepare(&scene, "", "");
    start(&scene);
    actpass_conn *peer = open_peer(&scene, scene.client);
    server_stop(scene.server);
    cr_assert_eq(stop(&scene), 1);
    actpass_free(peer);
    tidy(&scene);
}

Test(server, silent_peers_get_their_time_but_not_for_ever, .timeout = 60)
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
