/* Shared by the tests of the crew: tasks that echo or sleep. Each call that fails ends the test. */
#ifndef ACTPASS_TEST_CREW_H
#define ACTPASS_TEST_CREW_H

#include "server/daemon/crew/internal.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000 };

static inline struct crew *make(enum crew_parking parking, unsigned threads, unsigned threads_max)
{
    struct crew_options options = {
        .threads = threads, .threads_max = threads_max, .parking = parking};
    struct crew *crew = crew_new(&options);
    cr_assert_not_null(crew);
    return crew;
}

/* Waits until *counter is WANTED. Returns what it is. */
static inline unsigned rise_to(atomic_uint *counter, unsigned wanted)
{
    int64_t deadline_us = clock_deadline_ms(PATIENCE_MS);
    while (atomic_load(counter) < wanted && clock_now_us() < deadline_us)
        pause_ms(1);
    return atomic_load(counter);
}

static inline bool all_end(struct crew *crew)
{
    int64_t deadline_us = clock_deadline_ms(PATIENCE_MS);
    while (crew_count(crew).tasks > 0 && clock_now_us() < deadline_us)
        pause_ms(1);
    return crew_count(crew).tasks == 0;
}

/* Each test runs with each way to park, with one thread and with three. */
static inline void each_way(void (*body)(struct crew *crew))
{
    static const enum crew_parking ways[] = {CREW_PARK_USUAL, CREW_PARK_ALWAYS, CREW_PARK_NEVER};
    for (unsigned i = 0; i < 6; i++) {
        struct resources before = resources_now();
        struct crew *crew = make(ways[i / 2], i % 2 == 0 ? 1 : 3, 0);
        body(crew);
        cr_assert(all_end(crew), "way %u", i);
        crew_free(crew);
        cr_assert(resources_return_to(before), "way %u", i);
    }
}

/* Answers each byte with the same byte, and ends with the stream. */
struct echo {
    struct task *task;
    int fd, peer;
    unsigned seed;
    atomic_uint wanted, served; /* wake-ups */
    _Atomic int64_t due_us;     /* the deadline that it has not run for */
    int64_t deadline_us;
    bool with_deadlines;
    atomic_bool left; /* the peer is closed, and nobody wakes the task any more */
};

/* Returns false at the end of the stream. */
static inline bool answer(struct echo *echo)
{
    char bytes[64];
    for (;;) {
        ssize_t count = recv(echo->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (count <= 0)
            return count < 0 && errno == EAGAIN;
        if (send(echo->fd, bytes, (size_t)count, MSG_NOSIGNAL) != count)
            return false;
    }
}

static inline void serve_deadline(struct echo *echo)
{
    int64_t now_us = clock_now_us();
    if (!echo->with_deadlines)
        return;
    if (atomic_load(&echo->due_us) <= now_us)
        atomic_store(&echo->due_us, DEADLINE_NEVER);
    if (rand_r(&echo->seed) % 2 == 0)
        return;
    echo->deadline_us = now_us + rand_r(&echo->seed) % 3000;
    atomic_store(&echo->due_us, echo->deadline_us);
    task_deadline(echo->task, echo->deadline_us);
}

static inline enum task_next run_echo(struct task *task, void *arg)
{
    struct echo *echo = arg;
    atomic_store(&echo->served, atomic_load(&echo->wanted));
    (void)task_take_events(task, 0);
    if (!answer(echo) && atomic_load(&echo->left)) {
        (void)task_watch(task, 0, -1, 0);
        close(echo->fd);
        return TASK_END;
    }
    serve_deadline(echo);
    return rand_r(&echo->seed) % 16 == 0 ? TASK_MORE : TASK_WAIT;
}

static inline void start_echo(struct crew *crew, struct echo *echo, enum task_begin begin)
{
    int fds[2];
    sockets_unix(fds);
    echo->fd = fds[0];
    echo->peer = fds[1];
    atomic_store(&echo->due_us, DEADLINE_NEVER);
    echo->task = task_new(crew, run_echo, echo);
    cr_assert_not_null(echo->task);
    cr_assert_eq(task_watch(echo->task, 0, echo->fd, EPOLLIN | EPOLLRDHUP), 0);
    task_start(echo->task, begin);
}

/* For ThreadSanitizer, which does not know that a close comes before the end of the stream, `left`
 * orders what was done with the task before its end. */
static inline void leave(struct echo *echo)
{
    atomic_store(&echo->left, true);
    close(echo->peer);
}

static inline bool ask(const struct echo *echo)
{
    char byte = 'x';
    return send(echo->peer, &byte, 1, MSG_NOSIGNAL) == 1 && recv(echo->peer, &byte, 1, 0) == 1;
}

/* Waits until it is asked to end. */
struct sleeper {
    struct task *task;
    pthread_mutex_t lock; /* while it is held, the task does not end */
    atomic_uint runs;
    atomic_bool end;
    _Atomic int64_t next_us; /* the deadline that it sets in its next run; 0: none */
    _Atomic int64_t ran_us;
};

static inline enum task_next run_sleeper(struct task *task, void *arg)
{
    struct sleeper *sleeper = arg;
    lock_take(&sleeper->lock);
    bool ends = atomic_load(&sleeper->end);
    lock_release(&sleeper->lock);
    int64_t next_us = atomic_exchange(&sleeper->next_us, 0);
    if (next_us != 0)
        task_deadline(task, next_us);
    atomic_store(&sleeper->ran_us, clock_now_us());
    atomic_fetch_add(&sleeper->runs, 1); /* the sleeper may be gone if it ends */
    return ends ? TASK_END : TASK_WAIT;
}

static inline void start_sleeper(struct crew *crew, struct sleeper *sleeper)
{
    sleeper->task = task_new(crew, run_sleeper, sleeper);
    cr_assert_not_null(sleeper->task);
    task_start(sleeper->task, TASK_WAIT_FIRST);
}

/* Has the sleeper set a deadline, and waits until it has. */
static inline void set_deadline(struct sleeper *sleeper, int64_t deadline_us)
{
    unsigned runs = atomic_load(&sleeper->runs);
    atomic_store(&sleeper->next_us, deadline_us);
    task_wake(sleeper->task);
    cr_assert_geq(rise_to(&sleeper->runs, runs + 1), runs + 1);
}

static inline void end_sleeper(struct sleeper *sleeper)
{
    lock_take(&sleeper->lock);
    atomic_store(&sleeper->end, true);
    task_wake(sleeper->task);
    lock_release(&sleeper->lock);
}

#endif
