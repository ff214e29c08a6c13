#include "server/lib/dial/dial.h"

#include "relay/clock.h"

#include <errno.h>
#include <netdb.h>
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
    /* A unix socket with a full backlog, or a fixed local port whose last connection to there is
     * not quite over: poll tells nothing, so try again soon. */
    bool busy;
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

void dial_report(const struct dial *dial, const struct candidate *to, const char *why)
{
    char address[ADDRESS_TEXT];
    candidate_print(to, address, sizeof(address));
    dial->ear.failed(dial->ear.arg, address, why);
}

bool dial_is_cancelled(int cancel_fd)
{
    struct pollfd set = {.fd = cancel_fd, .events = POLLIN};
    return poll(&set, 1, 0) > 0;
}

/* ---- Sockets ------------------------------------------------------------------------------- */

static int set_option(int fd, int level, int name)
{
    int on = 1;
    return setsockopt(fd, level, name, &on, sizeof(on));
}

/* A port that is fixed may have been used by us a moment ago; one that is not need be free only for
 * this peer, so it is chosen when the connection is made (ip(7)). 0, or an errno. */
static int bind_to(int fd, const struct addrinfo *local, bool fixed)
{
    if (fixed && set_option(fd, SOL_SOCKET, SO_REUSEADDR) != 0)
        return errno;
    if (!fixed) {
        (void)set_option(fd, IPPROTO_IP,
                         IP_BIND_ADDRESS_NO_PORT); /* a kernel without it chooses now */
    }
    return bind(fd, local->ai_addr, local->ai_addrlen) == 0 ? 0 : errno;
}

/* False: the ear was told. */
static bool bind_from(const struct dial *dial, int fd, const struct candidate *to)
{
    const struct config_address *from = dial->from;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *local = NULL;
    char port[8];
    char why[2 * ADDRESS_TEXT];
    (void)snprintf(port, sizeof(port), "%u", (unsigned)from->port);
    int failed = getaddrinfo(from->host, port, &hints, &local);
    int error = 0;
    if (failed == 0 && local->ai_family != to->address.ss_family) {
        (void)snprintf(why, sizeof(why), "left out, for dial_from (%s) is of another family",
                       from->text);
        error = EAFNOSUPPORT;
    } else {
        error = failed == 0 ? bind_to(fd, local, from->port != 0) : EADDRNOTAVAIL;
        (void)snprintf(why, sizeof(why), "cannot dial from %s: %s", from->text, strerror(error));
    }
    if (failed == 0)
        freeaddrinfo(local);
    if (error != 0)
        dial_report(dial, to, why);
    return error == 0;
}

int dial_socket(const struct dial *dial, const struct candidate *to)
{
    int family = to->address.ss_family;
    bool tcp = family != AF_UNIX;
    bool bound = tcp && dial->from && dial->from->kind == CONFIG_ADDRESS_TCP;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || (tcp && (set_option(fd, IPPROTO_TCP, TCP_NODELAY) != 0 ||
                           set_option(fd, SOL_SOCKET, SO_KEEPALIVE) != 0)))
        dial_report(dial, to, strerror(errno));
    else if (!bound || bind_from(dial, fd, to))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* ---- Attempts ------------------------------------------------------------------------------ */

/* From a fixed port there is one connection to a peer at a time. */
static bool is_busy(const struct dial *dial, int family, int error)
{
    bool fixed = dial->from && dial->from->port != 0;
    return family == AF_UNIX ? error == EAGAIN : fixed && error == EADDRNOTAVAIL;
}

/* 0: it is under way, or up already: poll will tell; or it is busy. */
static int start(const struct dial *dial, struct attempt *attempt)
{
    const struct sockaddr *where = (const struct sockaddr *)(const void *)&attempt->to.address;
    attempt->busy = false;
    if (connect(attempt->fd, where, attempt->to.size) == 0 || errno == EINPROGRESS ||
        errno == EINTR)
        return 0;
    attempt->busy = is_busy(dial, where->sa_family, errno);
    return attempt->busy ? 0 : errno;
}

static void plan_next(struct race *race, bool begun)
{
    int64_t delay_ms = ATTEMPT_DELAY_MS;
    if (!candidates_at_hand(&race->candidates)) {
        int64_t timeout_ms = race->dial->timeout_ms;
        int64_t share_ms = timeout_ms / (int64_t)race->dial->count;
        delay_ms = timeout_ms >= 0 && share_ms < SPARE_DELAY_MS ? share_ms : SPARE_DELAY_MS;
    }
    race->next_us = begun ? clock_deadline_ms(delay_ms) : 0;
}

/* False: the ear was told. */
static bool begin(struct race *race, const struct candidate *to)
{
    struct attempt attempt = {.to = *to, .fd = dial_socket(race->dial, to)};
    int error = attempt.fd < 0 ? 0 : start(race->dial, &attempt);
    if (attempt.fd >= 0 && error == 0) {
        race->attempts[race->count++] = attempt;
        return true;
    }
    if (attempt.fd >= 0) {
        dial_report(race->dial, &attempt.to, strerror(error));
        close(attempt.fd);
    }
    return false;
}

static void begin_next(struct race *race)
{
    struct candidate to;
    if (candidates_next(&race->candidates, &race->dial->ear, &to))
        plan_next(race, begin(race, &to));
    else
        race->all_begun = true;
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
    if (!ready && !attempt->busy)
        return -1;
    int error = attempt->busy ? start(race->dial, attempt) : outcome(attempt);
    if (attempt->busy || (error == 0 && !ready))
        return -1;
    int fd = attempt->fd;
    if (error != 0) {
        dial_report(race->dial, &attempt->to, strerror(error));
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
    if (!race->all_begun && race->count < MOST_ATTEMPTS && race->next_us < wake)
        wake = race->next_us;
    for (size_t i = 0; i < race->count; i++) {
        int64_t retry_us = clock_deadline_ms(BUSY_DELAY_MS);
        if (race->attempts[i].busy && retry_us < wake)
            wake = retry_us;
    }
    return wake;
}

/* Waits for the first thing to happen. The winner's descriptor, or -1; *cancelled may become true.
 */
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
    if (ppoll(set, 1 + count, clock_left(wake_us(race), &left), NULL) < 0)
        return -1; /* EINTR, or no memory: look again */
    *cancelled = set[0].revents != 0;
    int fd = -1;
    for (size_t i = count; i-- > 0 && fd < 0 && !*cancelled;) /* those after it may go */
        fd = judge(race, i, set[1 + i].revents != 0, winner);
    return fd;
}

static const char *why_late(const struct attempt *attempt)
{
    return attempt->busy && attempt->to.address.ss_family != AF_UNIX
               ? "the last connection from the port of dial_from to it has not ended yet"
               : "no answer within connect_timeout";
}

static int run(struct race *race, struct candidate *winner)
{
    bool cancelled = false;
    bool late = false;
    int fd = -1;
    while (fd < 0 && !cancelled && !late) {
        if (!race->all_begun && race->count < MOST_ATTEMPTS && clock_now_us() >= race->next_us)
            begin_next(race);
        if (race->all_begun && race->count == 0)
            break;
        fd = wait_once(race, winner, &cancelled);
        late = clock_now_us() >= race->deadline_us;
    }
    for (size_t i = 0; i < race->count; i++) {
        if (late && fd < 0 && !cancelled)
            dial_report(race->dial, &race->attempts[i].to, why_late(&race->attempts[i]));
        close(race->attempts[i].fd);
    }
    return fd;
}

int dial_first(const struct dial *dial, struct candidate *winner)
{
    struct race race = {.dial = dial, .deadline_us = clock_deadline_ms(dial->timeout_ms)};
    candidates_begin(&race.candidates, dial->addresses, dial->count);
    candidates_limit(&race.candidates, dial->cancel_fd, race.deadline_us);
    int fd = run(&race, winner);
    candidates_end(&race.candidates);
    return fd;
}

int dial_one(const struct dial *dial, const struct candidate *to)
{
    struct race race = {
        .dial = dial, .all_begun = true, .deadline_us = clock_deadline_ms(dial->timeout_ms)};
    struct candidate winner;
    return begin(&race, to) ? run(&race, &winner) : -1;
}
