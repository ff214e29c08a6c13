#include "server/daemon/handlers/backends.h"

#include <criterion/criterion.h>
#include <string.h>

enum { SECOND = 1000000, COUNT = 3 };

static struct config_address addresses[COUNT] = {{.text = "0"}, {.text = "1"}, {.text = "2"}};

static struct backends *make(struct config_backends *config, enum config_balance balance)
{
    struct error_text error;
    *config = (struct config_backends){.items = addresses, .count = COUNT, .balance = balance};
    struct backends *backends = backends_new(config, &error);
    cr_assert_not_null(backends);
    return backends;
}

static void expect_order(const struct backends_turn *turn, const char *wanted)
{
    char order[COUNT + 1] = "";
    cr_assert_eq(turn->count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        order[i] = turn->order[i].text[0];
        cr_assert_eq(turn->numbers[i], (size_t)(order[i] - '0'));
    }
    cr_assert_str_eq(order, wanted);
}

/* A connection that is won by the one at that place. Returns which one is left out for it. */
static size_t win(struct backends *backends, const char *order, size_t place, int64_t now_us)
{
    struct backends_turn turn;
    size_t down;
    backends_begin(backends, &turn, now_us);
    expect_order(&turn, order);
    cr_assert_eq(backends_won(backends, &turn, place, now_us, &down), turn.numbers[place]);
    return down;
}

static void lose(struct backends *backends, const char *order, int64_t now_us)
{
    struct backends_turn turn;
    backends_begin(backends, &turn, now_us);
    expect_order(&turn, order);
    backends_lost(backends, &turn, now_us);
}

Test(backends, as_written)
{
    struct config_backends config;
    struct backends *backends = make(&config, CONFIG_BALANCE_FAILOVER);
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(win(backends, "012", 0, SECOND), (size_t)CONFIG_BACKENDS_MAX);
    cr_assert_eq(backends_look(backends, 0).connections, 5);
    backends_free(backends);
}

Test(backends, by_turns)
{
    struct config_backends config;
    struct backends *backends = make(&config, CONFIG_BALANCE_ROUND_ROBIN);
    static const char *const orders[] = {"012", "120", "201", "012"};
    for (size_t i = 0; i < 4; i++)
        (void)win(backends, orders[i], 0, SECOND);
    backends_free(backends);
}

Test(backends, the_one_with_the_fewest_connections)
{
    struct config_backends config;
    struct backends *backends = make(&config, CONFIG_BALANCE_LEAST_CONNECTIONS);
    struct backends_turn waiting;
    (void)win(backends, "012", 0, SECOND);
    (void)win(backends, "120", 0, SECOND);
    backends_begin(backends, &waiting, SECOND); /* counts while it connects */
    expect_order(&waiting, "201");
    (void)win(backends, "012", 0, SECOND);
    (void)win(backends, "120", 0, SECOND);
    backends_left(backends, 1);
    backends_left(backends, 1);
    (void)win(backends, "120", 0, SECOND); /* 2, 0 and 1 connections, and its turn is 2's */
    backends_gave_up(backends, &waiting);
    (void)win(backends, "210", 0, SECOND); /* 2, 1 and 0 */
    for (size_t i = 0; i < COUNT; i++)
        cr_assert_eq(backends_look(backends, i).connections, i == 0 ? 2 : 1);
    backends_free(backends);
}

Test(backends, one_that_has_failed_is_left_out_twice_as_long_each_time)
{
    struct config_backends config;
    struct backends *backends = make(&config, CONFIG_BALANCE_FAILOVER);
    int64_t now_us = SECOND, out_us = SECOND;
    cr_assert_eq(win(backends, "012", 1, now_us), 0, "it is news");
    for (size_t i = 0; i < 8; i++) {
        cr_assert_not(backends_look(backends, 0).up);
        (void)win(backends, "120", 0, now_us + out_us - 1);
        now_us += out_us;
        cr_assert_eq(win(backends, "012", 1, now_us), (size_t)CONFIG_BACKENDS_MAX, "no news");
        out_us = out_us < 32 * SECOND ? 2 * out_us : 60 * SECOND;
    }
    (void)win(backends, "012", 0, now_us + out_us); /* it answers */
    cr_assert(backends_look(backends, 0).up);
    cr_assert_eq(win(backends, "012", 1, now_us + out_us), 0);
    (void)win(backends, "012", 0, now_us + out_us + SECOND);
    backends_free(backends);
}

Test(backends, one_connection_at_a_time_tries_it_again)
{
    struct config_backends config;
    struct backends *backends = make(&config, CONFIG_BALANCE_FAILOVER);
    struct backends_turn probe;
    (void)win(backends, "012", 1, SECOND);
    backends_begin(backends, &probe, 2 * SECOND);
    expect_order(&probe, "012");
    (void)win(backends, "120", 0, 3 * SECOND);
    backends_gave_up(backends, &probe); /* nothing is known: the next one tries it */
    (void)win(backends, "012", 0, 3 * SECOND);
    backends_free(backends);
}

Test(backends, if_all_are_left_out_all_are_tried_as_written)
{
    struct config_backends config;
    struct backends *backends = make(&config, CONFIG_BALANCE_ROUND_ROBIN);
    lose(backends, "012", SECOND);
    for (size_t i = 0; i < 3; i++) /* which leaves them out no longer than before */
        lose(backends, "012", SECOND + 1);
    (void)win(backends, "120", 0, 2 * SECOND);
    cr_assert(backends_look(backends, 1).up);
    cr_assert_not(backends_look(backends, 0).up || backends_look(backends, 2).up);
    cr_assert_eq(backends_look(backends, 1).connections, 1);
    backends_free(backends);
}

Test(backends, those_that_stay_go_on_after_a_reload)
{
    struct config_backends config;
    struct config_address later[] = {{.text = "2"}, {.text = "0"}, {.text = "new"}};
    const struct config_backends next = {
        .items = later, .count = COUNT, .balance = CONFIG_BALANCE_FAILOVER};
    struct error_text error;
    struct backends *before = make(&config, CONFIG_BALANCE_FAILOVER);
    (void)win(before, "012", 2, SECOND);
    struct backends *after = backends_new(&next, &error);
    cr_assert_not_null(after);
    backends_follow(after, before);
    cr_assert(backends_look(after, 0).up && !backends_look(after, 1).up);
    cr_assert_eq(backends_look(after, 0).connections, 1);
    cr_assert_eq(backends_look(after, 2).connections, 0);
    backends_left(before, 2);
    backends_free(before);
    cr_assert_eq(backends_look(after, 0).connections, 0);
    backends_free(after);
}

Test(backends, from_another_address_they_begin_anew)
{
    struct config_backends config;
    struct config_backends next = {.items = addresses, .count = COUNT, .source = {.mark = 1}};
    struct error_text error;
    struct backends *before = make(&config, CONFIG_BALANCE_FAILOVER);
    lose(before, "012", SECOND);
    struct backends *after = backends_new(&next, &error);
    cr_assert_not_null(after);
    backends_follow(after, before);
    cr_assert(backends_look(after, 0).up && !backends_look(before, 0).up);
    backends_free(after);
    backends_free(before);
}
