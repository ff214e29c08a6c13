/* What a look at the pool of a fleet shows. */
#include "tests/unit/test_pool.h"

enum { SEEN_MAX = 4 };

struct sight {
    size_t count;
    char names[SEEN_MAX][8];
    struct pool_seen seen[SEEN_MAX];
};

static void see(const struct pool_seen *seen, void *arg)
{
    struct sight *sight = arg;
    cr_assert_lt(sight->count, SEEN_MAX);
    (void)snprintf(sight->names[sight->count], sizeof(sight->names[0]), "%s", seen->name);
    sight->seen[sight->count++] = *seen;
}

static struct sight look(struct pool *pool, size_t count)
{
    struct sight sight = {.count = 0};
    pool_look(pool, count, see, &sight);
    return sight;
}

static const struct pool_request asked = {
    .name = "joined", .number = 7, .service = "gate", .by = "connect"};

Test(pool_look, names_in_use_are_shown_first)
{
    struct scene scene;
    struct pool_offer offers[2];
    struct pool_caller caller;
    begin(&scene);
    park(&scene, &offers[0], "idle", 1);
    park(&scene, &offers[1], "idle", 2);
    call(&scene, &caller, "wanted", 5);
    struct sight sight = look(scene.pool, SEEN_MAX);
    cr_assert_eq(sight.count, 2);
    cr_assert_str_eq(sight.names[0], "wanted");
    cr_assert_eq(sight.seen[0].callers, 1);
    cr_assert_eq(sight.seen[0].since_us, -1);
    cr_assert_eq(sight.seen[1].offers, 2);
    cr_assert_eq(sight.seen[1].since_us, offers[0].since_us, "of the oldest");
    sight = look(scene.pool, 1);
    cr_assert_eq(sight.count, 1);
    cr_assert_str_eq(sight.names[0], "wanted");
    cr_assert(pool_cancel(&caller));
    pool_leave(&offers[0]);
    pool_leave(&offers[1]);
    end(&scene);
}

/* In any order of their ends. */
Test(pool_look, joins_are_shown_while_they_last)
{
    struct scene scene;
    struct pool_join *joins[3];
    begin(&scene);
    for (size_t i = 0; i < 3; i++) {
        joins[i] = pool_join_begin(scene.pool, &asked, i);
        cr_assert_not_null(joins[i]);
    }
    cr_assert_eq(pool_count(scene.pool).joins, 3);
    pool_join_end(joins[1]);
    struct sight sight = look(scene.pool, SEEN_MAX);
    cr_assert_eq(sight.count, 1);
    cr_assert_str_eq(sight.names[0], "joined");
    cr_assert_eq(sight.seen[0].joined, 2);
    cr_assert_eq(sight.seen[0].joins, joins[2], "the newest");
    cr_assert_eq(joins[2]->older, joins[0]);
    cr_assert_null(joins[0]->older);
    cr_assert_str_eq(joins[0]->gate, "gate");
    cr_assert_eq(joins[0]->client, 7);
    pool_join_end(joins[2]);
    cr_assert_eq(look(scene.pool, SEEN_MAX).seen[0].joins, joins[0]);
    pool_join_end(joins[0]);
    pool_join_end(NULL);
    cr_assert_eq(look(scene.pool, SEEN_MAX).count, 0);
    cr_assert_eq(pool_count(scene.pool).names, 0);
    end(&scene);
}

Test(pool_look, outcomes_are_counted)
{
    struct scene scene;
    begin(&scene);
    pool_note_outcome(scene.pool, GATE_UNKNOWN);
    pool_note_outcome(scene.pool, GATE_UNKNOWN);
    pool_note_outcome(scene.pool, GATE_REACHED);
    struct pool_counts counts = pool_count(scene.pool);
    cr_assert_eq(counts.outcomes[GATE_UNKNOWN], 2);
    cr_assert_eq(counts.outcomes[GATE_REACHED], 1);
    cr_assert_eq(counts.outcomes[GATE_FAILED], 0);
    end(&scene);
}

/* ---- Many ------------------------------------------------------------------------------------ */

static void count_name(const struct pool_seen *seen, void *arg)
{
    size_t *count = arg;
    cr_assert_eq(seen->name[0], 'n');
    cr_assert_eq(seen->offers, 1);
    cr_assert_eq(seen->callers, 0);
    (*count)++;
}

Test(pool_look, many_names_are_found_and_looked_at)
{
    struct scene scene;
    static struct pool_offer offers[MANY];
    struct pool_caller caller;
    char name[16];
    size_t seen = 0;
    begin(&scene);
    for (uint64_t i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "n%u", (unsigned)i);
        park(&scene, &offers[i], name, i);
    }
    pool_look(scene.pool, MANY + 1, count_name, &seen);
    cr_assert_eq(seen, MANY);
    seen = 0;
    pool_look(scene.pool, 3, count_name, &seen);
    cr_assert_eq(seen, 3);
    for (uint64_t i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "n%u", (unsigned)i);
        call(&scene, &caller, name, (int)i);
        cr_assert_eq(accept_one(&offers[i]), (int)i);
        pool_leave(&offers[i]);
    }
    end(&scene);
}
