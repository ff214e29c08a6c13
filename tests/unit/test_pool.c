/* The pool of a fleet: who gets whom, in which order, and that nobody is lost. */
#include "tests/unit/test_pool.h"

#include <string.h>

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
