/* Who is aborted, woken or told that its service has changed. */
#include "tests/unit/test_registry.h"

TestSuite(registry_wake, .init = scene_begin, .fini = scene_end);

Test(registry_wake, aborts_every_connection)
{
    struct registry_entry entries[3] = {{0}};
    for (size_t i = 0; i < 3; i++) {
        entries[i].conn = open_conn();
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
}

Test(registry_wake, aborts_only_the_undecided_of_a_service)
{
    struct registry_entry entries[3] = {
        {.service = services[1]}, {.service = services[1]}, {.service = services[2]}};
    for (size_t i = 0; i < 3; i++) {
        entries[i].conn = open_conn();
        registry_add(registry, &entries[i]);
    }
    registry_decided(registry, &entries[0]);
    cr_assert_eq(registry_abort_undecided(registry, services[0]), 0);
    cr_assert_eq(registry_abort_undecided(registry, services[1]), 1);
    cr_assert(was_aborted(entries[1].conn));
    cr_assert_eq(actpass_ended(entries[0].conn), ACTPASS_OPEN);
    remove_all(entries, 3);
}

Test(registry_wake, entries_without_a_connection_are_waited_for_and_not_aborted)
{
    struct registry_entry dialer = {.service = services[1]};
    registry_add(registry, &dialer);
    cr_assert_eq(registry_count(registry), 1);
    cr_assert_eq(registry_count_service(registry, services[1]).all, 1);
    cr_assert_eq(registry_open(registry), 0);
    cr_assert_eq(registry_abort_all(registry), 0);
    cr_assert_eq(registry_abort_undecided(registry, services[1]), 0);
    actpass_conn *conn = open_conn();
    registry_attach(registry, &dialer, conn);
    cr_assert_eq(registry_open(registry), 1);
    cr_assert_eq(registry_abort_all(registry), 1);
    cr_assert(was_aborted(conn));
    registry_remove(registry, &dialer);
    actpass_free(conn);
}

Test(registry_wake, aborts_only_the_connections_of_a_service)
{
    struct registry_entry entries[2] = {{.service = services[0]}, {.service = services[1]}};
    for (size_t i = 0; i < 2; i++) {
        entries[i].conn = open_conn();
        registry_add(registry, &entries[i]);
    }
    cr_assert_eq(registry_abort_service(registry, services[1]), 1);
    cr_assert(was_aborted(entries[1].conn));
    cr_assert_eq(actpass_ended(entries[0].conn), ACTPASS_OPEN);
    remove_all(entries, 2);
}

/* The work of a task: to leave as soon as it is woken. */
struct leaver {
    struct registry_entry entry;
    bool ran;
};

static enum task_next leave(struct task *task, void *arg)
{
    struct leaver *leaver = arg;
    (void)task;
    leaver->ran = true;
    registry_remove(registry, &leaver->entry);
    return TASK_END;
}

Test(registry_wake, wakes_every_task, .timeout = 60)
{
    struct crew *crew = crew_new(&(struct crew_options){.threads = 2});
    struct leaver leavers[3] = {{.ran = false}};
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
    struct leaver leavers[2] = {{.ran = false}};
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
}

Test(registry_wake, only_the_tasks_of_a_retired_service_are_woken, .timeout = 60)
{
    only_its_tasks_are_woken(leave_when_retired, registry_retire);
}

Test(registry_wake, only_the_tasks_of_a_service_with_newer_settings_are_woken, .timeout = 60)
{
    only_its_tasks_are_woken(leave_when_rechecked, registry_recheck);
}

Test(registry_wake, of_two_services_only_one_changes)
{
    registry_recheck(registry, services[1]);
    registry_recheck(registry, services[1]);
    cr_assert_eq(registry_service_rechecks(services[0]), 0);
    cr_assert_eq(registry_service_rechecks(services[1]), 2);
    cr_assert_not(registry_service_is_retired(services[1]));
    registry_retire(registry, services[0]);
    cr_assert(registry_service_is_retired(services[0]));
}
