#include "server/daemon/retired.h"

#include "relay/clock.h"
#include "server/lib/conn.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <unistd.h>

/* A service with two connections, one of which has a role. */
struct scene {
    actpass_config *config;
    struct registry *registry;
    struct registry_service *service;
    struct registry_entry entries[2];
    struct retired *prepared, *list;
};

static void begin(struct scene *scene, bool waits_for_ever)
{
    *scene = (struct scene){.config = actpass_config_new(),
                            .registry = registry_new(),
                            .service = registry_service_new(REGISTRY_PASSING)};
    cr_assert_eq(actpass_config_set_nonblocking(scene->config, 1), 0);
    for (size_t i = 0; i < 2; i++) {
        int ends[2];
        sockets_unix(ends);
        close(ends[1]);
        scene->entries[i] = (struct registry_entry){.service = scene->service,
                                                    .conn = conn_new(scene->config, ends[0], NULL)};
        cr_assert_not_null(scene->entries[i].conn);
        registry_add(scene->registry, &scene->entries[i]);
    }
    registry_decided(scene->registry, &scene->entries[0]);
    cr_assert(retired_prepare(&scene->prepared, scene->service, waits_for_ever));
}

static void remove_connections(struct scene *scene)
{
    for (size_t i = 0; i < 2; i++) {
        registry_remove(scene->registry, &scene->entries[i]);
        actpass_free(scene->entries[i].conn);
    }
}

static void end(struct scene *scene)
{
    retired_clear(&scene->prepared);
    retired_clear(&scene->list);
    registry_service_release(scene->service);
    registry_free(scene->registry);
    actpass_config_free(scene->config);
}

static size_t count_aborted(const struct scene *scene)
{
    size_t aborted = 0;
    for (size_t i = 0; i < 2; i++)
        aborted += actpass_handshake(scene->entries[i].conn) == -1 &&
                   actpass_ended(scene->entries[i].conn) == ACTPASS_CANCELLED;
    return aborted;
}

Test(retired, nothing_happens_before_it_begins)
{
    struct scene scene;
    begin(&scene, true);
    retired_clear(&scene.prepared);
    cr_assert_not(registry_service_is_retired(scene.service));
    cr_assert_eq(retired_tick(&scene.list, scene.registry), DEADLINE_NEVER);
    cr_assert_eq(count_aborted(&scene), 0);
    remove_connections(&scene);
    end(&scene);
}

Test(retired, connections_have_the_time_that_they_are_given)
{
    struct scene scene;
    int64_t later_us = clock_deadline_ms(60000);
    begin(&scene, false);
    retired_begin(&scene.list, &scene.prepared, scene.registry, later_us);
    cr_assert_null(scene.prepared);
    cr_assert(registry_service_is_retired(scene.service));
    cr_assert_eq(retired_tick(&scene.list, scene.registry), later_us);
    cr_assert_eq(count_aborted(&scene), 0);
    remove_connections(&scene);
    cr_assert_eq(retired_tick(&scene.list, scene.registry), DEADLINE_NEVER, "all have ended");
    cr_assert_null(scene.list);
    end(&scene);
}

Test(retired, what_is_left_then_is_aborted_again_and_again)
{
    struct scene scene;
    begin(&scene, false);
    retired_begin(&scene.list, &scene.prepared, scene.registry, clock_now_us());
    int64_t again_us = retired_tick(&scene.list, scene.registry);
    cr_assert_gt(again_us, clock_now_us());
    cr_assert_lt(again_us, clock_deadline_ms(20000), "one may come that was being dialed");
    cr_assert_eq(count_aborted(&scene), 2);
    remove_connections(&scene);
    end(&scene);
}

Test(retired, who_may_be_silent_for_ever_ends_at_once)
{
    struct scene scene;
    begin(&scene, true);
    retired_begin(&scene.list, &scene.prepared, scene.registry, DEADLINE_NEVER);
    cr_assert_eq(count_aborted(&scene), 1);
    cr_assert_neq(actpass_ended(scene.entries[0].conn), ACTPASS_CANCELLED, "it has a role");
    remove_connections(&scene);
    end(&scene);
}

Test(retired, one_of_several_is_forgotten)
{
    struct scene scene;
    int64_t later_us = clock_deadline_ms(60000);
    struct registry_service *empty = registry_service_new(REGISTRY_PASSING);
    begin(&scene, false);
    cr_assert(retired_prepare(&scene.prepared, empty, false));
    registry_service_release(empty);
    retired_begin(&scene.list, &scene.prepared, scene.registry, later_us);
    cr_assert_eq(retired_tick(&scene.list, scene.registry), later_us);
    remove_connections(&scene);
    end(&scene);
}
