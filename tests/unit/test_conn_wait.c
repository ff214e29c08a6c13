/* Waits: what actpass_events.h promises beside what every test of a connection does in its loops.
 */
#include "relay/clock.h"
#include "server/lib/conn_internal.h"
#include "tests/support/conn_suite.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(conn_wait, .timeout = 60);

static struct conn_suite suite;

static struct conn_rig_options looped(int which)
{
    struct conn_rig_options options = conn_way(which | 8);
    options.loop = LOOP_TOLD;
    return options;
}

static int count_threads(void)
{
    DIR *folder = opendir("/proc/self/task");
    int count = -2; /* the folder itself and its parent */
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

Test(conn_wait, a_connection_in_a_loop_has_no_thread)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < 8; which++) {
        struct conn_rig rig;
        struct conn_rig_options options = looped(which);
        int before = count_threads();
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert_eq(count_threads(), before + 1, "way %d: more threads than the peer's", which);
        cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
        cr_assert_eq(count_threads(), before + 1, "way %d: more threads than the peer's", which);
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* A connection with a relay thread, in turns with calls that block and calls that do not. */
Test(conn_wait, it_can_be_changed_at_any_time)
{
    enum { TURNS = 40 };
    conn_suite_begin(&suite);
    for (int which = 0; which < 8; which++) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        for (int turn = 0; turn < TURNS; turn++) {
            char text[20], got[20] = "";
            rig.loop = turn & 1 ? LOOP_TOLD : LOOP_NONE;
            cr_assert_eq(actpass_set_nonblocking(rig.conn, turn & 1), 0);
            cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
            int length = snprintf(text, sizeof(text), "turn %d", turn);
            cr_assert_eq(loop_write(&rig, text, (size_t)length), 0);
            for (int have = 0; have < length;) {
                int64_t some = loop_read(&rig, got + have, (size_t)(length - have));
                cr_assert_gt(some, 0, "way %d, turn %d: %s", which, turn, conn_rig_says(&rig));
                have += (int)some;
            }
            cr_assert_str_eq(got, text);
        }
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        cr_assert_eq(actpass_set_nonblocking(rig.conn, 1), -1, "it is closed");
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn_wait, the_callers_descriptors)
{
    struct conn_rig rig;
    int ends[2];
    conn_suite_begin(&suite);
    struct conn_rig_options options = looped(0); /* TLS 1.2: no tickets come */
    conn_rig_init(&rig, &suite.world, &options, peer_shakes_hands, NULL);
    cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
    cr_assert_eq(pipe(ends), 0);
    struct pollfd own[17] = {{.fd = ends[0], .events = POLLIN, .revents = POLLIN}};
    char byte;
    cr_assert_eq(actpass_read(rig.conn, &byte, 1), ACTPASS_AGAIN);
    cr_assert_eq(actpass_wait(rig.conn, own, 1, 20), 0, "nothing has come");
    cr_assert_eq(own[0].revents, 0);
    cr_assert_eq(write(ends[1], "x", 1), 1);
    cr_assert_eq(actpass_wait(rig.conn, own, 1, -1), 1);
    cr_assert_eq(own[0].revents, POLLIN);
    cr_assert_eq(actpass_read(rig.conn, &byte, 1), ACTPASS_AGAIN, "the connection has nothing");
    errno = 0;
    cr_assert_eq(actpass_wait(rig.conn, own, 17, 0), -1);
    cr_assert_eq(errno, EINVAL);
    close(ends[0]);
    close(ends[1]);
    actpass_abort(rig.conn);
    conn_rig_free(&rig);
    conn_suite_end(&suite);
}

Test(conn_wait, the_callers_reason_is_the_close_reason)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < 8; which++) {
        struct conn_rig rig;
        struct conn_rig_options options = looped(which);
        conn_rig_init(&rig, &suite.world, &options, peer_shakes_hands_and_ends, NULL);
        cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
        actpass_fail(rig.conn, ACTPASS_CLEAN, "no reason");
        cr_assert_eq(actpass_ended(rig.conn), ACTPASS_OPEN, "CLEAN is not the caller's to say");
        actpass_fail(rig.conn, ACTPASS_TIMEOUT, "the backend was too slow");
        actpass_fail(rig.conn, ACTPASS_REFUSED, "later");
        conn_must_end(&rig, ACTPASS_TIMEOUT, which);
        cr_assert_str_eq(actpass_error(rig.conn), "the backend was too slow");
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* Data that waits in the buffers of the connection is not lost when its memory is released. */
Test(conn_wait, released_memory_holds_no_data)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < 8; which++) {
        struct conn_rig rig;
        struct conn_rig_options options = looped(which);
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
        for (int turn = 0; turn < 20; turn++) {
            char text[6] = "hello";
            text[0] = (char)('a' + turn);
            cr_assert_eq(loop_write(&rig, text, 5), 0);
            for (int have = 0; have < 5; have++) {
                char byte;
                actpass_release_memory(rig.conn);
                cr_assert_eq(loop_read(&rig, &byte, 1), 1, "%s", conn_rig_says(&rig));
                cr_assert_eq(byte, text[have]);
            }
        }
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* Whoever becomes a connection's loop late may wait before the first call. */
Test(conn_wait, a_client_has_something_to_do_before_the_first_call)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < 8; which += 2) { /* clients */
        struct conn_rig rig;
        struct pollfd socket;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert_eq(actpass_prepare_wait(rig.conn, &socket), 0, "a connection that blocks");
        cr_assert_eq(actpass_wait(rig.conn, NULL, 0, 0), -1);
        cr_assert_eq(errno, EINVAL);
        cr_assert_eq(actpass_set_nonblocking(rig.conn, 1), 0);
        cr_assert_eq(actpass_prepare_wait(rig.conn, &socket), 0, "way %d", which);
        rig.loop = LOOP_TOLD;
        cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* What the socket had is in the buffers by the time of the wait: poll would not see it. */
Test(conn_wait, a_read_with_a_deadline_is_waited_for)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < 8; which++) {
        struct conn_rig rig;
        char got[6] = "";
        struct conn_rig_options options = looped(which);
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
        cr_assert_eq(loop_write(&rig, "hello", 5), 0);
        int64_t length = actpass_read_until(rig.conn, got, 5, 0);
        for (int turn = 0; turn < 100 && length == ACTPASS_AGAIN; turn++) {
            pause_ms(20); /* the answer comes meanwhile */
            cr_assert_eq(actpass_wait(rig.conn, NULL, 0, 5000), 1, "way %d", which);
            length = actpass_read_until(rig.conn, got, 5, 0);
        }
        cr_assert_eq(length, 5, "way %d: %s", which, conn_rig_says(&rig));
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn_wait, settings)
{
    actpass_config *config = actpass_config_new();
    cr_assert_eq(actpass_config_set_nonblocking(config, 2), -1);
    cr_assert_eq(strncmp(actpass_config_error(config), "nonblocking: ", 13), 0);
    cr_assert_eq(actpass_config_set_nonblocking(config, 1), 0);
    cr_assert_eq(actpass_config_set_nonblocking(config, 0), 0);
    actpass_config_free(config);
}

/* ---- An abort while only output is waited for ------------------------------------------------ */

enum { RING = 32768, TOO_MUCH = 200000 };

struct stalled {
    sem_t sent, aborted;
    int error; /* of the last recv; 0: FIN */
};

/* Sends more than the other side has room for, and reads only after the abort. */
static void stalls(struct socket_peer *peer, void *arg)
{
    static const char data[TOO_MUCH];
    static char sink[65536];
    struct stalled *stalled = arg;
    ssize_t got = 1;
    if (socket_peer_handshake(peer))
        (void)socket_peer_write(peer, data, sizeof(data));
    (void)sem_post(&stalled->sent);
    while (sem_wait(&stalled->aborted) != 0) /* EINTR */
        ;
    while (got > 0 || (got < 0 && errno == EAGAIN)) {
        struct pollfd set = {.fd = peer->fd, .events = POLLIN};
        (void)poll(&set, 1, 20000);
        got = recv(peer->fd, sink, sizeof(sink), MSG_DONTWAIT);
    }
    stalled->error = got == 0 ? 0 : errno;
}

static void *abort_soon(void *conn)
{
    pause_ms(30); /* the poll should have begun; if not, it ends all the same */
    actpass_abort(conn);
    return NULL;
}

/* Writes until the only event to wait for is room for more. */
static struct pollfd fill(actpass_conn *conn)
{
    static const char data[16384];
    struct pollfd set = {.fd = -1};
    for (int i = 0; i < 10000 && (set.fd < 0 || set.events != POLLOUT); i++) {
        if (poll(&set, 1, 1) == 1) /* what the other side sent may still be on its way */
            actpass_note_events(conn, set.revents);
        while (actpass_write_some(conn, data, sizeof(data)) > 0)
            ;
        (void)actpass_prepare_wait(conn, &set);
    }
    cr_assert_eq(set.events, POLLOUT, "events %d", set.events);
    return set;
}

static struct pollfd stalled_begin(struct conn_rig *rig, struct stalled *stalled)
{
    struct conn_rig_options options = looped(0);
    conn_suite_begin(&suite);
    options.ring = RING;
    cr_assert(sem_init(&stalled->sent, 0, 0) == 0 && sem_init(&stalled->aborted, 0, 0) == 0);
    conn_rig_init(rig, &suite.world, &options, stalls, stalled);
    cr_assert(conn_shakes_hands(rig), "%s", conn_rig_says(rig));
    while (sem_wait(&stalled->sent) != 0)
        ;
    return fill(rig->conn);
}

/* After the abort. */
static void stalled_end(struct conn_rig *rig, struct stalled *stalled)
{
    struct pollfd set;
    cr_assert_eq(sem_post(&stalled->aborted), 0);
    socket_peer_join(rig->peer);
    cr_assert_eq(stalled->error, ECONNRESET, "%s", strerror(stalled->error));
    (void)actpass_prepare_wait(rig->conn, &set);
    cr_assert_eq(actpass_ended(rig->conn), ACTPASS_CANCELLED);
    conn_rig_free(rig);
    (void)sem_destroy(&stalled->sent);
    (void)sem_destroy(&stalled->aborted);
    conn_suite_end(&suite);
}

/* The peer must see a reset, and no FIN before it. */
Test(conn_wait, an_abort_sends_no_fin)
{
    struct conn_rig rig;
    struct stalled stalled;
    pthread_t thread;
    struct pollfd set = stalled_begin(&rig, &stalled);
    cr_assert_eq(pthread_create(&thread, NULL, abort_soon, rig.conn), 0);
    cr_assert_eq(poll(&set, 1, 20000), 1);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    stalled_end(&rig, &stalled);
}

/* As in a renegotiation, where reads need room for output. */
Test(conn_wait, a_reader_that_waits_for_room_changes_no_writers_wait)
{
    struct conn_rig rig;
    struct stalled stalled;
    (void)stalled_begin(&rig, &stalled);
    const struct conn_waits writer = rig.conn->waits[CONN_WRITER];
    int64_t until_us = clock_deadline_ms(20000);
    cr_assert_eq(writer.want, RELAY_WRITABLE);
    cr_assert_eq(conn_wait_until(rig.conn, CONN_READER, RELAY_WRITABLE, until_us), WAIT_AGAIN);
    cr_assert_eq(rig.conn->waits[CONN_READER].want, RELAY_WRITABLE);
    cr_assert_eq(rig.conn->waits[CONN_READER].deadline_us, until_us);
    cr_assert_eq(rig.conn->waits[CONN_WRITER].want, writer.want);
    cr_assert_eq(rig.conn->waits[CONN_WRITER].deadline_us, writer.deadline_us);
    actpass_abort(rig.conn);
    stalled_end(&rig, &stalled);
}
