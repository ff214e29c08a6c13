#include "server/lib/dial/dial.h"

#include "server/lib/dial/race.h"

/* Runs the race to its end. Returns the winner's descriptor, or -1. */
static int run(struct race *race, struct candidate *winner)
{
    struct pollfd set[DIAL_MAX_DESCRIPTORS];
    int64_t until_us;
    int error = 0;
    int fd = -1;
    enum race_result result = race_step(race, winner, &fd);
    while (result == RACE_WAITS && error == 0) {
        nfds_t count = race_poll_set(race, set, &until_us);
        error = dial_wait(&race->dial->wait, set, count, until_us);
        if (error == 0)
            result = race_step(race, winner, &fd);
    }
    race_end(race, error);
    return fd;
}

int dial_first(const struct dial *dial, struct candidate *winner)
{
    struct race race;
    race_begin(&race, dial);
    return run(&race, winner);
}

int dial_list(const struct dial *dial, const struct candidate *list, size_t count,
              struct candidate *winner)
{
    struct race race;
    race_begin_list(&race, dial, list, count);
    return run(&race, winner);
}

int dial_one(const struct dial *dial, const struct candidate *to)
{
    struct candidate winner;
    return dial_list(dial, to, 1, &winner);
}
