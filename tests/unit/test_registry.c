#include "server/daemon/registry.h"

#include "server/lib/conn.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SERVICES = 3 };

/* A connection that was not started: no thread, no TLS, but it can be aborted. */
static actpass_conn *open_conn(actpass_config *config)
{
    int ends[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    close(ends[1]);
    actpass_conn *conn = conn_new(config, ends[0], NULL);
    cr_assert_not_null(conn);
    return conn;
}

static void make_services(struct registry_service *services[SERVICES])
{
    for (size_t i = 0; i < SERVICES; i++) {
        services[i] = registry_service_new(REGISTRY_PASSING);
        cr_assert_not_null(services[i]);
    }
}

static void release_services(struct registry_service *services[SERVICES])
{
    for (size_t i = 0; i < SERVICES; i++)
        registry_service_release(services[i]);
}

static bool was_aborted(actpass_conn *conn)
{
    return actpass_handshake(conn) == -1 && actpass_ended(conn) == ACTPASS_CANCELLED;
}

static bool has_sign(const struct registry *registry)
{
    struct pollfd set = {.fd = registry_watch_fd(registry), .events = POLLIN};
    return poll(&set, 1, 0) == 1;
}

Test(registry, counts_in_all_and_by_service)
{
    struct registry *registry = registry_new();
    struct registry_service *services[SERVICES];
    make_services(services);
    struct registry_entry entries[6] = {{0}};
    for (size_t i = 0; i < 6; i++) {
        entries[i].service = services[i % 2];
        registry_add(registry, &entries[i]);
        cr_assert_eq(registry_count(registry), i + 1);
    }
    cr_assert_eq(registry_count_service(registry, services[0]).all, 3);
    cr_assert_eq(registry_count_service(registry, services[1]).all, 3);
    cr_assert_eq(registry_count_service(registry, services[2]).all, 0);
    static const size_t order[] = {2, 0, 5, 3, 4, 1}; /* middle, ends, the rest */
    for (size_t i = 0; i < 6; i++) {
        registry_remove(registry, &entries[order[i]]);
        cr_assert_eq(registry_count(registry), 5 - i);
    }
    cr_assert_eq(registry_count_service(registry, services[0]).all, 0);
    cr_assert_eq(registry_count_service(registry, services[1]).all, 0);
    registry_free(registry);
    release_services(services);
}

/* A dialer at work is waited for, but is no connection. */
Test(registry, counts_who_has_a_connection)
{
    actpass_config *config = actpass_config_new();
    struct registry *registry = registry_new();
    struct registry_service *services[SERVICES];
    make_services(services);
    struct registry_entry entries[3] = {
        {.service = services[0]}, {.service = services[1]}, {.service = services[1]}};
    for (size_t i = 0; i < 3; i++)
        registry_add(registry, &entries[i]);
    cr_assert_eq(registry_open(registry), 0);
    registry_attach(registry, &entries[0], open_conn(config));
    registry_attach(registry, &entries[1], open_conn(config));
    cr_assert_eq(registry_count(registry), 3);
    cr_assert_eq(registry_open(registry), 2);
    cr_assert_eq(registry_count_service(registry, services[1]).all, 2);
    cr_assert_eq(registry_service_open(registry, services[0]), 1);
    cr_assert_eq(registry_service_open(registry, services[1]), 1);
    cr_assert_eq(registry_service_open(registry, services[2]), 0);
    registry_enter_preface(registry, &entries[2], NULL);
    cr_assert_eq(registry_open(registry), 3);
    cr_assert_eq(registry_service_open(registry, services[1]), 2);
    for (size_t i = 0; i < 3; i++) {
        registry_remove(registry, &entries[i]);
        actpass_free(entries[i].conn);
    }
    registry_free(registry);
    release_services(services);
    actpass_config_free(config);
}

/* Whose turn it is, and that each is given its time. */
Test(registry, who_is_not_established_makes_way)
{
    actpass_config *config = actpass_config_new();
    struct registry *registry = registry_new();
    struct registry_service *services[SERVICES];
    make_services(services);
    struct peer_key address = {.address = {[15] = 1}};
    struct registry_entry entries[2] = {{.service = services[1]}, {.service = services[1]}};
    for (size_t i = 0; i < 2; i++) {
        cr_assert(registry_add_from(registry, &entries[i], &address));
        registry_attach(registry, &entries[i], open_conn(config));
    }
    cr_assert_eq(registry_open_from(registry, services[1], &address), 2);
    cr_assert_eq(registry_make_way(registry, services[0], 0), INT64_MAX,
                 "another service has none");
    cr_assert_eq(registry_make_way(registry, services[1], 2), INT64_MAX, "no more than it may");
    int64_t again_us = registry_make_way(registry, services[1], 0);
    cr_assert_eq(again_us, entries[0].from.since_us + WAY_SILENT_US);
    registry_decided(registry, &entries[0]);
    cr_assert_eq(registry_make_way(registry, services[1], 0),
                 entries[0].from.since_us + WAY_HANDSHAKE_US);
    usleep(WAY_HANDSHAKE_US + 1000);
    cr_assert_eq(registry_make_way(registry, services[1], 0), 0);
    cr_assert(registry_made_way(registry, &entries[0]));
    cr_assert_eq(registry_count_service(registry, services[1]).leaving, 1);
    cr_assert_eq(registry_count_service(registry, services[1]).all, 2,
                 "it counts until it has gone");
    registry_established(registry, &entries[1]);
    cr_assert_eq(registry_make_way(registry, services[1], 0), INT64_MAX,
                 "who is established stays");
    cr_assert(was_aborted(entries[0].conn));
    for (size_t i = 0; i < 2; i++) {
        registry_remove(registry, &entries[i]);
        actpass_free(entries[i].conn);
    }
    cr_assert_eq(registry_count_service(registry, services[1]).leaving, 0);
    cr_assert_eq(registry_open_from(registry, services[1], &address), 0);
    registry_free(registry);
    release_services(services);
    actpass_config_free(config);
}

static struct peer_key key_of(uint8_t last)
{
    struct peer_key key = {.address = {[10] = 0xff, [11] = 0xff, [12] = 192, [15] = last}};
    return key;
}

/* A socket without a connection is aborted as one with a connection: its task looks for that. */
Test(registry, in_its_preface_it_makes_way_and_is_aborted)
{
    actpass_config *config = actpass_config_new();
    struct registry *registry = registry_new();
    struct registry_service *service = registry_service_new(REGISTRY_PASSING);
    struct registry_entry entries[3] = {{0}};
    for (size_t i = 0; i < 3; i++) {
        struct peer_key key = key_of(i == 0 ? 1 : 2);
        entries[i].service = service;
        cr_assert(registry_add_from(registry, &entries[i], &key));
        registry_enter_preface(registry, &entries[i], NULL);
        entries[i].from.since_us = 0; /* long ago */
    }
    cr_assert_eq(registry_open(registry), 3);
    cr_assert_eq(registry_make_way(registry, service, 1), 0);
    cr_assert(!registry_is_cancelled(registry, &entries[0]));
    cr_assert(registry_is_cancelled(registry, &entries[1]));
    cr_assert(registry_made_way(registry, &entries[1]));
    cr_assert_eq(registry_abort_all(registry), 3);
    actpass_conn *conn = open_conn(config);
    registry_attach(registry, &entries[0], conn); /* too late */
    cr_assert(was_aborted(conn));
    for (size_t i = 0; i < 3; i++)
        registry_remove(registry, &entries[i]);
    actpass_free(conn);
    registry_service_release(service);
    registry_free(registry);
    actpass_config_free(config);
}

Test(registry, counts_for_another_address)
{
    struct registry *registry = registry_new();
    struct registry_service *service = registry_service_new(REGISTRY_PASSING);
    struct registry_entry entries[3] = {{0}};
    struct peer_key proxy = key_of(1);
    struct peer_key client = key_of(2);
    for (size_t i = 0; i < 3; i++) {
        entries[i].service = service;
        cr_assert(registry_add_from(registry, &entries[i], &proxy));
    }
    cr_assert_eq(registry_move(registry, &entries[0], &client, 2), REGISTRY_MOVED);
    registry_established(registry, &entries[1]);
    cr_assert_eq(registry_move(registry, &entries[1], &client, 2), REGISTRY_MOVED);
    cr_assert(entries[0].from.undecided && !entries[1].from.undecided);
    cr_assert_eq(registry_open_from(registry, service, &client), 2);
    cr_assert_eq(registry_open_from(registry, service, &proxy), 1);
    cr_assert_eq(registry_move(registry, &entries[1], &client, 2), REGISTRY_MOVED); /* itself */
    cr_assert_eq(registry_move(registry, &entries[2], &client, 2), REGISTRY_TOO_MANY);
    cr_assert_eq(registry_open_from(registry, service, &proxy), 0);
    cr_assert_eq(registry_count_service(registry, service).all, 3);
    for (size_t i = 0; i < 3; i++)
        registry_remove(registry, &entries[i]);
    cr_assert_eq(registry_open_from(registry, service, &client), 0);
    registry_service_release(service);
    registry_free(registry);
}

Test(registry, free_takes_null)
{
    registry_free(NULL);
}

Test(registry, a_sign_comes_once_for_each_watch)
{
    struct registry *registry = registry_new();
    struct registry_service *services[SERVICES];
    make_services(services);
    struct registry_entry entries[4] = {{0}};
    for (size_t i = 0; i < 4; i++) {
        entries[i].service = services[0];
        registry_add(registry, &entries[i]);
    }
    registry_remove(registry, &entries[0]);
    cr_assert_not(has_sign(registry), "nobody asked");
    registry_watch(registry);
    cr_assert_not(has_sign(registry), "what was before does not count");
    registry_remove(registry, &entries[1]);
    cr_assert(has_sign(registry));
    registry_watch(registry);
    cr_assert_not(has_sign(registry), "asking again takes the old sign back");
    registry_remove(registry, &entries[2]);
    registry_remove(registry, &entries[3]);
    cr_assert(has_sign(registry));
    registry_free(registry);
    release_services(services);
}

Test(registry, aborts_every_connection)
{
    actpass_config *config = actpass_config_new();
    struct registry *registry = registry_new();
    struct registry_service *services[SERVICES];
    make_services(services);
    struct registry_entry entries[3] = {{0}};
    for (size_t i = 0; i < 3; i++) {
        entries[i].conn = open_conn(config);
        entries[i].service = services[i];
        registry_add(registry, &entries[i]);
    }
    cr_assert_eq(registry_abort_all(registry), 3);
    cr_assert_eq(registry_count(registry), 3, "who was aborted leaves by himself");
    for (size_t i = 0; i < 3; i++) {
        cr_assert(was_aborted(entries[i].conn), "%zu", i);
        registry_remove(registry, &entries[i]);
        actpass_free(entries[i].conn);
    }
    cr_assert_eq(registry_abort_all(registry), 0);
    registry_free(registry);
    release_services(services);
    actpass_config_free(config);
}

Test(registry, aborts_only_the_undecided_of_a_service)
{
    actpass_config *config = actpass_config_new();
    struct registry *registry = registry_new();
    struct registry_service *services[SERVICES];
    make_services(services);
    struct registry_entry entries[3] = {
        {.service = services[1]}, {.service = services[1]}, {.service = services[2]}};
    for (size_t i = 0; i < 3; i++) {
        entries[i].conn = open_conn(config);
        registry_add(registry, &entries[i]);
    }
    registry_decided(registry, &entries[0]);
    cr_assert_eq(registry_abort_undecided(registry, services[0]), 0);
    cr_assert_eq(registry_abort_undecided(registry, services[1]), 1);
    cr_assert(was_aborted(entries[1].conn));
    cr_assert_eq(actpass_ended(entries[0].conn), ACTPASS_OPEN);
    for (size_t i = 0; i < 3; i++) {
        registry_remove(registry, &entries[i]);
        actpass_free(entries[i].conn);
    }
    registry_free(registry);
    release_services(services);
    actpass_config_free(config);
}

/* The work of a task: to leave as soon as it is woken. */
struct leaver {
    struct registry *registry;
    struct registry_entry entry;
    bool ran;
};

static enum task_next leave(struct task *task, void *arg)
{
    struct leaver *leaver = arg;
    (void)task;
    leaver->ran = true;
    registry_remove(leaver->registry, &leaver->entry);
    return TASK_END;
}

Test(registry, wakes_every_task, .timeout = 60)
{
    struct crew *crew = crew_new(&(struct crew_options){.threads = 2});
    struct registry *registry = registry_new();
    struct registry_service *services[SERVICES];
    make_services(services);
    struct leaver leavers[3] = {{.registry = registry}, {.registry = registry}};
    cr_assert_not_null(crew);
    for (size_t i = 0; i < 3; i++) {
        leavers[i].entry.service = services[i];
        registry_add(registry, &leavers[i].entry);
    }
    registry_wake_all(registry); /* no entry has a task yet */
    for (size_t i = 0; i < 2; i++) {
        struct task *task = task_new(crew, leave, &leavers[i]);
        cr_assert_not_null(task);
        registry_set_task(registry, &leavers[i].entry, task);
        task_start(task, TASK_WAIT_FIRST);
    }
    usleep(1000);
    cr_assert_eq(registry_count(registry), 3, "each waits");
    registry_wake_all(registry);
    while (registry_count(registry) > 1)
        usleep(1000); /* the timeout of the test ends this */
    crew_free(crew);
    cr_assert(leavers[0].ran && leavers[1].ran);
    registry_remove(registry, &leavers[2].entry);
    registry_free(registry);
    release_services(services);
}

struct place_to_go {
    struct registry *registry;
    struct registry_service **services;
};

static void *come_and_go(void *arg)
{
    const struct place_to_go *place = arg;
    struct registry *registry = place->registry;
    struct registry_service **services = place->services;
    for (int i = 0; i < 500; i++) {
        struct registry_entry entries[2] = {{.service = services[0]}, {.service = services[1]}};
        registry_add(registry, &entries[0]);
        registry_add(registry, &entries[1]);
        registry_decided(registry, &entries[1]);
        registry_remove(registry, &entries[0]);
        registry_remove(registry, &entries[1]);
    }
    return NULL;
}

Test(registry, any_thread_may_come_and_go, .timeout = 60)
{
    struct registry *registry = registry_new();
    struct registry_service *services[SERVICES];
    make_services(services);
    struct place_to_go place = {registry, services};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, come_and_go, &place), 0);
    for (int i = 0; i < 200; i++) {
        registry_watch(registry);
        cr_assert_leq(registry_count(registry), 8);
    }
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    cr_assert_eq(registry_count(registry), 0);
    registry_free(registry);
    release_services(services);
}

Test(registry, entries_without_a_connection_are_waited_for_and_not_aborted)
{
    struct registry *registry = registry_new();
    struct registry_service *services[SERVICES];
    make_services(services);
    actpass_config *config = actpass_config_new();
    struct registry_entry dialer = {.service = services[1]};
    registry_add(registry, &dialer);
    cr_assert_eq(registry_count(registry), 1);
    cr_assert_eq(registry_count_service(registry, services[1]).all, 1);
    cr_assert_eq(registry_open(registry), 0);
    cr_assert_eq(registry_abort_all(registry), 0);
    cr_assert_eq(registry_abort_undecided(registry, services[1]), 0);
    actpass_conn *conn = open_conn(config);
    registry_attach(registry, &dialer, conn);
    cr_assert_eq(registry_open(registry), 1);
    cr_assert_eq(registry_abort_all(registry), 1);
    cr_assert(was_aborted(conn));
    registry_remove(registry, &dialer);
    actpass_free(conn);
    actpass_config_free(config);
    registry_free(registry);
    release_services(services);
}

/* ---- Services ------------------------------------------------------------------------------ */

/* Where the task of a connection sees that its service is gone, or has newer settings. */
static enum task_next leave_when_retired(struct task *task, void *arg)
{
    struct leaver *leaver = arg;
    leaver->ran = true;
    return registry_service_is_retired(leaver->entry.service) ? leave(task, arg) : TASK_WAIT;
}

static enum task_next leave_when_rechecked(struct task *task, void *arg)
{
    struct leaver *leaver = arg;
    leaver->ran = true;
    return registry_service_rechecks(leaver->entry.service) > 0 ? leave(task, arg) : TASK_WAIT;
}

/* CALL must wake the tasks of its service only. */
static void only_its_tasks_are_woken(enum task_next (*run)(struct task *task, void *arg),
                                     void (*call)(struct registry *registry,
                                                  struct registry_service *service))
{
    struct crew *crew = crew_new(&(struct crew_options){.threads = 1});
    struct registry *registry = registry_new();
    struct registry_service *services[SERVICES];
    struct leaver leavers[2] = {{.registry = registry}, {.registry = registry}};
    make_services(services);
    cr_assert_not_null(crew);
    for (size_t i = 0; i < 2; i++) {
        struct task *task = task_new(crew, run, &leavers[i]);
        cr_assert_not_null(task);
        leavers[i].entry = (struct registry_entry){.service = services[i], .task = task};
        registry_add(registry, &leavers[i].entry);
        task_start(task, TASK_WAIT_FIRST);
    }
    call(registry, services[1]);
    while (registry_count(registry) > 1)
        usleep(1000); /* the timeout of the test ends this */
    cr_assert_eq(registry_count_service(registry, services[0]).all, 1);
    cr_assert_not(leavers[0].ran);
    call(registry, services[0]);
    crew_free(crew);
    cr_assert_eq(registry_count(registry), 0);
    registry_free(registry);
    release_services(services);
}

Test(registry, only_the_tasks_of_a_retired_service_are_woken, .timeout = 60)
{
    only_its_tasks_are_woken(leave_when_retired, registry_retire);
}

Test(registry, only_the_tasks_of_a_service_with_newer_settings_are_woken, .timeout = 60)
{
    only_its_tasks_are_woken(leave_when_rechecked, registry_recheck);
}

Test(registry, of_two_services_only_one_changes)
{
    struct registry *registry = registry_new();
    struct registry_service *services[SERVICES];
    make_services(services);
    registry_recheck(registry, services[1]);
    registry_recheck(registry, services[1]);
    cr_assert_eq(registry_service_rechecks(services[0]), 0);
    cr_assert_eq(registry_service_rechecks(services[1]), 2);
    cr_assert_not(registry_service_is_retired(services[1]));
    registry_retire(registry, services[0]);
    cr_assert(registry_service_is_retired(services[0]));
    registry_free(registry);
    release_services(services);
}

Test(registry, aborts_only_the_connections_of_a_service)
{
    actpass_config *config = actpass_config_new();
    struct registry *registry = registry_new();
    struct registry_service *services[SERVICES];
    make_services(services);
    struct registry_entry entries[2] = {{.service = services[0]}, {.service = services[1]}};
    for (size_t i = 0; i < 2; i++) {
        entries[i].conn = open_conn(config);
        registry_add(registry, &entries[i]);
    }
    cr_assert_eq(registry_abort_service(registry, services[1]), 1);
    cr_assert(was_aborted(entries[1].conn));
    cr_assert_eq(actpass_ended(entries[0].conn), ACTPASS_OPEN);
    for (size_t i = 0; i < 2; i++) {
        registry_remove(registry, &entries[i]);
        actpass_free(entries[i].conn);
    }
    registry_free(registry);
    release_services(services);
    actpass_config_free(config);
}

Test(registry, connections_that_last_are_not_passing)
{
    struct registry *registry = registry_new();
    struct registry_service *passing = registry_service_new(REGISTRY_PASSING);
    struct registry_service *lasting = registry_service_new(REGISTRY_LASTING);
    struct registry_entry entries[3] = {
        {.service = passing}, {.service = lasting}, {.service = lasting}};
    for (size_t i = 0; i < 3; i++)
        registry_add(registry, &entries[i]);
    cr_assert_eq(registry_count(registry), 3);
    cr_assert_eq(registry_count_passing(registry), 1);
    for (size_t i = 0; i < 3; i++)
        registry_remove(registry, &entries[i]);
    cr_assert_eq(registry_count_passing(registry), 0);
    registry_service_release(registry_service_hold(lasting));
    registry_service_release(lasting);
    registry_service_release(passing);
    registry_service_release(NULL);
    registry_free(registry);
}

/* ---- A look at all of them ------------------------------------------------------------------- */

struct seen {
    struct registry_entry *entries[16];
    size_t count;
};

static void see(struct registry_entry *entry, void *arg)
{
    struct seen *seen = arg;
    cr_assert_lt(seen->count, 16);
    seen->entries[seen->count++] = entry;
}

struct look {
    actpass_config *config;
    struct registry *registry;
    struct registry_service *services[SERVICES];
    actpass_conn *conns[6];
    struct registry_entry entries[7]; /* the last one has no connection */
};

static void look_begin(struct look *look)
{
    *look = (struct look){.config = actpass_config_new(), .registry = registry_new()};
    make_services(look->services);
    for (size_t i = 0; i < 7; i++) {
        look->entries[i].service = look->services[0];
        registry_add(look->registry, &look->entries[i]);
    }
    for (size_t i = 0; i < 6; i++) {
        look->conns[i] = open_conn(look->config);
        registry_attach(look->registry, &look->entries[i], look->conns[i]);
    }
}

/* Without those that were removed. */
static void look_end(struct look *look, unsigned removed)
{
    for (size_t i = 0; i < 7; i++)
        if ((removed & 1U << i) == 0)
            registry_remove(look->registry, &look->entries[i]);
    cr_assert_eq(registry_count(look->registry), 0);
    for (size_t i = 0; i < 6; i++)
        actpass_free(look->conns[i]);
    registry_free(look->registry);
    release_services(look->services);
    actpass_config_free(look->config);
}

Test(registry, a_look_sees_each_connection_once_the_newest_first)
{
    for (size_t step = 1; step <= 7; step++) {
        struct look look;
        struct registry_cursor cursor = {.placed = false};
        struct seen seen = {.count = 0};
        look_begin(&look);
        while (registry_look(look.registry, &cursor, step, see, &seen)) {
            cr_assert_eq(registry_count(look.registry), 7, "the mark is not counted");
            cr_assert_eq(registry_open(look.registry), 6);
            registry_wake_all(look.registry);
        }
        cr_assert_eq(seen.count, 6);
        for (size_t i = 0; i < 6; i++)
            cr_assert_eq(seen.entries[i], &look.entries[5 - i], "step %zu", step);
        look_end(&look, 0);
    }
}

/* What is removed between two calls, beside the mark or elsewhere, disturbs nothing. */
Test(registry, a_look_goes_on_when_others_go)
{
    static const size_t orders[][2] = {{3, 2}, {2, 3}, {5, 0}, {0, 5}, {4, 1}, {2, 0}};
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct look look;
        struct registry_cursor cursor = {.placed = false};
        struct seen seen = {.count = 0};
        size_t gone = 0;
        look_begin(&look);
        cr_assert(registry_look(look.registry, &cursor, 3, see, &seen)); /* 5, 4, 3 */
        for (size_t k = 0; k < 2; k++) {
            registry_remove(look.registry, &look.entries[orders[i][k]]);
            gone += orders[i][k] < 3;
        }
        while (registry_look(look.registry, &cursor, 1, see, &seen)) {
        }
        cr_assert_eq(seen.count, 6 - gone, "order %zu", i);
        look_end(&look, 1U << orders[i][0] | 1U << orders[i][1]);
    }
}

/* All that is left may go: the mark alone is in the list. */
Test(registry, a_look_ends_when_all_have_gone)
{
    struct look look;
    struct registry_cursor cursor = {.placed = false};
    struct seen seen = {.count = 0};
    look_begin(&look);
    cr_assert(registry_look(look.registry, &cursor, 1, see, &seen));
    for (size_t i = 0; i < 7; i++)
        registry_remove(look.registry, &look.entries[i]);
    cr_assert_not(registry_look(look.registry, &cursor, 1, see, &seen));
    cr_assert_eq(seen.count, 1);
    look_end(&look, 127);
}
