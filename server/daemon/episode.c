#include "server/daemon/episode.h"

#include "relay/clock.h"

enum { QUIET_US = 5000000 };

bool episode_begins(struct episode *episode)
{
    long long now = clock_now_us();
    long long last = atomic_exchange(&episode->last_us, now);
    return last == 0 || now - last >= QUIET_US;
}
