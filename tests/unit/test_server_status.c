/* The status that SIGUSR1 asks for, and the totals at the end. */
#include "server/daemon/server.h"
#include "server/daemon/state.h"

#include "relay/clock.h"
#include "server/lib/conn.h"
#include "tests/support/certs.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SERVICES = 2, OPEN = 3, ENTRIES = OPEN + 1 };

/* A server that is loaded and does not run, a log that the test reads, and connections of the
 * test's. */
struct scene {
    struct test_pair *pair;
    struct server *server;
    actpass_config *config;
    struct registry_entry entries[ENTRIES];
    int log[2];
    char text[4096];
};

static const char *write_config(const struct scene *scene)
{
    const struct test_end *end = &scene->pair->ends[0];
    char text[2048];
    int length =
        snprintf(text, sizeof(text),
                 "{\"services\": ["
                 "{\"name\": \"one\", \"role\": \"server\", \"listen\": \"unix:1\", \"echo\": {},"
                 " \"tls\": {\"certificate\": \"%s\", \"key\": \"%s\"}},"
                 "{\"name\": \"two\", \"role\": \"server\", \"listen\": \"unix:2\", \"echo\": {},"
                 " \"tls\": {\"certificate\": \"%s\", \"key\": \"%s\"}}]}",
                 end->certificate, end->key, end->certificate, end->key);
    cr_assert_lt(length, (int)sizeof(text));
    return test_write_text(scene->pair->folder, "actpass.json", text);
}

static void set_log(struct scene *scene, enum config_log_level level)
{
    log_free(scene->server->log);
    scene->server->log = log_new(level, CONFIG_LOG_LOGFMT, scene->log[1]);
    cr_assert_not_null(scene->server->log);
}

/* A connection that was not started. */
static actpass_conn *new_conn(const struct scene *scene)
{
    int ends[2];
    sockets_unix(ends);
    close(ends[1]);
    actpass_conn *conn = conn_new(scene->config, ends[0], NULL);
    cr_assert_not_null(conn);
    return conn;
}

static void prepare(struct scene *scene)
{
    *scene = (struct scene){.pair = test_pair_new(), .config = actpass_config_new()};
    struct config_report report;
    scene->server = server_load(write_config(scene), &report);
    cr_assert_not_null(scene->server);
    config_report_free(&report);
    cr_assert_eq(pipe2(scene->log, O_NONBLOCK | O_CLOEXEC), 0);
    set_log(scene, CONFIG_LOG_INFO);
}

/* One connection of the first service; two of the second one, and a dialer that has none. */
static void add_connections(struct scene *scene)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        const struct service *service = scene->server->generation->services[i > 0];
        scene->entries[i] = (struct registry_entry){.service = service->connections};
        scene->entries[i].conn = i < OPEN ? new_conn(scene) : NULL;
        registry_add(scene->server->registry, &scene->entries[i]);
    }
}

static void remove_connections(struct scene *scene)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        registry_remove(scene->server->registry, &scene->entries[i]);
        actpass_free(scene->entries[i].conn);
    }
}

static void tidy(struct scene *scene)
{
    server_free(scene->server);
    actpass_config_free(scene->config);
    test_pair_free(scene->pair);
    close(scene->log[0]);
    close(scene->log[1]);
}

/* All that the log has now, each line without its time. */
static const char *lines_of_status(struct scene *scene)
{
    char raw[sizeof(scene->text)];
    char *end = scene->text;
    server_log_status(scene->server);
    cr_assert(log_flush(scene->server->log, clock_deadline_ms(20000)));
    ssize_t length = read(scene->log[0], raw, sizeof(raw) - 1);
    raw[length > 0 ? length : 0] = '\0';
    *end = '\0';
    char *rest = raw;
    for (char *line; (line = strsep(&rest, "\n")) && line[0] != '\0';) {
        const char *after_time = strstr(line, " level=");
        cr_assert_not_null(after_time, "%s", line);
        end = stpcpy(stpcpy(end, after_time + 1), "\n");
    }
    return scene->text;
}

Test(server_status, every_field_has_what_its_name_says)
{
    struct scene scene;
    prepare(&scene);
    struct counters *counters = &scene.server->counters;
    atomic_store(&counters->accepted, 101);
    atomic_store(&counters->trimmed_at, 102);
    atomic_store(&counters->dialed, 103);
    atomic_store(&counters->numbers, 104);
    atomic_store(&counters->closed_before_first_byte, 105);
    atomic_store(&counters->no_role, 106);
    atomic_store(&counters->dropped, 107);
    atomic_store(&counters->refused[REFUSED_DENIED], 1000);
    atomic_store(&counters->refused[REFUSED_RATE], 200);
    atomic_store(&counters->refused[REFUSED_PER_ADDRESS], 30);
    atomic_store(&counters->made_way, 108);
    add_connections(&scene);
    cr_assert_str_eq(lines_of_status(&scene),
                     "level=info event=status open=3 accepted=101 dialed=103 "
                     "closed_before_first_byte=105 no_role=106 dropped=107 refused=1230 "
                     "made_way=108\n"
                     "level=info event=status service=one connections=1\n"
                     "level=info event=status service=two connections=2\n");
    remove_connections(&scene);
    tidy(&scene);
}

Test(server_status, a_server_that_has_done_nothing)
{
    struct scene scene;
    prepare(&scene);
    cr_assert_str_eq(lines_of_status(&scene),
                     "level=info event=status open=0 accepted=0 dialed=0 "
                     "closed_before_first_byte=0 no_role=0 dropped=0 refused=0 made_way=0\n"
                     "level=info event=status service=one connections=0\n"
                     "level=info event=status service=two connections=0\n");
    tidy(&scene);
}

/* The lines that were left out are said once, by the next line that is written. */
Test(server_status, lines_that_were_left_out)
{
    struct scene scene;
    prepare(&scene);
    struct throttle *throttle = log_throttle(scene.server->log);
    throttle_note_suppressed(throttle);
    throttle_note_suppressed(throttle);
    cr_assert_not_null(strstr(lines_of_status(&scene), " made_way=0 suppressed=2\n"));
    cr_assert_null(strstr(lines_of_status(&scene), "suppressed"), "%s", scene.text);
    set_log(&scene, CONFIG_LOG_WARNING);
    throttle = log_throttle(scene.server->log);
    throttle_note_suppressed(throttle);
    cr_assert_str_eq(lines_of_status(&scene), "", "the level is above it");
    cr_assert_eq(throttle_take_suppressed(throttle), 1, "so another line has to say it");
    tidy(&scene);
}
