#include "server/daemon/backoff.h"

#include <criterion/criterion.h>

Test(backoff, grows_to_the_max_and_never_leaves_its_bounds)
{
    for (int round = 0; round < 200; round++) {
        struct backoff backoff = {.min_ms = 100, .max_ms = 2000};
        int64_t ceiling_ms = 100;
        for (int failure = 1; failure < 100; failure++) {
            ceiling_ms = ceiling_ms * 2 > 2000 ? 2000 : ceiling_ms * 2;
            int64_t wait_ms = backoff_next_ms(&backoff);
            cr_assert_geq(wait_ms, 100, "failure %d", failure);
            cr_assert_leq(wait_ms, ceiling_ms, "failure %d", failure);
        }
    }
}

/* Both halves of the range are used: with 200 even draws, less than 60 in one half has a chance
 * below 1e-8. */
Test(backoff, is_spread_evenly)
{
    struct backoff backoff = {.min_ms = 1000, .max_ms = 3000};
    int low = 0;
    (void)backoff_next_ms(&backoff);
    (void)backoff_next_ms(&backoff);
    for (int i = 0; i < 200; i++)
        low += backoff_next_ms(&backoff) < 2000;
    cr_assert(low > 60 && low < 140, "%d of 200", low);
}

/* The first waits are spread over the jitter, and the later ones as without it. */
Test(backoff, jitter_spreads_the_first_waits)
{
    int64_t longest_ms = 0;
    for (int i = 0; i < 200; i++) {
        struct backoff backoff = {.min_ms = 100, .max_ms = 2000, .jitter_ms = 1000};
        int64_t wait_ms = i % 2 ? backoff_next_ms(&backoff) : backoff_first_ms(&backoff);
        cr_assert(wait_ms >= 100 && wait_ms <= 1100, "%d", (int)wait_ms);
        longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
    }
    cr_assert_gt(longest_ms, 800);
    struct backoff narrow = {.min_ms = 100, .max_ms = 150, .jitter_ms = 1000};
    for (int i = 0; i < 200; i++)
        cr_assert_leq(backoff_next_ms(&narrow), 150);
}

Test(backoff, a_reset_begins_anew)
{
    struct backoff backoff = {.min_ms = 10, .max_ms = 1000000};
    for (int i = 0; i < 50; i++)
        (void)backoff_next_ms(&backoff);
    backoff_reset(&backoff);
    cr_assert_leq(backoff_next_ms(&backoff), 20);
}

Test(backoff, bounds_that_are_equal_or_large)
{
    struct backoff even = {.min_ms = 1000, .max_ms = 1000};
    struct backoff large = {.min_ms = 86400000, .max_ms = 86400000};
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(backoff_next_ms(&even), 1000);
        cr_assert_eq(backoff_next_ms(&large), 86400000);
    }
}
