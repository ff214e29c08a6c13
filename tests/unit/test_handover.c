#include "server/daemon/handover.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

enum { TIMES = 200 };

static bool is_readable(const struct handover *handover)
{
    struct pollfd set = {.fd = handover_fd(handover), .events = POLLIN};
    return poll(&set, 1, 0) == 1;
}

struct giver {
    struct handover *handover;
    int things[TIMES];
    atomic_int given; /* how many were taken, as this thread has learned */
    pthread_t thread;
};

static void *give_all(void *arg)
{
    struct giver *giver = arg;
    for (size_t i = 0; i < TIMES && handover_give(giver->handover, &giver->things[i]); i++)
        atomic_fetch_add(&giver->given, 1);
    return NULL;
}

static void begin(struct giver *giver)
{
    *giver = (struct giver){.handover = handover_new()};
    cr_assert_not_null(giver->handover);
    cr_assert_eq(pthread_create(&giver->thread, NULL, give_all, giver), 0);
}

static void end(struct giver *giver)
{
    cr_assert_eq(pthread_join(giver->thread, NULL), 0);
    handover_free(giver->handover);
}

/* The next thing, once it is there. */
static void *await(struct handover *handover)
{
    struct pollfd set = {.fd = handover_fd(handover), .events = POLLIN};
    cr_assert_eq(poll(&set, 1, 20000), 1);
    return handover_take(handover);
}

Test(handover, the_giver_goes_on_when_the_taker_is_done, .timeout = 60)
{
    struct giver giver;
    begin(&giver);
    for (size_t i = 0; i < TIMES; i++) {
        cr_assert_eq(await(giver.handover), &giver.things[i]);
        cr_assert_eq(atomic_load(&giver.given), i, "it waits");
        cr_assert_not(is_readable(giver.handover));
        cr_assert_null(handover_take(giver.handover), "it was taken already");
        handover_done(giver.handover);
    }
    end(&giver);
    cr_assert_eq(atomic_load(&giver.given), TIMES);
}

Test(handover, nothing_to_take)
{
    struct handover *handover = handover_new();
    cr_assert_not(is_readable(handover));
    cr_assert_null(handover_take(handover));
    handover_free(handover);
    handover_free(NULL);
}

Test(handover, who_waits_is_sent_away_when_it_is_closed, .timeout = 60)
{
    struct giver giver;
    begin(&giver);
    cr_assert_eq(await(giver.handover), &giver.things[0]);
    handover_done(giver.handover);
    struct pollfd set = {.fd = handover_fd(giver.handover), .events = POLLIN};
    cr_assert_eq(poll(&set, 1, 20000), 1, "the second one is given");
    handover_close(giver.handover);
    cr_assert_null(handover_take(giver.handover));
    end(&giver);
    cr_assert_eq(atomic_load(&giver.given), 1);
}

/* What was dealt with counts, though it is closed before the giver has noticed. */
Test(handover, closing_takes_nothing_back, .timeout = 60)
{
    struct giver giver;
    begin(&giver);
    cr_assert_eq(await(giver.handover), &giver.things[0]);
    handover_done(giver.handover);
    handover_close(giver.handover);
    end(&giver);
    cr_assert_eq(atomic_load(&giver.given), 1);
}

Test(handover, what_comes_after_the_close_is_not_taken, .timeout = 60)
{
    int thing;
    struct handover *handover = handover_new();
    handover_close(handover);
    cr_assert_not(handover_give(handover, &thing));
    cr_assert_not(handover_give(handover, &thing));
    handover_free(handover);
}
