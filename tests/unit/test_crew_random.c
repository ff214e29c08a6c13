/* Many tasks at once, at random: no wake-up is lost, and none reaches another task. */
#include "server/daemon/crew/crew.h"

#include "tests/unit/test_crew.h"

enum { DRIVERS = 4 };

/* Many tasks, woken at random from several threads. */
enum { ECHOES = 200, PUSHES = 3000 };

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

Test(crew_random, no_wake_up_is_lost, .timeout = 240)
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

Test(crew_random, an_event_for_a_task_that_has_ended_reaches_no_other, .timeout = 240)
{
    each_way(short_lives);
}
