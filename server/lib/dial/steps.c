#include "server/lib/dial/steps.h"

#include "relay/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct config_address *target_of(const struct dial_steps *steps)
{
    return &steps->dial->addresses[steps->target];
}

static void report(const struct dial_steps *steps, const char *why)
{
    steps->dial->observer.failed(steps->dial->observer.arg, target_of(steps)->text, why);
}

/* For the race. To whoever dials, it is the target that was not reached. */
static void proxy_failed(void *arg, const char *address, const char *why)
{
    struct error_text text;
    (void)error_set(&text, "the proxy %s cannot be reached: %s", address, why);
    report(arg, text.text);
}

static void begin_race(struct dial_steps *steps)
{
    steps->stage = DIAL_RACE;
    race_begin(&steps->race, &steps->to_proxy);
}

static void prepare(struct dial_steps *steps, const struct dial *dial)
{
    steps->dial = dial;
    steps->stage = DIAL_DIRECT;
    steps->target = 0;
    steps->talk.fd = -1;
}

void steps_begin_list(struct dial_steps *steps, const struct dial *dial,
                      const struct candidate *list, size_t count)
{
    prepare(steps, dial);
    race_begin_list(&steps->race, dial, list, count);
}

void steps_begin(struct dial_steps *steps, const struct dial *dial)
{
    prepare(steps, dial);
    if (!dial->through) {
        race_begin(&steps->race, dial);
        return;
    }
    steps->to_proxy = *dial;
    steps->to_proxy.addresses = &dial->through->proxy->address;
    steps->to_proxy.count = 1;
    steps->to_proxy.observer = (struct dial_observer){.failed = proxy_failed, .arg = steps};
    begin_race(steps);
}

/* ---- The talk ------------------------------------------------------------------------------ */

/* The race goes on to exist, since its descriptor may be watched still. */
static void begin_talk(struct dial_steps *steps, int fd)
{
    int64_t now_us = clock_now_us();
    int64_t left = (int64_t)(steps->dial->count - steps->target);
    steps->stage = DIAL_TALK;
    steps->until_us = steps->dial->deadline_us == DEADLINE_NEVER
                          ? DEADLINE_NEVER
                          : now_us + (steps->dial->deadline_us - now_us) / left;
    through_begin(&steps->talk, steps->dial->through, target_of(steps), fd);
}

static void end_talk(struct dial_steps *steps)
{
    through_end(&steps->talk);
    if (steps->talk.fd >= 0)
        close(steps->talk.fd);
    steps->talk.fd = -1;
}

static enum race_result turn(struct dial_steps *steps)
{
    if (steps->target + 1 == steps->dial->count || clock_now_us() >= steps->dial->deadline_us)
        return RACE_FAILED;
    steps->target++;
    steps->stage = DIAL_TURNED;
    return RACE_WAITS;
}

static enum race_result fail_late(struct dial_steps *steps)
{
    struct error_text why;
    (void)error_set(&why, "the proxy %s has not connected to it within %s%s",
                    steps->dial->through->proxy->address.text,
                    steps->dial->count > 1 ? "its part of " : "", steps->dial->limit_name);
    report(steps, why.text);
    return turn(steps);
}

static enum race_result talk(struct dial_steps *steps, struct candidate *winner, int *fd)
{
    struct error_text why = {.text = ""};
    switch (through_step(&steps->talk, &why)) {
    case THROUGH_WAITS:
        return clock_now_us() < steps->until_us ? RACE_WAITS : fail_late(steps);
    case THROUGH_FAILED:
        report(steps, why.text);
        return turn(steps);
    case THROUGH_UP:
        break;
    }
    winner->of = target_of(steps);
    *fd = steps->talk.fd;
    steps->talk.fd = -1;
    return RACE_WON;
}

/* ---- Steps --------------------------------------------------------------------------------- */

static enum race_result step_race(struct dial_steps *steps, struct candidate *winner, int *fd)
{
    enum race_result result = race_step(&steps->race, winner, fd);
    if (result != RACE_WON)
        return result;
    begin_talk(steps, *fd);
    *fd = -1;
    return talk(steps, winner, fd);
}

enum race_result steps_go(struct dial_steps *steps, struct candidate *winner, int *fd)
{
    *fd = -1;
    if (steps->stage == DIAL_DIRECT)
        return race_step(&steps->race, winner, fd);
    if (steps->stage == DIAL_TALK)
        return talk(steps, winner, fd);
    if (steps->stage == DIAL_TURNED) { /* nothing of the last turn is watched any more */
        end_talk(steps);
        race_end(&steps->race, 0);
        begin_race(steps);
    }
    return step_race(steps, winner, fd);
}

nfds_t steps_poll_set(const struct dial_steps *steps, struct pollfd set[DIAL_MAX_DESCRIPTORS],
                      int64_t *until_us)
{
    if (steps->stage == DIAL_DIRECT || steps->stage == DIAL_RACE)
        return race_poll_set(&steps->race, set, until_us);
    *until_us = steps->until_us;
    set[0] = (struct pollfd){.fd = steps->talk.fd, .events = through_events(&steps->talk)};
    if (steps->stage == DIAL_TALK)
        return 1;
    *until_us = clock_now_us();
    return 0;
}

int64_t steps_wait(struct dial_steps *steps, struct pollfd *own)
{
    struct pollfd set[DIAL_MAX_DESCRIPTORS];
    int64_t until_us;
    if (steps->stage == DIAL_DIRECT || steps->stage == DIAL_RACE)
        return race_wait(&steps->race, own);
    nfds_t count = steps_poll_set(steps, set, &until_us);
    *own = count > 0 ? set[0] : (struct pollfd){.fd = -1};
    return until_us;
}

void steps_end(struct dial_steps *steps, int error)
{
    if (steps->stage == DIAL_TALK && error != 0 && error != ECANCELED)
        report(steps, strerror(error));
    if (steps->stage != DIAL_DIRECT)
        end_talk(steps);
    race_end(&steps->race, steps->stage == DIAL_TALK ? 0 : error);
}
