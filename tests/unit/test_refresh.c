/* Files of "tls" that change, by a server that does not run. With one that does:
 * e2e/test_refresh.py. */
#include "server/daemon/refresh.h"

#include "relay/clock.h"
#include "server/daemon/server.h"
#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct scene {
    struct test_identity *ca;
    struct test_folder *folder;
    struct server *server;
    struct config_report report;
};

static void write_pair(const struct scene *scene, const char *name)
{
    struct test_identity *leaf = test_leaf_new(scene->ca, name);
    (void)test_write_certificate(scene->folder, "c.pem", leaf);
    (void)test_write_key(scene->folder, "c.key", leaf, NULL);
    test_identity_free(leaf);
}

/* Loaded, and not watched yet. PREFIX and the path are the key's name. */
static void load_with(struct scene *scene, const char *prefix)
{
    char text[1024];
    *scene = (struct scene){.ca = test_ca_new("ca"), .folder = test_folder_new()};
    const char *path = test_folder_path(scene->folder, "one.sock");
    char *folder = strndup(path, (size_t)(strrchr(path, '/') - path));
    cr_assert_not_null(folder);
    write_pair(scene, "DNS:old.example");
    (void)snprintf(text, sizeof(text),
                   "{\"log\": {\"level\": \"error\"}, \"services\": [{\"name\": \"one\", "
                   "\"listen\": \"unix:%s\", \"echo\": {}, \"role\": \"server\", \"tls\": "
                   "{\"certificate\": \"c.pem\", \"key\": \"%s%s/c.key\", "
                   "\"client_auth\": \"none\"}}]}",
                   path, prefix, folder);
    scene->server =
        server_load(test_write_text(scene->folder, "actpass.json", text), &scene->report);
    cr_assert_not_null(scene->server, "%s", scene->report.errors.items[0]);
    free(folder);
}

static void load(struct scene *scene)
{
    load_with(scene, "");
}

static void watch(struct scene *scene)
{
    cr_assert(server_listen(scene->server, -1, &scene->report));
    cr_assert_eq(scene->report.warnings.count, 0);
}

static void end(struct scene *scene)
{
    server_free(scene->server);
    config_report_free(&scene->report);
    test_folder_free(scene->folder);
    test_identity_free(scene->ca);
}

static actpass_certificate_t shown(const struct scene *scene)
{
    actpass_certificate_t certificate;
    actpass_config *settings = service_settings(scene->server->generation->services[0]);
    cr_assert_eq(actpass_config_certificate(settings, 0, &certificate), 0);
    actpass_config_free(settings);
    return certificate;
}

/* Lets time pass for as long as there is something to look at. */
static void look(const struct scene *scene)
{
    for (;;) {
        struct timespec left;
        struct pollfd set = {.fd = refresh_fd(scene->server), .events = POLLIN};
        int64_t next_us = refresh_run(scene->server);
        if (next_us > clock_deadline_ms(5000))
            return;
        (void)ppoll(&set, 1, clock_left(next_us, &left), NULL);
    }
}

static bool is_changed(const struct scene *scene, const actpass_certificate_t *before)
{
    actpass_certificate_t now = shown(scene);
    return strcmp(now.serial, before->serial) != 0;
}

Test(refresh, what_changes_between_the_load_and_the_watch, .timeout = 60)
{
    struct scene scene;
    load(&scene);
    actpass_certificate_t before = shown(&scene);
    write_pair(&scene, "DNS:new.example");
    watch(&scene);
    look(&scene);
    cr_assert(is_changed(&scene, &before));
    end(&scene);
}

Test(refresh, a_busy_folder_is_not_polled_while_files_settle, .timeout = 60)
{
    struct scene scene;
    load(&scene);
    watch(&scene);
    look(&scene);
    cr_assert_geq(refresh_fd(scene.server), 0);
    (void)test_write_text(scene.folder, "other", "text");
    cr_assert_neq(refresh_run(scene.server), DEADLINE_NEVER);
    cr_assert_eq(refresh_fd(scene.server), -1);
    look(&scene);
    cr_assert_geq(refresh_fd(scene.server), 0);
    end(&scene);
}

/* Nothing happens in the folder when descriptors are there again. */
Test(refresh, what_was_short_is_tried_again, .timeout = 60)
{
    struct scene scene;
    struct rlimit limit, none;
    load(&scene);
    watch(&scene);
    look(&scene);
    actpass_certificate_t before = shown(&scene);
    write_pair(&scene, "DNS:new.example");
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = limit.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    look(&scene);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_not(is_changed(&scene, &before));
    cr_assert_neq(refresh_run(scene.server), DEADLINE_NEVER, "in a minute");
    scene.server->refresh_us = clock_now_us();
    look(&scene);
    cr_assert(is_changed(&scene, &before));
    cr_assert_eq(refresh_run(scene.server), DEADLINE_NEVER);
    end(&scene);
}

/* A key in a token may be protected by a PIN, and a token locks after a few wrong ones: what has
 * failed is tried again only if a file has changed. */
Test(refresh, a_stored_key_is_tried_once, .timeout = 60)
{
    for (int stored = 0; stored < 2; stored++) {
        struct scene scene;
        load_with(&scene, stored ? "store:" : "");
        watch(&scene);
        look(&scene);
        actpass_certificate_t before = shown(&scene);
        struct test_identity *leaf = test_leaf_new(scene.ca, "DNS:new.example");
        (void)test_write_certificate(scene.folder, "c.pem", leaf);
        look(&scene);
        (void)test_write_key(scene.folder, "c.key", leaf, NULL);
        look(&scene);
        cr_assert_eq(is_changed(&scene, &before), !stored);
        write_pair(&scene, "DNS:next.example");
        before = shown(&scene);
        look(&scene);
        cr_assert(is_changed(&scene, &before));
        test_identity_free(leaf);
        end(&scene);
    }
}
