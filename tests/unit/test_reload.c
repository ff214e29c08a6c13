/* Reloads of a server that runs in this process. What peers see of them: e2e/test_reload.py. */
#include "relay/clock.h"
#include "server/daemon/current.h"
#include "server/daemon/server.h"
#include "server/daemon/state.h"
#include "tests/support/certs.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct scene {
    struct test_pair *pair;
    struct server *server;
    pthread_t thread;
    int status;
    int reloads; /* that have succeeded, in a_stop_in_between */
    actpass_config *client;
};

/* ---- The scene ----------------------------------------------------------------------------- */

static const char *socket_of(const struct scene *scene, const char *name)
{
    char file[32];
    (void)snprintf(file, sizeof(file), "%s.sock", name);
    return test_folder_path(scene->pair->folder, file);
}

static void write_service(const struct scene *scene, FILE *out, const char *name)
{
    const struct test_end *end = &scene->pair->ends[0];
    (void)fprintf(out,
                  "{\"name\": \"%s\", \"listen\": \"unix:%s\", \"echo\": {}, \"role\": \"server\", "
                  "\"tls\": {\"certificate\": \"%s\", \"key\": \"%s\", \"client_auth\": \"none\"}}",
                  name, socket_of(scene, name), end->certificate, end->key);
}

/* Names of services, up to NULL; TOP: members to add. Returns the file's path. */
static const char *configure(const struct scene *scene, const char *top, const char *const *names)
{
    char text[4096];
    FILE *out = fmemopen(text, sizeof(text), "w");
    cr_assert_not_null(out);
    (void)fprintf(out, "{\"log\": {\"level\": \"error\"}, %s \"services\": [", top);
    for (size_t i = 0; names[i]; i++) {
        (void)fputs(i > 0 ? ", " : "", out);
        write_service(scene, out, names[i]);
    }
    (void)fputs("]}", out);
    cr_assert_eq(fclose(out), 0);
    return test_write_text(scene->pair->folder, "actpass.json", text);
}

#define CONFIGURE(scene, top, ...) configure(scene, top, (const char *const[]){__VA_ARGS__, NULL})

static void *run_server(void *arg)
{
    struct scene *scene = arg;
    scene->status = server_run(scene->server);
    return NULL;
}

static void begin(struct scene *scene)
{
    char *errors = NULL;
    *scene = (struct scene){.pair = test_pair_new(), .client = actpass_config_new()};
    cr_assert_eq(actpass_config_set_role(scene->client, ACTPASS_ROLE_CLIENT), 0);
    cr_assert_eq(actpass_config_set_ca(scene->client, scene->pair->ca), 0);
    cr_assert_eq(actpass_config_add_peer_name(scene->client, scene->pair->ends[0].name), 0);
    scene->server = server_new(CONFIGURE(scene, "", "one", "two"), &errors);
    cr_assert_not_null(scene->server, "%s", errors);
    cr_assert_eq(pthread_create(&scene->thread, NULL, run_server, scene), 0);
}

static void end(struct scene *scene)
{
    server_stop(scene->server);
    cr_assert_eq(pthread_join(scene->thread, NULL), 0);
    server_free(scene->server);
    actpass_config_free(scene->client);
    test_pair_free(scene->pair);
}

static actpass_conn *open_peer(const struct scene *scene, const char *service)
{
    char address[160];
    (void)snprintf(address, sizeof(address), "unix:%s", socket_of(scene, service));
    actpass_conn *peer = actpass_connect(scene->client, address);
    cr_assert_not_null(peer, "%s", actpass_config_error(scene->client));
    cr_assert_eq(actpass_handshake(peer), 0, "%s", actpass_error(peer));
    return peer;
}

static void expect_echo(actpass_conn *peer)
{
    char byte = 0;
    cr_assert_eq(actpass_write(peer, "x", 1), 0, "%s", actpass_error(peer));
    cr_assert_eq(actpass_read(peer, &byte, 1), 1, "%s", actpass_error(peer));
    cr_assert_eq(byte, 'x');
}

static void close_peer(actpass_conn *peer)
{
    cr_assert_eq(actpass_close(peer), ACTPASS_CLEAN, "%s", actpass_error(peer));
    actpass_free(peer);
}

static bool listens(const struct scene *scene, const char *service)
{
    struct stat file;
    return stat(socket_of(scene, service), &file) == 0;
}

/* ---- Reloads ------------------------------------------------------------------------------- */

Test(reload, another_generation_with_the_same_listeners_and_counts, .timeout = 60)
{
    struct scene scene;
    begin(&scene);
    actpass_conn *peer = open_peer(&scene, "one");
    struct generation *before = server_generation(scene.server);
    cr_assert_eq(server_reload(scene.server), 0);
    struct generation *after = server_generation(scene.server);
    cr_assert_neq(before, after);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_neq(before->services[i], after->services[i]);
        cr_assert_eq(before->services[i]->listeners.items[0].listener,
                     after->services[i]->listeners.items[0].listener);
        cr_assert_eq(before->services[i]->connections, after->services[i]->connections);
    }
    generation_release(before);
    generation_release(after);
    expect_echo(peer);
    close_peer(peer);
    close_peer(open_peer(&scene, "two"));
    end(&scene);
}

Test(reload, a_wrong_configuration_changes_nothing, .timeout = 60)
{
    struct scene scene;
    begin(&scene);
    struct generation *before = server_generation(scene.server);
    (void)CONFIGURE(&scene, "\"shutdown_timeout\": \"soon\",", "one", "new");
    cr_assert_eq(server_reload(scene.server), -1);
    (void)test_write_text(scene.pair->folder, "actpass.json", "{");
    cr_assert_eq(server_reload(scene.server), -1);
    cr_assert_eq(scene.server->generation, before);
    generation_release(before);
    cr_assert(listens(&scene, "two"));
    cr_assert_not(listens(&scene, "new"));
    close_peer(open_peer(&scene, "one"));
    end(&scene);
}

/* Such as by a program that cleans up. */
Test(reload, a_socket_whose_file_is_gone_is_made_again, .timeout = 60)
{
    struct scene scene;
    begin(&scene);
    actpass_conn *peer = open_peer(&scene, "one");
    cr_assert_eq(unlink(socket_of(&scene, "one")), 0);
    cr_assert_eq(server_reload(scene.server), 0);
    cr_assert(listens(&scene, "one"));
    close_peer(open_peer(&scene, "one"));
    expect_echo(peer);
    close_peer(peer);
    end(&scene);
}

/* Or a faulty generator of configurations would fill the memory, and /metrics. */
Test(reload, names_of_a_configuration_that_fails_are_not_counted, .timeout = 60)
{
    struct scene scene;
    begin(&scene);
    scene.server->stats = stats_new();
    (void)CONFIGURE(&scene, "", "one", "two");
    cr_assert_eq(server_reload(scene.server), 0);
    const struct service_stats *newest = stats_first(scene.server->stats);
    const char *in_use = test_write_text(scene.pair->folder, "new.sock", "no socket");
    (void)CONFIGURE(&scene, "", "one", "new");
    cr_assert_eq(server_reload(scene.server), -1);
    cr_assert_eq(unlink(in_use), 0);
    cr_assert_str_eq(newest->name, "two");
    cr_assert_eq(stats_first(scene.server->stats), newest);
    end(&scene);
}

Test(reload, services_come_and_go, .timeout = 60)
{
    struct scene scene;
    begin(&scene);
    actpass_conn *peer = open_peer(&scene, "two");
    expect_echo(peer);
    (void)CONFIGURE(&scene, "\"shutdown_timeout\": \"0s\",", "new", "one");
    cr_assert_eq(server_reload(scene.server), 0);
    char byte;
    cr_assert_leq(actpass_read(peer, &byte, 1), 0, "its service is gone");
    actpass_free(peer);
    cr_assert_not(listens(&scene, "two"));
    close_peer(open_peer(&scene, "one"));
    close_peer(open_peer(&scene, "new"));
    end(&scene);
    cr_assert_eq(scene.status, 0);
}

/* A service of the same name that comes back while connections of the one that is gone are left. */
Test(reload, a_service_that_comes_back_begins_anew, .timeout = 60)
{
    struct scene scene;
    begin(&scene);
    actpass_conn *peer = open_peer(&scene, "two");
    (void)CONFIGURE(&scene, "", "one");
    cr_assert_eq(server_reload(scene.server), 0);
    (void)CONFIGURE(&scene, "", "one", "two");
    cr_assert_eq(server_reload(scene.server), 0);
    struct registry_service *connections = scene.server->generation->services[1]->connections;
    cr_assert_eq(registry_count_service(scene.server->registry, connections).all, 0);
    close_peer(open_peer(&scene, "two"));
    expect_echo(peer);
    close_peer(peer);
    end(&scene);
}

Test(reload, nothing_grows, .timeout = 120)
{
    struct scene scene;
    struct resources before = {0};
    begin(&scene);
    for (int i = 0; i < 30; i++) {
        actpass_conn *peer = open_peer(&scene, "one");
        (void)CONFIGURE(&scene, i % 3 == 1 ? "1" : "", "one", i % 2 ? "two" : "new");
        cr_assert_eq(server_reload(scene.server), i % 3 == 1 ? -1 : 0);
        expect_echo(peer);
        close_peer(peer);
        if (i == 5)
            before = resources_now();
    }
    cr_assert(resources_return_to(before));
    end(&scene);
}

static void *reload_often(void *arg)
{
    struct scene *scene = arg;
    while (server_reload(scene->server) == 0)
        scene->reloads++;
    return NULL;
}

/* Who waits for the accept thread is sent away. */
Test(reload, a_stop_in_between, .timeout = 60)
{
    struct scene scene;
    pthread_t reloader;
    begin(&scene);
    struct generation *first = server_generation(scene.server);
    cr_assert_eq(pthread_create(&reloader, NULL, reload_often, &scene), 0);
    struct timespec pause = {.tv_nsec = 20000000};
    for (bool same = true; same;) {
        struct generation *now = server_generation(scene.server);
        same = now == first;
        generation_release(now);
        nanosleep(&pause, NULL);
    }
    generation_release(first);
    server_stop(scene.server);
    cr_assert_eq(pthread_join(scene.thread, NULL), 0);
    cr_assert_eq(pthread_join(reloader, NULL), 0);
    cr_assert_gt(scene.reloads, 0);
    cr_assert_eq(server_reload(scene.server), -1);
    server_free(scene.server);
    actpass_config_free(scene.client);
    test_pair_free(scene.pair);
}
