#include "tests/support/steps.h"

#include "relay/clock.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { PLACES = 2, IDLE_MS = 1000 }; /* the TLS socket, the handler's own descriptor */

struct driver {
    struct handler_job *job;
    struct pollfd places[PLACES];
    int edges;                   /* the epoll set; -1: poll is used */
    struct pollfd known[PLACES]; /* what is in it */
    int64_t idle_us;             /* when the handler will be told that it is idle */
};

static void must(int result, const char *call)
{
    if (result >= 0)
        return;
    perror(call);
    abort();
}

/* As the daemon does, it never takes an event back. */
static void watch(struct driver *driver, int place)
{
    struct pollfd *known = &driver->known[place];
    const struct pollfd *now = &driver->places[place];
    bool is_new = known->fd != now->fd;
    int events = (is_new ? 0 : known->events) | now->events;
    if (now->fd < 0 || (!is_new && events == known->events))
        return;
    struct epoll_event event = {.events = EPOLLET | (uint32_t)events, .data.u32 = (uint32_t)place};
    must(epoll_ctl(driver->edges, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, now->fd, &event),
         "epoll_ctl");
    *known = (struct pollfd){.fd = now->fd, .events = (short)events};
}

static int wait_for_edges(struct driver *driver, int timeout)
{
    struct epoll_event events[PLACES];
    for (int i = 0; i < PLACES; i++)
        watch(driver, i);
    int count = epoll_wait(driver->edges, events, PLACES, timeout);
    must(count, "epoll_wait");
    for (int i = 0; i < count; i++)
        driver->places[events[i].data.u32].revents = (short)events[i].events;
    return count;
}

/* Where nothing is wanted, a reset would be reported again and again (hazard 9). */
static int wait_for_levels(struct driver *driver, int timeout)
{
    struct pollfd set[PLACES];
    for (int i = 0; i < PLACES; i++) {
        set[i] = driver->places[i];
        if (set[i].events == 0)
            set[i].fd = -1;
    }
    int count = poll(set, PLACES, timeout);
    must(count, "poll");
    for (int i = 0; i < PLACES; i++)
        driver->places[i].revents = set[i].revents;
    return count;
}

static int shorter(int timeout, int64_t deadline_us)
{
    if (deadline_us == DEADLINE_NEVER)
        return timeout;
    int64_t left_ms = (deadline_us - clock_now_us() + 999) / 1000;
    if (left_ms < 0)
        left_ms = 0;
    return left_ms > INT_MAX || (timeout >= 0 && timeout < left_ms) ? timeout : (int)left_ms;
}

/* Returns the number of places that have something. */
static int wait_once(struct driver *driver)
{
    struct handler_job *job = driver->job;
    int timeout = actpass_prepare_wait(job->conn, &driver->places[0]);
    bool nothing_to_do = timeout != 0;
    driver->places[0].revents = 0;
    driver->places[1] = job->own;
    driver->places[1].revents = 0;
    timeout = shorter(shorter(timeout, job->deadline_us), driver->idle_us);
    if (driver->edges >= 0)
        driver->places[0].events |= POLLIN | POLLRDHUP;
    int count =
        driver->edges >= 0 ? wait_for_edges(driver, timeout) : wait_for_levels(driver, timeout);
    actpass_note_events(job->conn, driver->places[0].revents);
    job->own.revents = driver->places[1].revents;
    job->peer_quiet = nothing_to_do && driver->places[0].revents == 0 && job->own.revents != 0;
    return count;
}

/* The handler is told once. */
static void note_idle(struct driver *driver, int count)
{
    bool late = driver->idle_us != DEADLINE_NEVER && clock_now_us() >= driver->idle_us;
    driver->job->idle = count == 0 && late;
    if (count > 0)
        driver->idle_us = clock_deadline_ms(IDLE_MS);
    else if (late)
        driver->idle_us = DEADLINE_NEVER;
}

/* In the daemon the next step may be on another thread, so nothing that is needed then may be on
 * this one's stack. */
static void overwrite_stack(void)
{
    unsigned char deep[65536];
    OPENSSL_cleanse(deep, sizeof(deep));
}

static enum handler_next step(const struct handler *handler, struct handler_job *job)
{
    enum handler_next next = handler->step(job);
    overwrite_stack();
    return next;
}

struct handler_job steps_job(actpass_conn *conn)
{
    return (struct handler_job){.conn = conn,
                                .plain = -1,
                                .idle_timeout_ms = CONFIG_NEVER,
                                .own = {.fd = -1},
                                .deadline_us = DEADLINE_NEVER};
}

unsigned long steps_run(const struct handler *handler, struct handler_job *job,
                        enum steps_wait wait)
{
    struct driver driver = {.job = job,
                            .places = {{.fd = -1}, {.fd = -1}},
                            .known = {{.fd = -1}, {.fd = -1}},
                            .edges = -1,
                            .idle_us = clock_deadline_ms(IDLE_MS)};
    unsigned long steps = 1;
    if (wait == STEPS_EDGE) {
        driver.edges = epoll_create1(EPOLL_CLOEXEC);
        must(driver.edges, "epoll_create1");
    }
    (void)actpass_set_nonblocking(job->conn, 1); /* it fails if it was aborted already */
    enum handler_next next = step(handler, job);
    for (; next != HANDLER_DONE; steps++) {
        job->own.revents = 0;
        job->idle = job->peer_quiet = false;
        if (next == HANDLER_WAIT)
            note_idle(&driver, wait_once(&driver));
        next = step(handler, job);
    }
    if (driver.edges >= 0)
        close(driver.edges);
    (void)actpass_set_nonblocking(job->conn, 0);
    return steps;
}
