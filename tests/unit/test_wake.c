#include "relay/wake.h"

#include "relay/clock.h"
#include "relay/internal.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(wake, .timeout = 30);

/* ---- A relay that no thread serves ---------------------------------------------------------- */

static int peer;

static struct relay *make(struct threads *threads)
{
    int fds[2];
    sockets_unix(fds);
    peer = fds[1];
    const struct relay_options options = {
        .transport = RELAY_PAIR, .role = ROLE_SERVER, .threads = threads};
    struct relay *relay = relay_new(fds[0], &options);
    cr_assert_not_null(relay);
    relay_lock(relay);
    return relay;
}

/* The lock is not held. No thread may seem to run the loop. */
static void end(struct relay *relay)
{
    relay_lock(relay);
    state_set_loop(relay, LOOP_FREE);
    relay_unlock(relay);
    relay_free(relay);
    close(peer);
}

/* How often the eventfd was written to since the last call. */
static uint64_t writes(const struct relay *relay)
{
    eventfd_t count;
    return eventfd_read(relay->wake.fd, &count) ? 0 : count;
}

/* ---- What a thread waits for ---------------------------------------------------------------- */

static const struct {
    const char *name;
    enum input_state input;
    enum output_state output;
    int error;
    unsigned notes, ready; /* of all that can be wanted */
} states[] = {
    {.name = "nothing came", .ready = RELAY_WRITABLE},
    {.name = "FIN came",
     .input = INPUT_ENDED,
     .ready = RELAY_WRITABLE | RELAY_READABLE | RELAY_ARRIVED | RELAY_ENDED},
    {.name = "FIN was sent", .output = OUTPUT_FINISHED, .ready = RELAY_WRITABLE | RELAY_FLUSHED},
    {.name = "a send failed",
     .output = OUTPUT_FAILED,
     .error = EPIPE,
     .ready = RELAY_WRITABLE | RELAY_FLUSHED | RELAY_FAILED},
    {.name = "a reset",
     .input = INPUT_FAILED,
     .error = ECONNRESET,
     .ready = RELAY_WRITABLE | RELAY_READABLE | RELAY_ARRIVED | RELAY_ENDED | RELAY_FAILED},
    {.name = "input is held", .notes = NOTE_HOLDS, .ready = RELAY_WRITABLE | RELAY_READABLE},
    {.name = "a renegotiation", .notes = NOTE_BUSY, .ready = 0},
    {.name = "a renegotiation and dead output",
     .notes = NOTE_BUSY,
     .output = OUTPUT_TIMED_OUT,
     .ready = RELAY_WRITABLE | RELAY_FLUSHED},
    {.name = "no room, and FIN came",
     .notes = NOTE_FULL,
     .input = INPUT_ENDED,
     .ready = RELAY_WRITABLE | RELAY_READABLE | RELAY_ENDED},
};

Test(wake, what_is_ready)
{
    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
        struct relay *relay = make(NULL);
        state_set_input(relay, states[i].input);
        state_set_output(relay, states[i].output);
        state_latch(relay, states[i].error);
        relay->waiters.notes = states[i].notes;
        for (unsigned want = RELAY_READABLE; want <= RELAY_FAILED; want <<= 1)
            cr_assert_eq(wake_is_ready(relay, want), (states[i].ready & want) != 0, "%s: %u",
                         states[i].name, want);
        cr_assert_not(wake_is_ready(relay, 0), "%s", states[i].name);
        relay_unlock(relay);
        end(relay);
    }
}

/* ---- The poller ----------------------------------------------------------------------------- */

Test(wake, a_sleeping_poller_is_woken_once)
{
    struct relay *relay = make(NULL);
    state_set_loop(relay, LOOP_ASLEEP);
    wake_poller(relay);
    wake_poller(relay);
    cr_assert_eq(relay->driver.loop, LOOP_WOKEN);
    cr_assert_eq(writes(relay), 0, "not under the lock");
    wake_unlock(relay);
    cr_assert_eq(writes(relay), 1);
    relay_lock(relay);
    cr_assert_eq(relay->wake.writers, 0);
    wake_unlock(relay);
    cr_assert_eq(writes(relay), 0, "nothing was due");
    end(relay);
}

Test(wake, a_poller_that_is_awake_is_left_alone)
{
    static const enum loop_state rows[] = {LOOP_FREE, LOOP_BUSY, LOOP_WOKEN};
    for (size_t i = 0; i < 3; i++) {
        struct relay *relay = make(NULL);
        state_set_loop(relay, rows[i]);
        wake_poller(relay);
        wake_if_events_changed(relay);
        cr_assert_eq(relay->driver.loop, rows[i]);
        wake_unlock(relay);
        cr_assert_eq(writes(relay), 0);
        end(relay);
    }
}

Test(wake, waiters_wake_the_poller_for_what_it_waits_for)
{
    struct relay *relay = make(NULL);
    state_set_loop(relay, LOOP_ASLEEP);
    relay->waiters.awaited = RELAY_READABLE;
    wake_waiters(relay);
    cr_assert_eq(relay->driver.loop, LOOP_ASLEEP, "nothing came");
    state_set_input(relay, INPUT_ENDED);
    wake_waiters(relay);
    cr_assert_eq(relay->driver.loop, LOOP_WOKEN);
    wake_unlock(relay);
    cr_assert_eq(writes(relay), 1);
    end(relay);
}

Test(wake, other_events_wake_the_poller)
{
    static const struct {
        short polled;
        bool output; /* something to send */
        enum loop_state loop;
    } rows[] = {{POLLIN, false, LOOP_ASLEEP},
                {POLLIN | POLLOUT, false, LOOP_ASLEEP},
                {0, false, LOOP_WOKEN},
                {POLLIN, true, LOOP_WOKEN}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct relay *relay = make(NULL);
        if (rows[i].output)
            cr_assert_eq(relay->transport->write(relay, "x", 1), 0);
        state_set_loop(relay, LOOP_ASLEEP);
        relay->driver.polled = rows[i].polled;
        wake_if_events_changed(relay);
        cr_assert_eq(relay->driver.loop, rows[i].loop, "row %zu", i);
        wake_unlock(relay);
        end(relay);
    }
}

/* Without an eventfd only an abort wakes, by shutting the socket's input down. */
Test(wake, an_abort_needs_no_eventfd)
{
    char byte;
    struct relay *relay = make(NULL);
    close(relay->wake.fd);
    relay->wake.fd = -1;
    state_set_loop(relay, LOOP_ASLEEP);
    wake_poller(relay);
    wake_unlock(relay);
    cr_assert_eq(recv(peer, &byte, 1, MSG_DONTWAIT), -1, "the socket is as it was");
    relay_lock(relay);
    state_set_loop(relay, LOOP_ASLEEP);
    relay->driver.polled = POLLIN;
    relay_unlock(relay);
    relay_abort(relay);
    cr_assert_eq(recv(relay->fd, &byte, 1, MSG_DONTWAIT), 0, "a poll for input is woken");
    cr_assert_eq(recv(peer, &byte, 1, MSG_DONTWAIT), -1, "and nothing was sent");
    end(relay);
}

Test(wake, an_abort_wakes_a_poll_that_does_not_ask_for_input)
{
    struct relay *relay = make(NULL);
    close(relay->wake.fd);
    relay->wake.fd = -1;
    state_set_loop(relay, LOOP_ASLEEP);
    relay->driver.polled = POLLOUT;
    relay_unlock(relay);
    relay_abort(relay);
    struct pollfd set = {.fd = relay->fd, .events = 0};
    cr_assert_eq(poll(&set, 1, 0), 1);
    cr_assert(set.revents & POLLHUP);
    end(relay);
}

/* ---- Sleeping ------------------------------------------------------------------------------- */

Test(wake, a_sleep_ends_at_its_deadline)
{
    struct relay *relay = make(NULL);
    int64_t before_us = clock_now_us();
    while (!wake_sleep(relay, &relay->waiters.arrived, before_us + 20000))
        ;
    cr_assert_geq(clock_now_us(), before_us + 20000);
    relay_unlock(relay);
    end(relay);
}

/* Else the wake-up would be lost while this thread sleeps. */
Test(wake, what_is_due_comes_before_a_sleep)
{
    struct relay *relay = make(NULL);
    state_set_loop(relay, LOOP_ASLEEP);
    wake_poller(relay);
    cr_assert_not(wake_sleep(relay, &relay->waiters.arrived, DEADLINE_NEVER));
    cr_assert_eq(writes(relay), 1);
    relay_unlock(relay);
    end(relay);
}

/* ---- The relay thread ----------------------------------------------------------------------- */

static sem_t ran;

static void run_once(void *arg)
{
    struct relay *relay = arg;
    relay_lock(relay);
    bool attached = relay->driver.thread == THREAD_ATTACHED && relay->references == 2;
    state_set_thread(relay, THREAD_AWAY);
    relay_unlock(relay);
    life_unref(relay);
    if (attached)
        sem_post(&ran);
}

Test(wake, a_relay_thread_is_started_without_the_lock)
{
    struct threads *threads = threads_new(131072, 1, 1000);
    cr_assert_eq(sem_init(&ran, 0, 0), 0);
    struct relay *relay = make(threads);
    relay->driver.thread_main = run_once;
    wake_call_thread(relay);
    cr_assert_eq(relay->driver.thread, THREAD_DUE);
    wake_unlock(relay);
    threads_free(threads); /* waits for it */
    cr_assert_eq(sem_trywait(&ran), 0);
    end(relay);
    sem_destroy(&ran);
}

Test(wake, a_thread_that_cannot_be_started_is_away)
{
    struct threads *threads = threads_new(SIZE_MAX / 4 * 3, 1, 1000); /* more than there is */
    struct relay *relay = make(threads);
    relay->driver.thread_main = run_once;
    wake_call_thread(relay);
    wake_unlock(relay);
    relay_lock(relay);
    cr_assert_eq(relay->driver.thread, THREAD_AWAY, "so the next call tries again");
    cr_assert_eq(relay->references, 1);
    relay_unlock(relay);
    end(relay);
    threads_free(threads);
}
