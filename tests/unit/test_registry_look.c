/* A look at all connections, while others go. */
#include "tests/unit/test_registry.h"

TestSuite(registry_look, .init = scene_begin, .fini = scene_end);

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
    actpass_conn *conns[6];
    struct registry_entry entries[7]; /* the last one has no connection */
};

static void look_begin(struct look *look)
{
    *look = (struct look){.conns = {NULL}};
    for (size_t i = 0; i < 7; i++) {
        look->entries[i].service = services[0];
        registry_add(registry, &look->entries[i]);
    }
    for (size_t i = 0; i < 6; i++) {
        look->conns[i] = open_conn();
        registry_attach(registry, &look->entries[i], look->conns[i]);
    }
}

/* Without those that were removed. */
static void look_end(struct look *look, unsigned removed)
{
    for (size_t i = 0; i < 7; i++)
        if ((removed & 1U << i) == 0)
            registry_remove(registry, &look->entries[i]);
    cr_assert_eq(registry_count(registry), 0);
    for (size_t i = 0; i < 6; i++)
        actpass_free(look->conns[i]);
}

Test(registry_look, a_look_sees_each_connection_once_the_newest_first)
{
    for (size_t step = 1; step <= 7; step++) {
        struct look look;
        struct registry_cursor cursor = {.placed = false};
        struct seen seen = {.count = 0};
        look_begin(&look);
        while (registry_look(registry, &cursor, step, see, &seen)) {
            cr_assert_eq(registry_count(registry), 7, "the mark is not counted");
            cr_assert_eq(registry_open(registry), 6);
            registry_wake_all(registry);
        }
        cr_assert_eq(seen.count, 6);
        for (size_t i = 0; i < 6; i++)
            cr_assert_eq(seen.entries[i], &look.entries[5 - i], "step %zu", step);
        look_end(&look, 0);
    }
}

/* What is removed between two calls, beside the mark or elsewhere, disturbs nothing. */
Test(registry_look, a_look_goes_on_when_others_go)
{
    static const size_t orders[][2] = {{3, 2}, {2, 3}, {5, 0}, {0, 5}, {4, 1}, {2, 0}};
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct look look;
        struct registry_cursor cursor = {.placed = false};
        struct seen seen = {.count = 0};
        size_t gone = 0;
        look_begin(&look);
        cr_assert(registry_look(registry, &cursor, 3, see, &seen)); /* 5, 4, 3 */
        for (size_t k = 0; k < 2; k++) {
            registry_remove(registry, &look.entries[orders[i][k]]);
            gone += orders[i][k] < 3;
        }
        while (registry_look(registry, &cursor, 1, see, &seen)) {
        }
        cr_assert_eq(seen.count, 6 - gone, "order %zu", i);
        look_end(&look, 1U << orders[i][0] | 1U << orders[i][1]);
    }
}

/* All that is left may go: the mark alone is in the list. */
Test(registry_look, a_look_ends_when_all_have_gone)
{
    struct look look;
    struct registry_cursor cursor = {.placed = false};
    struct seen seen = {.count = 0};
    look_begin(&look);
    cr_assert(registry_look(registry, &cursor, 1, see, &seen));
    for (size_t i = 0; i < 7; i++)
        registry_remove(registry, &look.entries[i]);
    cr_assert_not(registry_look(registry, &cursor, 1, see, &seen));
    cr_assert_eq(seen.count, 1);
    look_end(&look, 127);
}
