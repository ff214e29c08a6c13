/* One task or a few: what wakes them, and what does not. test_crew_random.c has many, and
 * test_crew_block.c those that block. */
#include "server/daemon/crew/crew.h"

#include "tests/unit/test_crew.h"

#include <fcntl.h>
#include <sched.h>

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

static enum task_next note_policy(struct task *task, void *arg)
{
    (void)task;
    atomic_store((atomic_int *)arg, sched_getscheduler(0));
    return TASK_END;
}

static void other_policy(struct crew *crew)
{
    struct sched_param none = {.sched_priority = 0};
    int before = sched_getscheduler(0);
    atomic_int seen = -1;
    cr_assert_eq(sched_setscheduler(0, SCHED_BATCH, &none), 0);
    task_start(task_new(crew, note_policy, &seen), TASK_RUN_NOW);
    cr_assert(all_end(crew));
    cr_assert_eq(atomic_load(&seen), before);
    cr_assert_eq(sched_setscheduler(0, before, &none), 0);
}

/* The thread that starts a task may have a policy of its own, as the daemon's accept thread has. */
Test(crew, threads_have_the_policy_of_whoever_made_the_crew)
{
    each_way(other_policy);
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

/* A task that has not started while the crew's only thread takes an event for it from epoll. */
struct early {
    struct crew *crew;
    struct echo other; /* what the thread serves meanwhile */
    struct sleeper sleeper;
    int fds[2];
};

static void take_early(struct early *early)
{
    *early = (struct early){.crew = make(CREW_PARK_USUAL, 1, 0),
                            .other = {.seed = 1},
                            .sleeper = {.lock = PTHREAD_MUTEX_INITIALIZER}};
    sockets_unix(early->fds);
    start_echo(early->crew, &early->other, TASK_RUN_NOW);
    early->sleeper.task = task_new(early->crew, run_sleeper, &early->sleeper);
    cr_assert_eq(task_watch(early->sleeper.task, 0, early->fds[0], EPOLLIN), 0);
    cr_assert_eq(write(early->fds[1], "x", 1), 1);
    cr_assert(ask(&early->other));
    cr_assert(ask(&early->other), "so epoll was looked at in between");
}

static void end_early(struct early *early)
{
    leave(&early->other);
    cr_assert(all_end(early->crew));
    crew_free(early->crew);
    close(early->fds[0]);
    close(early->fds[1]);
}

Test(crew, an_event_taken_before_the_start_is_not_lost)
{
    struct early early;
    take_early(&early);
    task_start(early.sleeper.task, TASK_WAIT_FIRST);
    cr_assert_eq(rise_to(&early.sleeper.runs, 1), 1);
    end_sleeper(&early.sleeper);
    end_early(&early);
}

/* An event that has come for one descriptor is not reported for the next one in its place. */
Test(crew, a_place_forgets_what_it_watched_before)
{
    struct early early;
    take_early(&early);
    cr_assert_eq(task_watch(early.sleeper.task, 0, early.fds[1], EPOLLIN), 0);
    cr_assert_eq(task_take_events(early.sleeper.task, 0), 0);
    task_discard(early.sleeper.task);
    end_early(&early);
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

enum { ECHOES = 200 };

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
