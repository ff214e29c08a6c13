#include "server/daemon/crew/internal.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "relay/threads.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000 };

static struct crew *make(enum crew_parking parking, unsigned threads, unsigned threads_max)
{
    struct crew_options options = {
        .threads = threads, .threads_max = threads_max, .parking = parking};
    struct crew *crew = crew_new(&options);
    cr_assert_not_null(crew);
    return crew;
}

/* Waits until *counter is WANTED. Returns what it is. */
static unsigned rise_to(atomic_uint *counter, unsigned wanted)
{
    int64_t deadline_us = clock_deadline_ms(PATIENCE_MS);
    while (atomic_load(counter) < wanted && clock_now_us() < deadline_us)
        pause_ms(1);
    return atomic_load(counter);
}

static bool all_end(struct crew *crew)
{
    int64_t deadline_us = clock_deadline_ms(PATIENCE_MS);
    while (crew_count(crew).tasks > 0 && clock_now_us() < deadline_us)
        pause_ms(1);
    return crew_count(crew).tasks == 0;
}

/* Each test runs with each way to park, with one thread and with three. */
static void each_way(void (*body)(struct crew *crew))
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
static bool answer(struct echo *echo)
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

static void serve_deadline(struct echo *echo)
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

static enum task_next run_echo(struct task *task, void *arg)
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

static void start_echo(struct crew *crew, struct echo *echo, enum task_begin begin)
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
static void leave(struct echo *echo)
{
    atomic_store(&echo->left, true);
    close(echo->peer);
}

static bool ask(const struct echo *echo)
{
    char byte = 'x';
    return send(echo->peer, &byte, 1, MSG_NOSIGNAL) == 1 && recv(echo->peer, &byte, 1, 0) == 1;
}

static void one_echo(struct crew *crew)
{
    struct echo echo = {.seed = 1};
    start_echo(crew, &echo, TASK_WAIT_FIRST);
    for (unsigned i = 0; i < 300; i++)
        cr_assert(ask(&echo));
    leave(&echo);
    cr_assert(all_end(crew));
}

Test(crew, a_task_answers_whenever_it_is_asked)
{
    each_way(one_echo);
}

Test(crew, free_takes_null_and_a_crew_without_tasks)
{
    struct resources before = resources_now();
    crew_free(NULL);
    struct crew *crew = make(CREW_PARK_USUAL, 0, 0);
    cr_assert_eq(crew_count(crew).threads, 0, "none before the first task");
    crew_free(crew);
    cr_assert(resources_return_to(before));
}

static void discarded(struct crew *crew)
{
    int fds[2];
    sockets_unix(fds);
    struct task *task = task_new(crew, run_echo, NULL);
    cr_assert_eq(task_watch(task, 0, fds[0], EPOLLIN), 0);
    cr_assert_eq(task_watch(task, 1, fds[1], EPOLLIN), 0);
    task_deadline(task, clock_now_us());
    cr_assert_eq(crew_count(crew).tasks, 1);
    task_discard(task);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    close(fds[0]);
    close(fds[1]);
}

Test(crew, a_task_that_never_started_is_discarded)
{
    each_way(discarded);
}

Test(crew, a_descriptor_that_cannot_be_watched_is_an_error)
{
    struct crew *crew = make(CREW_PARK_USUAL, 1, 0);
    struct task *task = task_new(crew, run_echo, NULL);
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    cr_assert_eq(task_watch(task, 0, file, EPOLLIN), EPERM);
    cr_assert_eq(task_watch(task, 0, 12345, EPOLLIN), EBADF);
    task_discard(task);
    close(file);
    crew_free(crew);
}

/* Many tasks, woken at random from several threads. */
enum { ECHOES = 200, DRIVERS = 4, PUSHES = 3000 };

struct driver {
    struct echo *echoes;
    unsigned *sent; /* its own, for each echo */
    unsigned seed;
    atomic_uint *failed;
};

static void *drive(void *arg)
{
    struct driver *driver = arg;
    for (unsigned i = 0; i < PUSHES; i++) {
        unsigned index = (unsigned)rand_r(&driver->seed) % ECHOES;
        struct echo *echo = &driver->echoes[index];
        if (rand_r(&driver->seed) % 2 == 0) {
            atomic_fetch_add(&echo->wanted, 1);
            task_wake(echo->task);
        } else if (send(echo->peer, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) {
            driver->sent[index]++;
        } else {
            atomic_fetch_add(driver->failed, 1);
        }
    }
    return NULL;
}

static unsigned drive_all(struct echo *echoes, unsigned *sent)
{
    struct driver drivers[DRIVERS];
    pthread_t threads[DRIVERS];
    atomic_uint failed = 0;
    for (unsigned i = 0; i < DRIVERS; i++) {
        drivers[i] = (struct driver){echoes, calloc(ECHOES, sizeof(*sent)), i + 1, &failed};
        cr_assert_eq(pthread_create(&threads[i], NULL, drive, &drivers[i]), 0);
    }
    for (unsigned i = 0; i < DRIVERS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
        for (unsigned e = 0; e < ECHOES; e++)
            sent[e] += drivers[i].sent[e];
        free(drivers[i].sent);
    }
    return atomic_load(&failed);
}

static bool is_settled(struct echo *echo)
{
    return atomic_load(&echo->served) == atomic_load(&echo->wanted) &&
           atomic_load(&echo->due_us) == DEADLINE_NEVER;
}

static bool settle(struct echo *echo)
{
    int64_t deadline_us = clock_deadline_ms(PATIENCE_MS);
    while (!is_settled(echo) && clock_now_us() < deadline_us)
        pause_ms(1);
    return is_settled(echo);
}

static unsigned count_answers(const struct echo *echo, unsigned wanted)
{
    char bytes[256];
    unsigned count = 0;
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    cr_assert_eq(setsockopt(echo->peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    while (count < wanted) {
        ssize_t got = recv(echo->peer, bytes, sizeof(bytes), 0);
        if (got <= 0)
            break;
        count += (unsigned)got;
    }
    cr_assert_eq(recv(echo->peer, bytes, sizeof(bytes), MSG_DONTWAIT), -1, "answered twice");
    return count;
}

static void many_at_random(struct crew *crew)
{
    static struct echo echoes[ECHOES];
    unsigned sent[ECHOES] = {0};
    for (unsigned i = 0; i < ECHOES; i++) {
        echoes[i] = (struct echo){.seed = i + 1, .with_deadlines = true};
        start_echo(crew, &echoes[i], i % 2 == 0 ? TASK_RUN_NOW : TASK_WAIT_FIRST);
    }
    cr_assert_eq(drive_all(echoes, sent), 0);
    for (unsigned i = 0; i < ECHOES; i++)
        cr_assert_eq(count_answers(&echoes[i], sent[i]), sent[i], "task %u", i);
    for (unsigned i = 0; i < ECHOES; i++)
        cr_assert(settle(&echoes[i]), "task %u", i);
    for (unsigned i = 0; i < ECHOES; i++)
        leave(&echoes[i]);
}

Test(crew, no_wake_up_is_lost, .timeout = 240)
{
    each_way(many_at_random);
}

/* A task that ends while events for it are in flight, and one that takes its slot and must not see
 * them. */
struct short_life {
    struct crew *crew;
    unsigned seed;
    atomic_uint *strays, *ended;
};

struct mayfly {
    int fd;
    bool quiet; /* nobody sends it anything */
    atomic_uint *strays, *ended;
};

static enum task_next run_mayfly(struct task *task, void *arg)
{
    struct mayfly *mayfly = arg;
    uint32_t events = task_take_events(task, 0);
    char bytes[8];
    if (mayfly->quiet && events != 0)
        atomic_fetch_add(mayfly->strays, 1);
    if (!mayfly->quiet && recv(mayfly->fd, bytes, sizeof(bytes), MSG_DONTWAIT) < 0)
        return TASK_WAIT;
    (void)task_watch(task, 0, -1, 0);
    close(mayfly->fd);
    atomic_fetch_add(mayfly->ended, 1);
    free(mayfly);
    return TASK_END;
}

static bool live_short(struct short_life *life, bool quiet)
{
    int fds[2];
    struct mayfly *mayfly = calloc(1, sizeof(*mayfly));
    if (!mayfly)
        abort();
    sockets_unix(fds);
    *mayfly = (struct mayfly){fds[0], quiet, life->strays, life->ended};
    struct task *task = task_new(life->crew, run_mayfly, mayfly);
    if (!task || task_watch(task, 0, fds[0], EPOLLIN | EPOLLRDHUP) != 0)
        return false;
    task_deadline(task, clock_now_us() + rand_r(&life->seed) % (quiet ? 200 : 2000));
    task_start(task, !quiet || rand_r(&life->seed) % 2 ? TASK_WAIT_FIRST : TASK_RUN_NOW);
    for (unsigned i = 0; !quiet && i < 4; i++)
        (void)send(fds[1], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (quiet) /* its peer stays open until it has ended */
        (void)recv(fds[1], &(char){0}, 1, 0);
    close(fds[1]);
    return true;
}

static void *live_many(void *arg)
{
    struct short_life *life = arg;
    for (unsigned i = 0; i < 600; i++)
        if (!live_short(life, i % 2 == 0))
            atomic_fetch_add(life->strays, 1);
    return NULL;
}

static void short_lives(struct crew *crew)
{
    struct short_life lives[DRIVERS];
    pthread_t threads[DRIVERS];
    atomic_uint strays = 0;
    atomic_uint ended = 0;
    for (unsigned i = 0; i < DRIVERS; i++) {
        lives[i] = (struct short_life){crew, i + 1, &strays, &ended};
        cr_assert_eq(pthread_create(&threads[i], NULL, live_many, &lives[i]), 0);
    }
    for (unsigned i = 0; i < DRIVERS; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    cr_assert(all_end(crew));
    cr_assert_eq(atomic_load(&ended), 600 * DRIVERS);
    cr_assert_eq(atomic_load(&strays), 0);
}

Test(crew, an_event_for_a_task_that_has_ended_reaches_no_other, .timeout = 240)
{
    each_way(short_lives);
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

static enum task_next run_sleeper(struct task *task, void *arg)
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

static void start_sleeper(struct crew *crew, struct sleeper *sleeper)
{
    sleeper->task = task_new(crew, run_sleeper, sleeper);
    cr_assert_not_null(sleeper->task);
    task_start(sleeper->task, TASK_WAIT_FIRST);
}

/* Has the sleeper set a deadline, and waits until it has. */
static void set_deadline(struct sleeper *sleeper, int64_t deadline_us)
{
    unsigned runs = atomic_load(&sleeper->runs);
    atomic_store(&sleeper->next_us, deadline_us);
    task_wake(sleeper->task);
    cr_assert_geq(rise_to(&sleeper->runs, runs + 1), runs + 1);
}

static void end_sleeper(struct sleeper *sleeper)
{
    lock_take(&sleeper->lock);
    atomic_store(&sleeper->end, true);
    task_wake(sleeper->task);
    lock_release(&sleeper->lock);
}

static void deadlines(struct crew *crew)
{
    struct sleeper sleeper = {.lock = PTHREAD_MUTEX_INITIALIZER};
    start_sleeper(crew, &sleeper);
    set_deadline(&sleeper, clock_deadline_ms(60000));
    int64_t due_us = clock_deadline_ms(20);
    set_deadline(&sleeper, due_us);
    cr_assert_eq(rise_to(&sleeper.runs, 3), 3, "earlier");
    cr_assert_geq(atomic_load(&sleeper.ran_us), due_us);
    set_deadline(&sleeper, due_us);
    set_deadline(&sleeper, clock_deadline_ms(60000));
    set_deadline(&sleeper, clock_deadline_ms(20));
    set_deadline(&sleeper, clock_deadline_ms(70000));
    pause_ms(40);
    cr_assert_eq(atomic_load(&sleeper.runs), 7, "later");
    set_deadline(&sleeper, DEADLINE_NEVER);
    set_deadline(&sleeper, 1);
    cr_assert_eq(rise_to(&sleeper.runs, 10), 10, "long past");
    pause_ms(20);
    cr_assert_eq(atomic_load(&sleeper.runs), 10, "once");
    end_sleeper(&sleeper);
    cr_assert(all_end(crew));
}

Test(crew, deadlines_move_in_both_directions)
{
    each_way(deadlines);
}

/* Before the start: a deadline, and an event. */
static void begun_early(struct crew *crew)
{
    struct sleeper sleeper = {.lock = PTHREAD_MUTEX_INITIALIZER};
    int fds[2];
    sockets_unix(fds);
    sleeper.task = task_new(crew, run_sleeper, &sleeper);
    task_deadline(sleeper.task, clock_now_us());
    cr_assert_eq(task_watch(sleeper.task, 1, fds[0], EPOLLIN), 0);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    pause_ms(5);
    cr_assert_eq(atomic_load(&sleeper.runs), 0);
    task_start(sleeper.task, TASK_WAIT_FIRST);
    cr_assert_geq(rise_to(&sleeper.runs, 1), 1);
    end_sleeper(&sleeper);
    cr_assert(all_end(crew));
    close(fds[0]);
    close(fds[1]);
}

Test(crew, what_comes_before_the_start_is_not_lost)
{
    each_way(begun_early);
}

/* A thread takes the event from epoll while the task is not started yet. */
Test(crew, an_event_taken_before_the_start_is_not_lost)
{
    struct crew *crew = make(CREW_PARK_USUAL, 1, 0);
    struct echo other = {.seed = 1};
    struct sleeper sleeper = {.lock = PTHREAD_MUTEX_INITIALIZER};
    int fds[2];
    sockets_unix(fds);
    start_echo(crew, &other, TASK_RUN_NOW);
    sleeper.task = task_new(crew, run_sleeper, &sleeper);
    cr_assert_eq(task_watch(sleeper.task, 0, fds[0], EPOLLIN), 0);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    cr_assert(ask(&other));
    cr_assert(ask(&other), "so epoll was looked at in between");
    task_start(sleeper.task, TASK_WAIT_FIRST);
    cr_assert_eq(rise_to(&sleeper.runs, 1), 1);
    end_sleeper(&sleeper);
    leave(&other);
    cr_assert(all_end(crew));
    crew_free(crew);
    close(fds[0]);
    close(fds[1]);
}

/* An event that has come for one descriptor is not reported for the next one in its place. */
Test(crew, a_place_forgets_what_it_watched_before)
{
    struct crew *crew = make(CREW_PARK_USUAL, 1, 0);
    struct echo echo = {.seed = 1};
    int fds[2];
    sockets_unix(fds);
    start_echo(crew, &echo, TASK_RUN_NOW);
    struct task *task = task_new(crew, run_echo, NULL);
    cr_assert_eq(task_watch(task, 0, fds[0], EPOLLIN), 0);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    cr_assert(ask(&echo), "the thread has looked at epoll");
    cr_assert(ask(&echo));
    cr_assert_eq(task_watch(task, 0, fds[1], EPOLLIN), 0);
    cr_assert_eq(task_take_events(task, 0), 0);
    task_discard(task);
    leave(&echo);
    cr_assert(all_end(crew));
    crew_free(crew);
    close(fds[0]);
    close(fds[1]);
}

/* A task that blocks until it is let go. */
struct blocker {
    sem_t *leave;
    atomic_uint *entered, *left;
};

static enum task_next run_blocker(struct task *task, void *arg)
{
    struct blocker *blocker = arg;
    (void)task;
    crew_block();
    crew_block();
    atomic_fetch_add(blocker->entered, 1);
    while (sem_wait(blocker->leave) != 0) {
    }
    crew_unblock();
    crew_unblock();
    atomic_fetch_add(blocker->left, 1);
    return TASK_END;
}

enum { BLOCKERS = 10 };

struct blockers {
    sem_t leave;
    atomic_uint entered, left;
    struct blocker blocker;
};

static void start_blockers(struct crew *crew, struct blockers *blockers, unsigned count)
{
    cr_assert_eq(sem_init(&blockers->leave, 0, 0), 0);
    blockers->blocker = (struct blocker){&blockers->leave, &blockers->entered, &blockers->left};
    for (unsigned i = 0; i < count; i++)
        task_start(task_new(crew, run_blocker, &blockers->blocker), TASK_RUN_NOW);
}

static void let_go(struct blockers *blockers, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(sem_post(&blockers->leave), 0);
}

static void blocked_beside_others(struct crew *crew)
{
    struct echo echo = {.seed = 1};
    struct blockers blockers = {0};
    start_echo(crew, &echo, TASK_RUN_NOW);
    start_blockers(crew, &blockers, BLOCKERS);
    cr_assert_eq(rise_to(&blockers.entered, BLOCKERS), BLOCKERS);
    cr_assert(ask(&echo));
    let_go(&blockers, BLOCKERS);
    cr_assert_eq(rise_to(&blockers.left, BLOCKERS), BLOCKERS);
    for (unsigned i = 0; i < 50; i++)
        cr_assert(ask(&echo));
    leave(&echo);
    cr_assert(all_end(crew));
    sem_destroy(&blockers.leave);
}

Test(crew, tasks_that_block_hold_up_no_others)
{
    each_way(blocked_beside_others);
}

static unsigned threads_fall_to(struct crew *crew, unsigned wanted)
{
    int64_t deadline_us = clock_deadline_ms(PATIENCE_MS);
    while (crew_count(crew).threads > wanted && clock_now_us() < deadline_us)
        pause_ms(1);
    return crew_count(crew).threads;
}

/* Has each thread that is one too many do something, since only then it looks. */
Test(crew, threads_that_are_not_needed_any_more_go)
{
    struct crew *crew = make(CREW_PARK_USUAL, 2, 0);
    struct blockers blockers = {0};
    struct sleeper sleeper = {.lock = PTHREAD_MUTEX_INITIALIZER};
    start_sleeper(crew, &sleeper);
    start_blockers(crew, &blockers, BLOCKERS);
    cr_assert_eq(rise_to(&blockers.entered, BLOCKERS), BLOCKERS);
    cr_assert_eq(crew_count(crew).blocked, BLOCKERS);
    let_go(&blockers, BLOCKERS);
    cr_assert_eq(threads_fall_to(crew, 2), 2);
    cr_assert_eq(crew_count(crew).blocked, 0);
    end_sleeper(&sleeper);
    cr_assert(all_end(crew));
    crew_free(crew);
    sem_destroy(&blockers.leave);
}

static void more_than_threads(enum crew_parking parking)
{
    struct crew *crew = make(parking, 1, 3);
    struct blockers blockers = {0};
    start_blockers(crew, &blockers, BLOCKERS);
    cr_assert_eq(rise_to(&blockers.entered, 3), 3);
    pause_ms(5);
    cr_assert_eq(atomic_load(&blockers.entered), 3);
    for (unsigned i = 1; i <= BLOCKERS; i++) {
        let_go(&blockers, 1);
        cr_assert_eq(rise_to(&blockers.left, i), i);
    }
    cr_assert(all_end(crew));
    crew_free(crew);
    sem_destroy(&blockers.leave);
}

Test(crew, more_blocked_tasks_than_threads_run_one_after_another)
{
    more_than_threads(CREW_PARK_USUAL);
    more_than_threads(CREW_PARK_ALWAYS);
    more_than_threads(CREW_PARK_NEVER);
}

Test(crew, blocking_means_nothing_on_other_threads)
{
    crew_block();
    crew_unblock();
}

/* A pool whose threads need a stack larger than the address space: none can be started. */
Test(crew, a_task_without_a_thread_runs_at_a_later_call)
{
    struct crew *crew = make(CREW_PARK_USUAL, 1, 0);
    struct threads *good = crew->pool;
    struct sleeper sleepers[2] = {{.lock = PTHREAD_MUTEX_INITIALIZER},
                                  {.lock = PTHREAD_MUTEX_INITIALIZER}};
    crew->pool = threads_new(SIZE_MAX / 16 * 15, 1, 1000);
    cr_assert_not_null(crew->pool);
    start_sleeper(crew, &sleepers[0]);
    end_sleeper(&sleepers[0]);
    cr_assert_eq(crew_count(crew).threads, 0);
    threads_free(crew->pool);
    crew->pool = good;
    start_sleeper(crew, &sleepers[1]);
    cr_assert_eq(rise_to(&sleepers[0].runs, 1), 1);
    end_sleeper(&sleepers[1]);
    cr_assert(all_end(crew));
    crew_free(crew);
}

/* Runs until another task, which waits for a descriptor, has run. */
struct greedy {
    atomic_uint turns;
    struct echo echo;
    struct sleeper *other;
};

static enum task_next run_greedy(struct task *task, void *arg)
{
    struct greedy *greedy = arg;
    (void)task;
    atomic_fetch_add(&greedy->turns, 1);
    return atomic_load(&greedy->echo.served) == 0 ? TASK_MORE : TASK_END;
}

static void greedy_beside_other(struct crew *crew)
{
    struct greedy greedy = {.echo = {.seed = 1}};
    start_echo(crew, &greedy.echo, TASK_WAIT_FIRST);
    atomic_store(&greedy.echo.wanted, 1);
    task_start(task_new(crew, run_greedy, &greedy), TASK_RUN_NOW);
    task_start(task_new(crew, run_greedy, &greedy), TASK_RUN_NOW);
    cr_assert_geq(rise_to(&greedy.turns, 10), 10);
    cr_assert(ask(&greedy.echo));
    leave(&greedy.echo);
    cr_assert(all_end(crew));
}

Test(crew, a_task_that_always_has_more_holds_up_no_other)
{
    each_way(greedy_beside_other);
}

Test(crew, idle_tasks_use_no_processor)
{
    static struct echo echoes[ECHOES];
    struct crew *crew = make(CREW_PARK_USUAL, 2, 0);
    for (unsigned i = 0; i < ECHOES; i++) {
        echoes[i] = (struct echo){.seed = i};
        start_echo(crew, &echoes[i], TASK_WAIT_FIRST);
    }
    for (unsigned i = 0; i < ECHOES; i++)
        cr_assert(ask(&echoes[i]));
    cr_assert_leq(crew_count(crew).threads, 2);
    cr_assert_eq(crew_count(crew).tasks, ECHOES);
    pause_ms(20);
    uint64_t switches = context_switches();
    int64_t used_us = cpu_time_us();
    pause_ms(300);
    cr_assert_lt(cpu_time_us() - used_us, 20000);
    cr_assert_leq(context_switches() - switches, 50, "ThreadSanitizer has a thread, too");
    for (unsigned i = 0; i < ECHOES; i++)
        leave(&echoes[i]);
    cr_assert(all_end(crew));
    crew_free(crew);
}

/* Watches for output only while its socket is full, as a writer does. */
struct writer {
    int fd;
    unsigned left;
};

static enum task_next run_writer(struct task *task, void *arg)
{
    static const char bytes[1000];
    struct writer *writer = arg;
    while (writer->left > 0) {
        size_t size = writer->left < sizeof(bytes) ? writer->left : sizeof(bytes);
        ssize_t sent = send(writer->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0)
            return task_watch(task, 1, writer->fd, EPOLLOUT) == 0 ? TASK_WAIT : TASK_END;
        writer->left -= (unsigned)sent;
        (void)task_watch(task, 1, writer->fd, 0);
    }
    (void)task_watch(task, 1, -1, 0);
    close(writer->fd);
    return TASK_END;
}

static void writes_all(struct crew *crew)
{
    enum { SIZE = 1000000 };
    int fds[2];
    char bytes[4096];
    sockets_unix(fds);
    struct writer writer = {fds[0], SIZE};
    struct task *task = task_new(crew, run_writer, &writer);
    cr_assert_eq(task_watch(task, 1, fds[0], EPOLLIN), 0, "EPOLLOUT is added to it later");
    task_start(task, TASK_RUN_NOW);
    unsigned got = 0;
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    cr_assert_eq(setsockopt(fds[1], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    for (ssize_t count = 1; count > 0; got += (unsigned)count)
        count = recv(fds[1], bytes, sizeof(bytes), 0);
    cr_assert_eq(got, SIZE);
    cr_assert(all_end(crew));
    close(fds[1]);
}

Test(crew, a_writer_goes_on_when_there_is_room)
{
    each_way(writes_all);
}
