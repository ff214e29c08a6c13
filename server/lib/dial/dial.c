#include "server/lib/dial/dial.h"

#include "server/lib/dial/steps.h"

/* Runs the dial to its end. Returns the winner's descriptor, or -1. */
static int run(struct dial_steps *steps, struct candidate *winner)
{
    struct pollfd set[DIAL_MAX_DESCRIPTORS];
    int64_t until_us;
    int error = 0;
    int fd = -1;
    enum race_result result = steps_go(steps, winner, &fd);
    while (result == RACE_WAITS && error == 0) {
        nfds_t count = steps_poll_set(steps, set, &until_us);
        error = dial_wait(&steps->dial->wait, set, count, until_us);
        if (error == 0)
            result = steps_go(steps, winner, &fd);
    }
    steps_end(steps, error);
    return fd;
}

int dial_first(const struct dial *dial, struct candidate *winner)
{
    struct dial_steps steps;
    steps_begin(&steps, dial);
    return run(&steps, winner);
}

int dial_list(const struct dial *dial, const struct candidate *list, size_t count,
              struct candidate *winner)
{
    struct dial_steps steps;
    steps_begin_list(&steps, dial, list, count);
    return run(&steps, winner);
}

int dial_one(const struct dial *dial, const struct candidate *to)
{
    struct candidate winner;
    return dial_list(dial, to, 1, &winner);
}
