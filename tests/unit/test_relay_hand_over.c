/* Who sleeps in poll hears of what another thread has done meanwhile. The program has a send and a
 * ppoll of its own, so that it can hold one thread inside send until another sleeps: nothing here
 * is left to chance. */
#include "relay/clock.h"
#include "relay/relay.h"
#include "tests/support/relay_bench.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LONG_MS = 10000, RING = 4096, PIECE = 100, SPIN_MS = 300, SPIN_MOST_US = 60000 };

/* ---- The gate in send, and threads that sleep ------------------------------------------------ */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed; /* the next send stops here */
    bool inside; /* and one does */
    unsigned sleepers;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    pthread_mutex_lock(&gate.lock);
    if (gate.closed && !gate.inside) {
        gate.inside = true;
        pthread_cond_broadcast(&gate.changed);
        while (gate.closed)
            pthread_cond_wait(&gate.changed, &gate.lock);
        gate.inside = false;
    }
    pthread_mutex_unlock(&gate.lock);
    return syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

static void count_sleepers(int change)
{
    pthread_mutex_lock(&gate.lock);
    gate.sleepers += (unsigned)change;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

/* The kernel writes what is left into the time. */
int ppoll(struct pollfd *set, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    struct timespec left = timeout ? *timeout : (struct timespec){0};
    count_sleepers(1);
    long ready = syscall(SYS_ppoll, set, count, timeout ? &left : NULL, mask, sizeof(long));
    count_sleepers(-1);
    return (int)ready;
}

static void gate_close(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.closed = true;
    pthread_mutex_unlock(&gate.lock);
}

static void gate_open(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.closed = false;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

static void await_inside(void)
{
    pthread_mutex_lock(&gate.lock);
    while (!gate.inside)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static void await_sleeper(void)
{
    pthread_mutex_lock(&gate.lock);
    while (gate.sleepers == 0)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

/* ---- The relay ------------------------------------------------------------------------------- */

static struct relay_options options_of(const struct relay_way *way)
{
    return (struct relay_options){.transport = way->transport,
                                  .hooks = driver_hooks(way->driver, PIECE),
                                  .role = ROLE_SERVER,
                                  .write_timeout_ms = LONG_MS};
}

/* With unread input, a thread that waits for output does not poll the socket: the peer's FIN does
 * not wake it. */
static void stop_input(struct relay_bench *bench)
{
    static const char byte = 'x';
    cr_assert_eq(write(bench->peer, &byte, 1), 1);
    cr_assert_eq(relay_bench_wait(bench, RELAY_READABLE, LONG_MS), WAIT_READY);
}

/* ---- One sends, the other waits for what that makes true ------------------------------------- */

struct hand_over {
    const char *name;
    bool finish;  /* it waits for all output and FIN; otherwise for room */
    bool failing; /* the peer is gone, and the send fails */
    bool writing; /* the sender is inside a write; otherwise inside a flush. Direct only */
};

static void *flush_in_thread(void *arg)
{
    struct relay_bench *bench = arg;
    relay_flush(bench->relay);
    return NULL;
}

static void *write_in_thread(void *arg)
{
    struct relay_bench *bench = arg;
    (void)BIO_write(bench->bio, "data", 4); /* it may fail: the waiting one is the test */
    relay_flush(bench->relay);
    return NULL;
}

struct waiter {
    struct relay_bench *bench;
    bool finish;
    enum relay_wait result;
};

static void *wait_in_thread(void *arg)
{
    struct waiter *waiter = arg;
    if (waiter->finish)
        waiter->result = relay_finish_output(waiter->bench->relay, clock_deadline_ms(LONG_MS));
    else
        waiter->result = relay_bench_wait(waiter->bench, RELAY_WRITABLE, LONG_MS);
    return NULL;
}

static void hand_over(const struct relay_way *way, const struct hand_over *what)
{
    static const char block[RING];
    struct relay_bench bench;
    struct relay_options options = options_of(way);
    options.outbound_size = RING;
    options.inbound_size = 1;
    relay_bench_make(&bench, &options, sockets_tcp); /* no relay thread: no other thread may poll */
    stop_input(&bench);
    if (!what->writing)
        cr_assert_eq(BIO_write(bench.bio, block, sizeof(block)), RING);

    pthread_t sender, sleeper;
    struct waiter waiter = {.bench = &bench, .finish = what->finish};
    gate_close();
    cr_assert_eq(
        pthread_create(&sender, NULL, what->writing ? write_in_thread : flush_in_thread, &bench),
        0);
    await_inside();
    cr_assert_eq(pthread_create(&sleeper, NULL, wait_in_thread, &waiter), 0);
    await_sleeper();
    if (what->failing) {
        socket_reset(bench.peer);
        bench.peer = -1;
    }
    int64_t before_us = clock_now_us();
    gate_open();
    cr_assert_eq(pthread_join(sender, NULL), 0);
    cr_assert_eq(pthread_join(sleeper, NULL), 0);
    /* At its deadline a sleeping thread looks at the state even if no thread has woken it. */
    cr_assert_lt(clock_now_us() - before_us, LONG_MS * INT64_C(500), "%s: %s: nobody woke it",
                 way->name, what->name);
    cr_assert_eq(waiter.result, WAIT_READY, "%s: %s: %d", way->name, what->name, waiter.result);
    cr_assert_eq(relay_status(bench.relay).error != 0, what->failing, "%s: %s", way->name,
                 what->name);
    relay_bench_free(&bench);
}

Test(relay_hand_over, who_sleeps_hears_of_what_another_threads_send_has_made, .timeout = 60)
{
    static const struct hand_over table[] = {
        {.name = "room"},
        {.name = "room, the send fails", .failing = true},
        {.name = "all sent", .finish = true},
        {.name = "all sent, the send fails", .finish = true, .failing = true}};
    for (int i = 0; i < RELAY_WAYS; i++)
        for (size_t k = 0; relay_ways[i].waiter_polls && k < sizeof(table) / sizeof(*table); k++)
            hand_over(&relay_ways[i], &table[k]);
}

/* The direct transport sends inside the write, too. */
Test(relay_hand_over, who_sleeps_hears_of_another_threads_write, .timeout = 60)
{
    static const struct hand_over table[] = {
        {.name = "written", .finish = true, .writing = true},
        {.name = "the write fails", .finish = true, .writing = true, .failing = true}};
    for (size_t k = 0; k < sizeof(table) / sizeof(*table); k++)
        hand_over(&relay_ways[WAY_DIRECT], &table[k]);
}

/* ---- The eventfd ----------------------------------------------------------------------------- */

/* A connection without traffic frees its eventfd for the conversation's next sleep. If
 * that sleep does not come, the relay thread must not do without the pipe. */
Test(relay_hand_over, the_relay_thread_never_sleeps_without_a_control_pipe, .timeout = 30)
{
    struct relay_bench bench;
    relay_bench_start(&bench,
                      &(struct relay_options){.role = ROLE_SERVER, .write_timeout_ms = LONG_MS});
    struct pollfd extra = {.fd = eventfd(0, 0), .events = POLLIN};
    relay_enter(bench.relay);
    /* With an extra descriptor it runs the loop, and no other thread takes that before it leaves.
     */
    cr_assert_eq(relay_wait(bench.relay, 0, &extra, 1, 0), WAIT_TIMEOUT);
    relay_release(bench.relay);
    relay_leave(bench.relay);
    await_sleeper();
    cr_assert_eq(eventfd_write(extra.fd, 1), 0);
    cr_assert_eq(relay_wait(bench.relay, 0, &extra, 1, clock_deadline_ms(LONG_MS)), WAIT_READY);
    cr_assert_eq(extra.revents, POLLIN);
    close(extra.fd);
    relay_bench_free(&bench);
}

/* ---- No wake-up in vain ---------------------------------------------------------------------- */

static void *await_input(void *arg)
{
    struct relay_bench *bench = arg;
    return relay_bench_wait(bench, RELAY_READABLE, SPIN_MS) == WAIT_TIMEOUT ? NULL : arg;
}

/* Our ClientHello is held back since the peer has begun to speak: output that nobody may send wakes
 * nobody, or two who wait would wake each other for ever. */
Test(relay_hand_over, output_that_is_held_back_wakes_nobody, .timeout = 30)
{
    static const struct relay_options options = {
        .role = ROLE_AUTO, .initial_data_timeout_ms = 0, .write_timeout_ms = LONG_MS};
    struct relay_bench bench;
    relay_bench_make(&bench, &options, sockets_tcp);
    cr_assert_eq(write(bench.peer, "\x16\x03", 2), 2); /* so far it may be anything */
    cr_assert_gt(BIO_write(bench.bio, "\x16\x03\x01 our hello", 13), 0);
    pthread_t first, second;
    void *failed[2];
    int64_t before_us = cpu_time_us();
    cr_assert_eq(pthread_create(&first, NULL, await_input, &bench), 0);
    cr_assert_eq(pthread_create(&second, NULL, await_input, &bench), 0);
    cr_assert_eq(pthread_join(first, &failed[0]), 0);
    cr_assert_eq(pthread_join(second, &failed[1]), 0);
    cr_assert(!failed[0] && !failed[1]);
    int64_t used_us = cpu_time_us() - before_us;
    cr_assert_eq(relay_status(bench.relay).sent, 0, "it was not held back");
    cr_assert_lt(used_us, SPIN_MOST_US, "%lld us", (long long)used_us);
    relay_bench_free(&bench);
}
