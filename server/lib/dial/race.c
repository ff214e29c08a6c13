#include "server/lib/dial/race.h"

#include "relay/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    ATTEMPT_DELAY_US = 250000, /* RFC 8305 section 8 */
    MAX_SPARE_DELAY_US = 2000000,
    BUSY_DELAY_US = 20000,
    MAX_BUSY_DELAY_US = 160000, /* so that hundreds that are busy leave the processor to others */
    TEXT = 160
};

/* ---- Attempts ------------------------------------------------------------------------------ */

/* From a fixed port there is one connection to a peer at a time. */
static bool is_busy(const struct dial *dial, int family, int error)
{
    bool fixed = dial->from && dial->from->port != 0;
    return family == AF_UNIX ? error == EAGAIN : fixed && error == EADDRNOTAVAIL;
}

/* A busy one is tried again after an eighth of the time that it has taken so far. */
static int64_t retry_us(const struct attempt *attempt)
{
    int64_t now_us = clock_now_us();
    int64_t delay_us = (now_us - attempt->began_us) / 8;
    if (delay_us < BUSY_DELAY_US)
        delay_us = BUSY_DELAY_US;
    return now_us + (delay_us < MAX_BUSY_DELAY_US ? delay_us : MAX_BUSY_DELAY_US);
}

/* Sets the state. connect also reports the result of a connect that was in progress. On loopback
 * its second call finds the connection up, which saves a wait. 0, or an errno. */
static int try_to_connect(const struct dial *dial, struct attempt *attempt)
{
    const struct sockaddr *where = (const struct sockaddr *)(const void *)&attempt->to.address;
    int error = connect(attempt->fd, where, attempt->to.size) == 0 ? 0 : errno;
    if (error == EINPROGRESS || error == EINTR)
        error = connect(attempt->fd, where, attempt->to.size) == 0 ? 0 : errno;
    if (error == 0 || error == EISCONN) {
        attempt->state = ATTEMPT_UP;
    } else if (error == EALREADY || error == EINPROGRESS) {
        attempt->state = ATTEMPT_IN_PROGRESS;
    } else if (is_busy(dial, where->sa_family, error)) {
        attempt->state = ATTEMPT_BUSY;
        attempt->retry_us = retry_us(attempt);
    } else {
        return error;
    }
    return 0;
}

/* Removes the attempt if it has failed or is up. Returns the winner's descriptor, or -1. */
static int judge(struct race *race, size_t number, int error, struct candidate *winner)
{
    struct attempt *attempt = &race->attempts[number];
    int fd = attempt->fd;
    if (error == 0 && attempt->state != ATTEMPT_UP)
        return -1;
    if (error != 0) {
        dial_report(race->dial, &attempt->to, strerror(error));
        race->error = error;
        close(fd);
        fd = -1;
        race->next_us = 0;
    } else {
        *winner = attempt->to;
    }
    race->attempts[number] = race->attempts[--race->count];
    return fd;
}

/* Looks at all attempts. Returns the winner's descriptor, or -1. */
static int judge_all(struct race *race, struct candidate *winner)
{
    int fd = -1;
    for (size_t i = race->count; i-- > 0 && fd < 0;) { /* those after it may go */
        struct attempt *attempt = &race->attempts[i];
        if (attempt->state == ATTEMPT_BUSY && clock_now_us() < attempt->retry_us)
            continue;
        fd = judge(race, i, try_to_connect(race->dial, attempt), winner);
    }
    return fd;
}

/* Begins an attempt. Returns the winner's descriptor if it is up at once, else -1. */
static int begin(struct race *race, const struct candidate *to, struct candidate *winner)
{
    struct attempt *attempt = &race->attempts[race->count];
    *attempt =
        (struct attempt){.to = *to, .fd = dial_socket(race->dial, to), .began_us = clock_now_us()};
    if (attempt->fd < 0) {
        race->next_us = 0;
        return -1;
    }
    int64_t delay_us =
        candidates_at_hand(&race->candidates) ? ATTEMPT_DELAY_US : race->spare_delay_us;
    race->next_us = attempt->began_us + delay_us;
    race->count++;
    return judge(race, race->count - 1, try_to_connect(race->dial, attempt), winner);
}

static bool may_begin(const struct race *race)
{
    return candidates_are_left(&race->candidates) && race->count < RACE_MAX_ATTEMPTS;
}

static bool is_permitted(const struct dial *dial, const struct candidate *to)
{
    return !dial->filter.permits || dial->filter.permits(dial->filter.arg, to);
}

/* Begins attempts as long as it is time to. Returns the winner's descriptor, or -1. */
static int begin_due(struct race *race, struct candidate *winner)
{
    bool late = false;
    int fd = -1;
    while (fd < 0 && !late && may_begin(race) && clock_now_us() >= race->next_us) {
        struct candidate to;
        enum candidates_result result =
            candidates_try(&race->candidates, &race->dial->observer, &to);
        if (result == CANDIDATES_LATER)
            break;
        if (result == CANDIDATES_ONE && is_permitted(race->dial, &to))
            fd = begin(race, &to, winner);
        late = clock_now_us() >= race->dial->deadline_us;
    }
    return fd;
}

/* ---- The end ------------------------------------------------------------------------------- */

static void report_late(const struct dial *dial, const struct attempt *attempt)
{
    char why[TEXT];
    bool port_busy = attempt->state == ATTEMPT_BUSY && attempt->to.address.ss_family != AF_UNIX;
    (void)snprintf(why, sizeof(why), "no answer within %s", dial->limit_name);
    dial_report(dial, &attempt->to,
                port_busy ? "the last connection from the port of dial_from to it has not ended yet"
                          : why);
}

static void report_all_late(const struct race *race)
{
    for (size_t i = 0; i < race->count; i++)
        report_late(race->dial, &race->attempts[i]);
}

void race_end(struct race *race, int error)
{
    for (size_t i = 0; i < race->count; i++) {
        if (error != 0 && error != ECANCELED)
            dial_report(race->dial, &race->attempts[i].to, strerror(error));
        close(race->attempts[i].fd);
    }
    race->count = 0;
    candidates_end(&race->candidates);
    if (race->set >= 0)
        close(race->set);
    race->set = -1;
}

/* ---- Steps --------------------------------------------------------------------------------- */

static int64_t spare_delay_us(const struct dial *dial)
{
    int64_t share_us = MAX_SPARE_DELAY_US;
    if (dial->deadline_us != DEADLINE_NEVER && dial->count > 0)
        share_us = (dial->deadline_us - clock_now_us()) / (int64_t)dial->count;
    return share_us < MAX_SPARE_DELAY_US ? share_us : MAX_SPARE_DELAY_US;
}

static void prepare(struct race *race, const struct dial *dial)
{
    *race = (struct race){.dial = dial, .spare_delay_us = spare_delay_us(dial), .set = -1};
}

static void limit(struct race *race)
{
    candidates_limit(&race->candidates, &race->dial->wait, race->dial->deadline_us);
    race->candidates.lookup_flags = race->dial->lookup_flags;
}

void race_begin(struct race *race, const struct dial *dial)
{
    prepare(race, dial);
    candidates_begin(&race->candidates, dial->addresses, dial->count);
    limit(race);
}

void race_begin_list(struct race *race, const struct dial *dial, const struct candidate *list,
                     size_t count)
{
    prepare(race, dial);
    candidates_begin_list(&race->candidates, list, count);
    limit(race);
}

enum race_result race_step(struct race *race, struct candidate *winner, int *fd)
{
    *fd = judge_all(race, winner);
    if (*fd < 0)
        *fd = begin_due(race, winner);
    if (*fd >= 0)
        return RACE_WON;
    if (race->count == 0 && !candidates_are_left(&race->candidates))
        return RACE_FAILED;
    if (clock_now_us() < race->dial->deadline_us)
        return RACE_WAITS;
    report_all_late(race);
    race->error = ETIMEDOUT;
    return RACE_FAILED;
}

/* ---- Waits --------------------------------------------------------------------------------- */

/* When to step if no descriptor becomes ready. */
static int64_t wake_us(const struct race *race)
{
    int64_t wake = race->dial->deadline_us;
    bool looks_up = candidates_fd(&race->candidates) >= 0;
    int64_t next_us = looks_up ? race->candidates.lookup_until_us : race->next_us;
    if (may_begin(race) && next_us < wake)
        wake = next_us;
    for (size_t i = 0; i < race->count; i++) {
        const struct attempt *attempt = &race->attempts[i];
        if (attempt->state == ATTEMPT_BUSY && attempt->retry_us < wake)
            wake = attempt->retry_us;
    }
    return wake;
}

nfds_t race_poll_set(const struct race *race, struct pollfd set[DIAL_MAX_DESCRIPTORS],
                     int64_t *until_us)
{
    nfds_t count = 0;
    int lookup_fd = candidates_fd(&race->candidates);
    if (lookup_fd >= 0)
        set[count++] = (struct pollfd){.fd = lookup_fd, .events = POLLIN};
    for (size_t i = 0; i < race->count; i++)
        if (race->attempts[i].state == ATTEMPT_IN_PROGRESS)
            set[count++] = (struct pollfd){.fd = race->attempts[i].fd, .events = POLLOUT};
    *until_us = wake_us(race);
    return count;
}

static bool add(const struct race *race, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events};
    return epoll_ctl(race->set, EPOLL_CTL_ADD, fd, &event) == 0 || errno == EEXIST;
}

/* Has the set watch what is in progress. A descriptor that is closed leaves it by itself, and its
 * number may be the next lookup's. Returns false if something cannot be watched. */
static bool watch_all(struct race *race)
{
    int lookup_fd = candidates_fd(&race->candidates);
    bool good = race->set >= 0 && (lookup_fd < 0 || add(race, lookup_fd, EPOLLIN));
    for (size_t i = 0; i < race->count && good; i++) {
        struct attempt *attempt = &race->attempts[i];
        if (attempt->state == ATTEMPT_IN_PROGRESS && !attempt->watched)
            good = attempt->watched = add(race, attempt->fd, EPOLLOUT);
    }
    return good;
}

/* Is there one attempt, and will there be no other? Then it is watched without a set. */
static bool is_alone(const struct race *race)
{
    return race->count == 1 && !candidates_are_left(&race->candidates);
}

int64_t race_wait(struct race *race, struct pollfd *own)
{
    const struct attempt *first = &race->attempts[0];
    int64_t until_us = wake_us(race);
    if (race->set < 0 && is_alone(race)) {
        bool polled = first->state == ATTEMPT_IN_PROGRESS;
        *own = (struct pollfd){.fd = polled ? first->fd : -1, .events = POLLOUT};
        return until_us;
    }
    if (race->set < 0)
        race->set = epoll_create1(EPOLL_CLOEXEC);
    *own = (struct pollfd){.fd = race->set, .events = POLLIN};
    int64_t look_us = clock_now_us() + BUSY_DELAY_US;
    return watch_all(race) || until_us < look_us ? until_us : look_us;
}
