#include "server/dialing/connect.h"

#include "relay/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    MOST_ATTEMPTS = 16,     /* at once */
    ATTEMPT_DELAY_MS = 250, /* RFC 8305 section 8 */
    SPARE_DELAY_MS = 2000,
    BUSY_DELAY_MS = 20,
    ADDRESS_TEXT = 160
};

struct attempt {
    int fd;
    struct candidate to;
    bool busy; /* a unix socket with a full backlog: poll tells nothing, so try again soon */
};

struct race {
    const struct dial *dial;
    struct candidates candidates;
    struct attempt attempts[MOST_ATTEMPTS];
    size_t count;
    bool all_begun;
    int64_t deadline_us;
    int64_t next_us; /* when the next attempt begins */
};

static void tell(const struct race *race, const struct candidate *to, const char *why)
{
    char address[ADDRESS_TEXT];
    candidate_print(to, address, sizeof(address));
    race->dial->ear.failed(race->dial->ear.arg, address, why);
}

bool dial_is_cancelled(int cancel_fd)
{
    struct pollfd set = {.fd = cancel_fd, .events = POLLIN};
    return poll(&set, 1, 0) > 0;
}

int dial_socket(const struct candidate *candidate)
{
    int family = candidate->address.ss_family;
    int on = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || family == AF_UNIX) {
        return fd;
    }
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* 0: it is under way, or up already: poll will tell. */
static int start(struct attempt *attempt)
{
    const struct sockaddr *where = (const struct sockaddr *)(const void *)&attempt->to.address;
    attempt->busy = false;
    if (connect(attempt->fd, where, attempt->to.size) == 0 || errno == EINPROGRESS ||
        errno == EINTR) {
        return 0;
    }
    attempt->busy = errno == EAGAIN && where->sa_family == AF_UNIX;
    return attempt->busy ? 0 : errno;
}

static void plan_next(struct race *race, int error)
{
    int64_t delay_ms = ATTEMPT_DELAY_MS;
    if (!candidates_at_hand(&race->candidates)) {
        int64_t timeout_ms = race->dial->timeout_ms;
        int64_t share_ms = timeout_ms / (int64_t)race->dial->count;
        delay_ms = timeout_ms >= 0 && share_ms < SPARE_DELAY_MS ? share_ms : SPARE_DELAY_MS;
    }
    race->next_us = error != 0 ? 0 : clock_deadline_ms(delay_ms);
}

/* 0, or an errno, which was told. */
static int begin(struct race *race, const struct candidate *to)
{
    struct attempt attempt = {.to = *to};
    attempt.fd = dial_socket(&attempt.to);
    int error = attempt.fd < 0 ? errno : start(&attempt);
    if (error == 0) {
        race->attempts[race->count++] = attempt;
    } else {
        tell(race, &attempt.to, strerror(error));
        if (attempt.fd >= 0) {
            close(attempt.fd);
        }
    }
    return error;
}

static void begin_next(struct race *race)
{
    struct candidate to;
    if (candidates_next(&race->candidates, &race->dial->ear, &to)) {
        plan_next(race, begin(race, &to));
    } else {
        race->all_begun = true;
    }
}

/* The attempt came to something: 0, or an errno. */
static int outcome(const struct attempt *attempt)
{
    int error = 0;
    socklen_t length = sizeof(error);
    return getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 ? errno : error;
}

static void remove_attempt(struct race *race, size_t number)
{
    race->attempts[number] = race->attempts[--race->count];
}

/* The winner's descriptor, or -1. */
static int judge(struct race *race, size_t number, bool ready, struct candidate *winner)
{
    struct attempt *attempt = &race->attempts[number];
    if (!ready && !attempt->busy) {
        return -1;
    }
    int error = attempt->busy ? start(attempt) : outcome(attempt);
    if (attempt->busy || (error == 0 && !ready)) {
        return -1;
    }
    int fd = attempt->fd;
    if (error != 0) {
        tell(race, &attempt->to, strerror(error));
        close(fd);
        fd = -1;
        race->next_us = 0;
    } else {
        *winner = attempt->to;
    }
    remove_attempt(race, number);
    return fd;
}

static int64_t wake_us(const struct race *race)
{
    int64_t wake = race->deadline_us;
    if (!race->all_begun && race->count < MOST_ATTEMPTS && race->next_us < wake) {
        wake = race->next_us;
    }
    for (size_t i = 0; i < race->count; i++) {
        int64_t retry_us = clock_deadline_ms(BUSY_DELAY_MS);
        if (race->attempts[i].busy && retry_us < wake) {
            wake = retry_us;
        }
    }
    return wake;
}

/* Waits for the first thing to happen. The winner's descriptor, or -1; *cancelled may become true. */
static int wait_once(struct race *race, struct candidate *winner, bool *cancelled)
{
    struct pollfd set[1 + MOST_ATTEMPTS];
    struct timespec left;
    size_t count = race->count;
    set[0] = (struct pollfd){.fd = race->dial->cancel_fd, .events = POLLIN};
    for (size_t i = 0; i < count; i++) {
        const struct attempt *attempt = &race->attempts[i];
        set[1 + i] = (struct pollfd){.fd = attempt->busy ? -1 : attempt->fd, .events = POLLOUT};
    }
    if (ppoll(set, 1 + count, clock_left(wake_us(race), &left), NULL) < 0) {
        return -1; /* EINTR, or no memory: look again */
    }
    *cancelled = set[0].revents != 0;
    int fd = -1;
    for (size_t i = count; i-- > 0 && fd < 0 && !*cancelled;) { /* those after it may go */
        fd = judge(race, i, set[1 + i].revents != 0, winner);
    }
    return fd;
}

static int run(struct race *race, struct candidate *winner)
{
    bool cancelled = false;
    bool late = false;
    int fd = -1;
    while (fd < 0 && !cancelled && !late) {
        if (!race->all_begun && race->count < MOST_ATTEMPTS && clock_now_us() >= race->next_us) {
            begin_next(race);
        }
        if (race->all_begun && race->count == 0) {
            break;
        }
        fd = wait_once(race, winner, &cancelled);
        late = clock_now_us() >= race->deadline_us;
    }
    for (size_t i = 0; i < race->count; i++) {
        if (late && fd < 0 && !cancelled) {
            tell(race, &race->attempts[i].to, "no answer within connect_timeout");
        }
        close(race->attempts[i].fd);
    }
    return fd;
}

int dial_connect(const struct dial *dial, struct candidate *winner)
{
    struct race race = {.dial = dial, .deadline_us = clock_deadline_ms(dial->timeout_ms)};
    candidates_begin(&race.candidates, dial->addresses, dial->count);
    int fd = run(&race, winner);
    candidates_end(&race.candidates);
    return fd;
}

int dial_one(const struct dial *dial, const struct candidate *to)
{
    struct race race = {
        .dial = dial, .all_begun = true, .deadline_us = clock_deadline_ms(dial->timeout_ms)};
    struct candidate winner;
    return begin(&race, to) == 0 ? run(&race, &winner) : -1;
}
