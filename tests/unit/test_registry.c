/* Who is in the registry, and how many: in all, by service, and while threads come and go. */
#include "tests/unit/test_registry.h"

#include <poll.h>
#include <pthread.h>

TestSuite(registry, .init = scene_begin, .fini = scene_end);

static bool has_sign(void)
{
    struct pollfd set = {.fd = registry_watch_fd(registry), .events = POLLIN};
    return poll(&set, 1, 0) == 1;
}

Test(registry, counts_in_all_and_by_service)
{
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
}

/* A dialer at work is waited for, but is no connection. */
Test(registry, counts_who_has_a_connection)
{
    struct registry_entry entries[3] = {
        {.service = services[0]}, {.service = services[1]}, {.service = services[1]}};
    for (size_t i = 0; i < 3; i++)
        registry_add(registry, &entries[i]);
    cr_assert_eq(registry_open(registry), 0);
    registry_attach(registry, &entries[0], open_conn());
    registry_attach(registry, &entries[1], open_conn());
    cr_assert_eq(registry_count(registry), 3);
    cr_assert_eq(registry_open(registry), 2);
    cr_assert_eq(registry_count_service(registry, services[1]).all, 2);
    cr_assert_eq(registry_service_open(registry, services[0]), 1);
    cr_assert_eq(registry_service_open(registry, services[1]), 1);
    cr_assert_eq(registry_service_open(registry, services[2]), 0);
    registry_enter_preface(registry, &entries[2], NULL);
    cr_assert_eq(registry_open(registry), 3);
    cr_assert_eq(registry_service_open(registry, services[1]), 2);
    remove_all(entries, 3);
}

Test(registry, connections_that_last_are_not_passing)
{
    struct registry_service *passing = registry_service_new(REGISTRY_PASSING);
    struct registry_service *lasting = registry_service_new(REGISTRY_LASTING);
    struct registry_entry entries[3] = {
        {.service = passing}, {.service = lasting}, {.service = lasting}};
    for (size_t i = 0; i < 3; i++)
        registry_add(registry, &entries[i]);
    cr_assert_eq(registry_count(registry), 3);
    cr_assert_eq(registry_count_passing(registry), 1);
    remove_all(entries, 3);
    cr_assert_eq(registry_count_passing(registry), 0);
    registry_service_release(registry_service_hold(lasting));
    registry_service_release(lasting);
    registry_service_release(passing);
    registry_service_release(NULL);
}

Test(registry, a_sign_comes_once_for_each_watch)
{
    struct registry_entry entries[4] = {{0}};
    for (size_t i = 0; i < 4; i++) {
        entries[i].service = services[0];
        registry_add(registry, &entries[i]);
    }
    registry_remove(registry, &entries[0]);
    cr_assert_not(has_sign(), "nobody asked");
    registry_watch(registry);
    cr_assert_not(has_sign(), "what was before does not count");
    registry_remove(registry, &entries[1]);
    cr_assert(has_sign());
    registry_watch(registry);
    cr_assert_not(has_sign(), "asking again takes the old sign back");
    registry_remove(registry, &entries[2]);
    registry_remove(registry, &entries[3]);
    cr_assert(has_sign());
}

Test(registry, free_takes_null)
{
    registry_free(NULL);
}

static void *come_and_go(void *arg)
{
    (void)arg;
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
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, come_and_go, NULL), 0);
    for (int i = 0; i < 200; i++) {
        registry_watch(registry);
        cr_assert_leq(registry_count(registry), 8);
    }
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    cr_assert_eq(registry_count(registry), 0);
}
