#include "server/daemon/episode.h"

#include "relay/clock.h"

#include <criterion/criterion.h>

Test(episode, only_its_begin_is_worth_a_line)
{
    struct episode episode = {0};
    cr_assert(episode_begins(&episode));
    for (int i = 0; i < 1000; i++)
        cr_assert_not(episode_begins(&episode), "%d", i);
}

Test(episode, after_a_quiet_time_there_is_a_new_one)
{
    struct episode episode = {0};
    cr_assert(episode_begins(&episode));
    atomic_store(&episode.last_us, clock_now_us() - 4000000);
    cr_assert_not(episode_begins(&episode), "4 s are not quiet enough");
    atomic_store(&episode.last_us, clock_now_us() - 5000000);
    cr_assert(episode_begins(&episode));
    cr_assert_not(episode_begins(&episode));
}

Test(episode, two_troubles_are_apart)
{
    struct episode one = {0};
    struct episode other = {0};
    cr_assert(episode_begins(&one));
    cr_assert(episode_begins(&other));
}
