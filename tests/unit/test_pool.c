/* The pool of a fleet: who gets whom, in which order, and that nobody is lost. The tasks whose
 * bells it rings are never run here. */
#include "server/daemon/fleet/pool.h"

#include "server/daemon/fleet/fleet.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 1000 };

struct scene {
    struct crew *crew;
    struct bell bell;
    struct fleet *fleet;
    struct pool *pool;
};

static enum task_next no_run(struct task *task, void *arg)
{
    (void)task;
    (void)arg;
    return TASK_END;
}

static void begin(struct scene *scene)
{
    *scene = (struct scene){.crew = crew_new(&(struct crew_options){.threads = 1}),
                            .fleet = fleet_new()};
    cr_assert(scene->crew && scene->fleet);
    scene->bell.task = task_new(scene->crew, no_run, NULL);
    scene->pool = fleet_pool(scene->fleet, "field");
    cr_assert(scene->bell.task && scene->pool);
}

static void end(struct scene *scene)
{
    struct pool_counts counts = pool_count(scene->pool);
    cr_assert_eq(counts.offers, 0);
    cr_assert_eq(counts.callers, 0);
    cr_assert_eq(counts.names, 0);
    task_discard(scene->bell.task);
    fleet_free(scene->fleet);
    crew_free(scene->crew);
}

/* Also on threads of a test's own, where no assertion may fail. */
static void park(struct scene *scene, struct pool_offer *offer, const char *name, uint64_t number)
{
    const struct pool_terms terms = {
        .names = &name, .count = 1, .per_name = MANY, .number = number};
    if (!pool_park(scene->pool, offer, &terms, &scene->bell))
        abort();
}

static void call(struct scene *scene, struct pool_caller *caller, const char *name, int fd)
{
    *caller = (struct pool_caller){.request.fd = fd};
    (void)snprintf(caller->request.name, sizeof(caller->request.name), "%s", name);
    if (!pool_call(scene->pool, caller, &scene->bell))
        abort();
}

/* The descriptor that the offer gets; -1: it is not wanted. */
static int accept_one(struct pool_offer *offer)
{
    struct pool_request request;
    return pool_accept(offer, &request) ? request.fd : -1;
}

Test(pool, an_offer_knows_under_which_names_it_is)
{
    struct scene scene;
    struct pool_offer offer;
    const char *const names[] = {"dev1.example", "dev2.example"};
    const char *const others[] = {"dev1.example", "dev3.example"};
    const struct pool_terms terms = {.names = names, .count = 2, .per_name = MANY};
    begin(&scene);
    cr_assert(pool_park(scene.pool, &offer, &terms, &scene.bell));
    cr_assert(pool_has_names(&offer, &terms));
    cr_assert_not(pool_has_names(&offer, &(struct pool_terms){.names = names, .count = 1}));
    cr_assert_not(pool_has_names(&offer, &(struct pool_terms){.names = others, .count = 2}));
    pool_leave(&offer);
    end(&scene);
}

Test(pool, an_offer_for_a_caller_alone_displaces_no_other)
{
    struct scene scene;
    struct pool_offer parked, passing;
    struct pool_caller first, second, passed_on;
    const char *name = "a.example";
    const struct pool_terms terms = {.names = &name, .count = 1, .per_name = POOL_ONLY_WANTED};
    begin(&scene);
    cr_assert(!pool_wants(scene.pool, name));
    passed_on = (struct pool_caller){.request = {.fd = 3, .passed_on = true}};
    (void)snprintf(passed_on.request.name, sizeof(passed_on.request.name), "%s", name);
    cr_assert(pool_call(scene.pool, &passed_on, &scene.bell));
    cr_assert(!pool_wants(scene.pool, name), "a request is passed on once");
    cr_assert_eq(pool_count_waiting(scene.pool, name), 0);
    call(&scene, &first, name, 1);
    cr_assert(pool_wants(scene.pool, name));
    cr_assert_eq(pool_count_waiting(scene.pool, name), 1);
    cr_assert(pool_park(scene.pool, &passing, &terms, &scene.bell));
    cr_assert(!pool_wants(scene.pool, name));
    cr_assert_eq(accept_one(&passing), 1);
    pool_leave(&passing);
    cr_assert(pool_cancel(&passed_on));
    park(&scene, &parked, name, 1);
    cr_assert(pool_park(scene.pool, &passing, &terms, &scene.bell));
    cr_assert_eq(pool_offer_state(&passing), POOL_DISPLACED);
    cr_assert_eq(pool_offer_state(&parked), POOL_PARKED);
    call(&scene, &second, name, 2);
    cr_assert_eq(accept_one(&parked), 2);
    pool_leave(&parked);
    pool_leave(&passing);
    end(&scene);
}

Test(pool, the_freshest_offer_is_given)
{
    struct scene scene;
    struct pool_offer offers[3];
    struct pool_caller caller;
    begin(&scene);
    for (size_t i = 0; i < 3; i++)
        park(&scene, &offers[i], "a", i);
    cr_assert(pool_has(scene.pool, "a"));
    call(&scene, &caller, "a", 7);
    cr_assert(bell_take(&scene.bell));
    cr_assert_eq(pool_offer_state(&offers[2]), POOL_WANTED);
    cr_assert_eq(pool_offer_state(&offers[0]), POOL_PARKED);
    cr_assert_eq(accept_one(&offers[1]), -1);
    cr_assert_eq(pool_caller_state(&caller), POOL_GIVEN);
    cr_assert_eq(accept_one(&offers[2]), 7);
    cr_assert_eq(pool_caller_state(&caller), POOL_JOINED);
    cr_assert_eq(caller.joined_number, 2);
    cr_assert_eq(caller.request.fd, -1, "it is the offer's now");
    cr_assert_not(pool_cancel(&caller));
    for (size_t i = 0; i < 3; i++)
        pool_leave(&offers[i]);
    end(&scene);
}

Test(pool, names_are_apart)
{
    struct scene scene;
    struct pool_offer offer;
    struct pool_caller caller;
    begin(&scene);
    park(&scene, &offer, "a", 1);
    call(&scene, &caller, "ab", 7);
    cr_assert_eq(pool_caller_state(&caller), POOL_WAITS);
    cr_assert_eq(pool_offer_state(&offer), POOL_PARKED);
    cr_assert_neq(fleet_pool(scene.fleet, "other"), scene.pool);
    cr_assert_eq(fleet_pool(scene.fleet, "field"), scene.pool);
    cr_assert(pool_cancel(&caller));
    pool_leave(&offer);
    end(&scene);
}

Test(pool, callers_are_served_in_their_order)
{
    struct scene scene;
    struct pool_offer offers[3];
    struct pool_caller callers[3];
    begin(&scene);
    for (int i = 0; i < 3; i++)
        call(&scene, &callers[i], "a", i);
    for (int i = 0; i < 3; i++) {
        park(&scene, &offers[i], "a", (uint64_t)i);
        cr_assert_eq(accept_one(&offers[i]), i);
        pool_leave(&offers[i]);
    }
    end(&scene);
}

/* An offer that was given and leaves: its caller is again before those that came after it. */
Test(pool, whose_offer_has_left_waits_at_its_old_place)
{
    struct scene scene;
    struct pool_offer offers[2];
    struct pool_caller callers[3];
    begin(&scene);
    call(&scene, &callers[0], "a", 0);
    call(&scene, &callers[1], "a", 1);
    park(&scene, &offers[0], "a", 0);
    call(&scene, &callers[2], "a", 2);
    pool_leave(&offers[0]);
    cr_assert_eq(pool_caller_state(&callers[0]), POOL_WAITS);
    for (int i = 0; i < 3; i++) {
        park(&scene, &offers[1], "a", 1);
        cr_assert_eq(accept_one(&offers[1]), i);
        pool_leave(&offers[1]);
    }
    end(&scene);
}

Test(pool, whose_offer_has_left_gets_the_next_one)
{
    struct scene scene;
    struct pool_offer offers[2];
    struct pool_caller caller;
    begin(&scene);
    park(&scene, &offers[0], "a", 0);
    park(&scene, &offers[1], "a", 1);
    call(&scene, &caller, "a", 7);
    pool_leave(&offers[1]);
    cr_assert_eq(accept_one(&offers[0]), 7);
    pool_leave(&offers[0]);
    end(&scene);
}

/* A caller that gives up in between: the offer is the next caller's, or parked again. */
Test(pool, the_offer_of_a_caller_that_gives_up_is_not_lost)
{
    struct scene scene;
    struct pool_offer offer;
    struct pool_caller callers[2];
    begin(&scene);
    park(&scene, &offer, "a", 0);
    call(&scene, &callers[0], "a", 0);
    call(&scene, &callers[1], "a", 1);
    cr_assert(pool_cancel(&callers[0]));
    cr_assert_eq(pool_caller_state(&callers[0]), POOL_NOT_HERE);
    cr_assert_eq(pool_caller_state(&callers[1]), POOL_GIVEN);
    cr_assert(pool_cancel(&callers[1]));
    cr_assert_eq(pool_offer_state(&offer), POOL_PARKED);
    cr_assert_eq(accept_one(&offer), -1);
    pool_leave(&offer);
    end(&scene);
}

Test(pool, an_offer_with_several_names_is_given_once_and_to_the_first)
{
    struct scene scene;
    struct pool_offer offer;
    struct pool_caller callers[3];
    const char *names[] = {"a", "b"};
    begin(&scene);
    call(&scene, &callers[0], "b", 0);
    call(&scene, &callers[1], "a", 1);
    const struct pool_terms terms = {.names = names, .count = 2, .per_name = MANY};
    cr_assert(pool_park(scene.pool, &offer, &terms, &scene.bell));
    cr_assert_eq(accept_one(&offer), 0, "the one who came first, under whichever name");
    pool_leave(&offer);
    cr_assert(pool_cancel(&callers[1]));
    cr_assert(pool_park(scene.pool, &offer, &terms, &scene.bell));
    call(&scene, &callers[1], "a", 1);
    call(&scene, &callers[2], "b", 2);
    cr_assert_eq(pool_caller_state(&callers[2]), POOL_WAITS);
    cr_assert_eq(accept_one(&offer), 1);
    pool_leave(&offer);
    cr_assert(pool_cancel(&callers[2]));
    end(&scene);
}

Test(pool, the_oldest_of_too_many_is_displaced)
{
    struct scene scene;
    struct pool_offer offers[3];
    struct pool_caller caller;
    const char *names[] = {"a", "b"};
    const struct pool_terms terms = {.names = names, .count = 2, .per_name = 2};
    begin(&scene);
    for (size_t i = 0; i < 3; i++)
        cr_assert(pool_park(scene.pool, &offers[i], &terms, &scene.bell));
    cr_assert_eq(pool_offer_state(&offers[0]), POOL_DISPLACED);
    cr_assert_eq(pool_count(scene.pool).offers, 2);
    cr_assert_eq(pool_count(scene.pool).displaced, 1);
    pool_leave(&offers[2]);
    pool_leave(&offers[1]);
    call(&scene, &caller, "b", 7);
    cr_assert_eq(pool_caller_state(&caller), POOL_WAITS, "a displaced offer is not given");
    cr_assert(pool_cancel(&caller));
    pool_leave(&offers[0]);
    end(&scene);
}

/* A connection through another collector is for one who waits, and for nobody later. */
Test(pool, what_is_only_for_who_waits_is_not_parked)
{
    struct scene scene;
    struct pool_offer offer;
    struct pool_caller caller;
    const char *name = "a";
    const struct pool_terms terms = {.names = &name, .count = 1, .per_name = POOL_ONLY_WANTED};
    begin(&scene);
    cr_assert_not(pool_wants(scene.pool, "a"));
    cr_assert(pool_park(scene.pool, &offer, &terms, &scene.bell));
    cr_assert_eq(pool_offer_state(&offer), POOL_DISPLACED);
    pool_leave(&offer);
    call(&scene, &caller, "a", 7);
    cr_assert(pool_wants(scene.pool, "a"));
    cr_assert(pool_park(scene.pool, &offer, &terms, &scene.bell));
    cr_assert_not(pool_wants(scene.pool, "a"));
    cr_assert(pool_cancel(&caller));
    cr_assert_eq(pool_offer_state(&offer), POOL_DISPLACED);
    cr_assert_eq(accept_one(&offer), -1);
    pool_leave(&offer);
    end(&scene);
}

/* ---- The seam for several collectors --------------------------------------------------------- */

struct notes {
    char text[256];
};

static void noted(void *arg, struct pool *pool, const char *name, bool here)
{
    struct notes *notes = arg;
    size_t length = strlen(notes->text);
    cr_assert_str_eq(pool_title(pool), "field");
    (void)snprintf(notes->text + length, sizeof(notes->text) - length, "%s%s ", here ? "+" : "-",
                   name);
}

static void wanted(void *arg, struct pool *pool, const char *name, int64_t after_ms)
{
    struct notes *notes = arg;
    size_t length = strlen(notes->text);
    cr_assert_not(pool_has(pool, name));
    (void)snprintf(notes->text + length, sizeof(notes->text) - length, "%s%d ", name,
                   (int)after_ms);
}

Test(pool, others_are_told_which_names_are_here)
{
    struct scene scene;
    struct notes notes = {.text = ""};
    struct pool_offer offers[2];
    struct pool_caller caller;
    begin(&scene);
    fleet_set_elsewhere(scene.fleet, &(struct fleet_elsewhere){noted, wanted, &notes});
    park(&scene, &offers[0], "a", 0);
    park(&scene, &offers[1], "a", 1);
    pool_leave(&offers[1]);
    call(&scene, &caller, "a", 7);
    cr_assert(pool_cancel(&caller));
    pool_leave(&offers[0]);
    fleet_wanted(scene.fleet, scene.pool, "b", 7);
    cr_assert_str_eq(notes.text, "+a -a +a -a b7 ");
    end(&scene);
}

/* ---- What is shown --------------------------------------------------------------------------- */

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

Test(pool, names_in_use_are_shown_first)
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
Test(pool, joins_are_shown_while_they_last)
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

Test(pool, outcomes_are_counted)
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

Test(pool, many_names_are_found_and_looked_at)
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

/* ---- Churn: offers and callers on many threads ------------------------------------------------
 */

enum { THREADS = 4, ROUNDS = 4000, NAMES = 3 };

struct churn {
    struct scene scene;
    atomic_uint accepted, joined, wrong;
};

/* The name is in the descriptor, so that a wrong join shows. */
static void offer_some(struct churn *churn, unsigned *seed)
{
    struct pool_offer offer;
    struct pool_request request;
    char name[2] = {(char)('a' + rand_r(seed) % NAMES), '\0'};
    bool done = false;
    park(&churn->scene, &offer, name, (uint64_t)name[0]);
    for (int i = rand_r(seed) % 20; i > 0 && !done; i--) {
        done = pool_offer_state(&offer) == POOL_WANTED && pool_accept(&offer, &request);
        if (done) {
            bool right = strcmp(request.name, name) == 0 && request.fd == name[0];
            atomic_fetch_add(&churn->wrong, !right);
            atomic_fetch_add(&churn->accepted, 1);
        }
        (void)sched_yield();
    }
    pool_leave(&offer);
}

static void call_some(struct churn *churn, unsigned *seed)
{
    struct pool_caller caller;
    char name[2] = {(char)('a' + rand_r(seed) % NAMES), '\0'};
    call(&churn->scene, &caller, name, name[0]);
    for (int i = rand_r(seed) % 20; i > 0 && pool_caller_state(&caller) != POOL_JOINED; i--)
        (void)sched_yield();
    bool joined = !pool_cancel(&caller);
    bool right = caller.request.fd == (joined ? -1 : name[0]) &&
                 (!joined || caller.joined_number == (uint64_t)name[0]);
    atomic_fetch_add(&churn->wrong, !right);
    atomic_fetch_add(&churn->joined, joined);
}

static void *offers_thread(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)pthread_self();
    for (int i = 0; i < ROUNDS; i++)
        offer_some(arg, &seed);
    return NULL;
}

static void *calls_thread(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)pthread_self();
    for (int i = 0; i < ROUNDS; i++)
        call_some(arg, &seed);
    return NULL;
}

Test(pool, nobody_is_lost_or_joined_to_another_name, .timeout = 60)
{
    struct churn churn = {.accepted = 0};
    pthread_t threads[THREADS];
    begin(&churn.scene);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(
            pthread_create(&threads[i], NULL, i % 2 ? offers_thread : calls_thread, &churn), 0);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    cr_assert_eq(atomic_load(&churn.wrong), 0);
    cr_assert_gt(atomic_load(&churn.accepted), 0);
    cr_assert_eq(atomic_load(&churn.accepted), atomic_load(&churn.joined));
    cr_assert_eq(pool_count(churn.scene.pool).joined, atomic_load(&churn.joined));
    end(&churn.scene);
}
