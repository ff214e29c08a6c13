#include "server/lib/dial/dial.h"

#include "relay/clock.h"
#include "server/lib/dial/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    ATTEMPT_DELAY_US = 250000, /* RFC 8305 section 8 */
    MAX_SPARE_DELAY_US = 2000000,
    BUSY_DELAY_MS = 20,
    ADDRESS_TEXT = 160
};

enum attempt_state {
    ATTEMPT_IN_PROGRESS, /* poll reports the result */
    /* A unix socket with a full backlog, or a fixed local port whose last connection to the same
     * address has not ended yet: poll reports nothing, so connect is called again soon. */
    ATTEMPT_BUSY,
    ATTEMPT_UP
};

struct attempt {
    int fd;
    struct candidate to;
    enum attempt_state state;
};

struct race {
    const struct dial *dial;
    struct candidates candidates;
    struct attempt attempts[DIAL_MAX_DESCRIPTORS];
    size_t count, limit; /* of attempts at once */
    bool all_begun;
    int64_t spare_delay_us; /* how long an address has before the next configured one is tried */
    int64_t next_us;        /* when the next attempt begins */
};

void dial_report(const struct dial *dial, const struct candidate *to, const char *why)
{
    char address[ADDRESS_TEXT];
    candidate_print(to, address, sizeof(address));
    dial->observer.failed(dial->observer.arg, address, why);
}

/* ---- Sockets ------------------------------------------------------------------------------- */

static int set_option(int fd, int level, int name)
{
    int on = 1;
    return setsockopt(fd, level, name, &on, sizeof(on));
}

/* We may have used a fixed port a moment ago. Any other port need be free only for this peer, so
 * the kernel chooses it in connect (ip(7)). Returns 0 or an errno. */
static int bind_to(int fd, const struct addrinfo *local, bool fixed)
{
    if (fixed && set_option(fd, SOL_SOCKET, SO_REUSEADDR) != 0)
        return errno;
    if (!fixed) /* a kernel without it chooses now */
        (void)set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
    return bind(fd, local->ai_addr, local->ai_addrlen) == 0 ? 0 : errno;
}

/* Returns false after a report to the observer. */
static bool bind_from(const struct dial *dial, int fd, const struct candidate *to)
{
    const struct config_address *from = dial->from;
    struct addrinfo *local = NULL;
    char why[2 * ADDRESS_TEXT] = "";
    const char *wrong = resolve_host(from->host, from->port, AI_NUMERICHOST, &dial->wait,
                                     dial->deadline_us, &local);
    if (!wrong && local->ai_family != to->address.ss_family) {
        (void)snprintf(why, sizeof(why), "left out, because dial_from (%s) is of another family",
                       from->text);
    } else {
        int error = wrong ? 0 : bind_to(fd, local, from->port != 0);
        wrong = error != 0 ? strerror(error) : wrong;
        if (wrong)
            (void)snprintf(why, sizeof(why), "cannot dial from %s: %s", from->text, wrong);
    }
    if (local)
        freeaddrinfo(local);
    if (why[0] != '\0')
        dial_report(dial, to, why);
    return why[0] == '\0';
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

/* Sets the state. On loopback the second call of connect finds the connection up, which saves a
 * poll. 0, or an errno. */
static int start(const struct dial *dial, struct attempt *attempt)
{
    const struct sockaddr *where = (const struct sockaddr *)(const void *)&attempt->to.address;
    int error = connect(attempt->fd, where, attempt->to.size) == 0 ? 0 : errno;
    if (error == EINPROGRESS || error == EINTR)
        error = connect(attempt->fd, where, attempt->to.size) == 0 ? 0 : errno;
    if (error == 0 || error == EISCONN)
        attempt->state = ATTEMPT_UP;
    else if (error == EALREADY || error == EINPROGRESS)
        attempt->state = ATTEMPT_IN_PROGRESS;
    else if (is_busy(dial, where->sa_family, error))
        attempt->state = ATTEMPT_BUSY;
    else
        return error;
    return 0;
}

static void plan_next(struct race *race, bool begun)
{
    int64_t delay_us =
        candidates_at_hand(&race->candidates) ? ATTEMPT_DELAY_US : race->spare_delay_us;
    race->next_us = begun ? clock_now_us() + delay_us : 0;
}

/* Returns false after a report to the observer. */
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

/* The result of an attempt for which poll has reported an event: 0 or an errno. */
static int outcome(const struct attempt *attempt)
{
    int error = 0;
    socklen_t length = sizeof(error);
    return getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 ? errno : error;
}

/* Sets the state of an attempt that waited; READY: poll saw something. 0, or an errno. */
static int go_on(const struct dial *dial, struct attempt *attempt, bool ready)
{
    if (attempt->state == ATTEMPT_BUSY)
        return start(dial, attempt);
    if (!ready || attempt->state == ATTEMPT_UP)
        return 0;
    attempt->state = ATTEMPT_UP;
    return outcome(attempt);
}

/* Removes the attempt if it has failed or is up. Returns the winner's descriptor, or -1. */
static int judge(struct race *race, size_t number, bool ready, struct candidate *winner)
{
    struct attempt *attempt = &race->attempts[number];
    int fd = attempt->fd;
    int error = go_on(race->dial, attempt, ready);
    if (error == 0 && attempt->state != ATTEMPT_UP)
        return -1;
    if (error != 0) {
        dial_report(race->dial, &attempt->to, strerror(error));
        close(fd);
        fd = -1;
        race->next_us = 0;
    } else {
        *winner = attempt->to;
    }
    race->attempts[number] = race->attempts[--race->count];
    return fd;
}

static bool may_begin(const struct race *race)
{
    return !race->all_begun && race->count < race->limit;
}

/* When to look again if no descriptor becomes ready. */
static int64_t wake_us(const struct race *race)
{
    int64_t wake = race->dial->deadline_us;
    if (may_begin(race) && race->next_us < wake)
        wake = race->next_us;
    for (size_t i = 0; i < race->count; i++) {
        int64_t retry_us = clock_deadline_ms(BUSY_DELAY_MS);
        if (race->attempts[i].state == ATTEMPT_UP)
            wake = 0;
        else if (race->attempts[i].state == ATTEMPT_BUSY && retry_us < wake)
            wake = retry_us;
    }
    return wake;
}

/* Waits for the first event unless an attempt is up. Returns the winner's descriptor, or -1; *ERROR
 * is the errno with which the wait gave up. */
static int wait_once(struct race *race, struct candidate *winner, int *error)
{
    struct pollfd set[DIAL_MAX_DESCRIPTORS];
    size_t count = race->count;
    int64_t until_us = wake_us(race);
    for (size_t i = 0; i < count; i++) {
        const struct attempt *attempt = &race->attempts[i];
        bool waits = attempt->state == ATTEMPT_IN_PROGRESS;
        set[i] = (struct pollfd){.fd = waits ? attempt->fd : -1, .events = POLLOUT};
    }
    if (until_us > 0)
        *error = dial_wait(&race->dial->wait, set, count, until_us);
    int fd = -1;
    for (size_t i = count; i-- > 0 && fd < 0 && *error == 0;) /* those after it may go */
        fd = judge(race, i, set[i].revents != 0, winner);
    return fd;
}

static void report_late(const struct dial *dial, const struct attempt *attempt)
{
    char why[ADDRESS_TEXT];
    bool port_busy = attempt->state == ATTEMPT_BUSY && attempt->to.address.ss_family != AF_UNIX;
    (void)snprintf(why, sizeof(why), "no answer within %s", dial->limit_name);
    dial_report(dial, &attempt->to,
                port_busy ? "the last connection from the port of dial_from to it has not ended yet"
                          : why);
}

/* Closes the attempts that did not win; ERROR is why the race was given up, 0 if it was not. */
static void close_losers(struct race *race, int error)
{
    for (size_t i = 0; i < race->count; i++) {
        const struct attempt *attempt = &race->attempts[i];
        if (error == ETIMEDOUT)
            report_late(race->dial, attempt);
        else if (error != 0 && error != ECANCELED)
            dial_report(race->dial, &attempt->to, strerror(error));
        close(attempt->fd);
    }
}

static void begin_next(struct race *race)
{
    struct candidate to;
    if (candidates_next(&race->candidates, &race->dial->observer, &to))
        plan_next(race, begin(race, &to));
    else
        race->all_begun = true;
}

static int run(struct race *race, struct candidate *winner)
{
    int error = 0;
    int fd = -1;
    while (fd < 0 && error == 0) {
        if (may_begin(race) && clock_now_us() >= race->next_us)
            begin_next(race);
        if (race->all_begun && race->count == 0)
            break;
        fd = wait_once(race, winner, &error);
        if (fd < 0 && error == 0 && clock_now_us() >= race->dial->deadline_us)
            error = ETIMEDOUT;
    }
    close_losers(race, error);
    return fd;
}

static int64_t spare_delay_us(const struct dial *dial)
{
    int64_t share_us = MAX_SPARE_DELAY_US;
    if (dial->deadline_us != DEADLINE_NEVER && dial->count > 0)
        share_us = (dial->deadline_us - clock_now_us()) / (int64_t)dial->count;
    return share_us < MAX_SPARE_DELAY_US ? share_us : MAX_SPARE_DELAY_US;
}

static int run_over(const struct dial *dial, struct candidates *candidates,
                    struct candidate *winner)
{
    struct race race = {.dial = dial,
                        .candidates = *candidates,
                        .limit = dial_wait_limit(&dial->wait),
                        .spare_delay_us = spare_delay_us(dial)};
    candidates_limit(&race.candidates, &dial->wait, dial->deadline_us);
    race.candidates.lookup_flags = dial->lookup_flags;
    int fd = run(&race, winner);
    candidates_end(&race.candidates);
    return fd;
}

int dial_first(const struct dial *dial, struct candidate *winner)
{
    struct candidates candidates;
    candidates_begin(&candidates, dial->addresses, dial->count);
    return run_over(dial, &candidates, winner);
}

int dial_list(const struct dial *dial, const struct candidate *list, size_t count,
              struct candidate *winner)
{
    struct candidates candidates;
    candidates_begin_list(&candidates, list, count);
    return run_over(dial, &candidates, winner);
}

int dial_one(const struct dial *dial, const struct candidate *to)
{
    struct candidate winner;
    return dial_list(dial, to, 1, &winner);
}
