/* Three threads of one conversation wait at once: for input, for room, and for an extra descriptor,
 * which needs the I/O loop itself. The peer echoes. No thread may wait in vain, whichever runs the
 * loop. */
#include "relay/clock.h"
#include "relay/relay.h"
#include "tests/support/drivers.h"
#include "tests/support/pattern.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HANGS_MS = 20000, BYTES = 300000, PIECE = 3000, EVENTS = 300 };

struct bench {
    struct relay *relay;
    BIO *bio;
    pthread_mutex_t lock; /* around the BIO, as around an SSL object */
    int peer;
    int event; /* the third thread's extra descriptor */
    _Atomic(const char *) failure;
};

static void fail(struct bench *bench, const char *what)
{
    const char *none = NULL;
    (void)atomic_compare_exchange_strong(&bench->failure, &none, what);
    relay_abort(bench->relay);
}

static void *echo(void *arg)
{
    struct bench *bench = arg;
    char block[PIECE];
    ssize_t got;
    while ((got = recv(bench->peer, block, sizeof(block), 0)) > 0)
        if (send(bench->peer, block, (size_t)got, MSG_NOSIGNAL) != got)
            break;
    return NULL;
}

static bool write_piece(struct bench *bench, const uint8_t *bytes, int size)
{
    if (relay_wait(bench->relay, RELAY_WRITABLE, NULL, 0, clock_deadline_ms(HANGS_MS)) !=
        WAIT_READY) {
        fail(bench, "the writer waited in vain");
        return false;
    }
    pthread_mutex_lock(&bench->lock);
    int put = BIO_write(bench->bio, bytes, size);
    pthread_mutex_unlock(&bench->lock);
    relay_flush(bench->relay);
    if (put != size)
        fail(bench, "a write failed");
    return put == size;
}

static void *write_all(void *arg)
{
    struct bench *bench = arg;
    uint8_t block[PIECE];
    bool good = true;
    for (size_t done = 0; good && done < BYTES; done += PIECE) {
        pattern_fill(block, PIECE, done, 1);
        good = write_piece(bench, block, PIECE);
    }
    return NULL;
}

/* Waits for one byte more than the writer writes, until the others have ended. */
static void *read_all(void *arg)
{
    struct bench *bench = arg;
    uint8_t block[PIECE];
    for (size_t done = 0; done < BYTES + 1;) {
        if (relay_wait(bench->relay, RELAY_READABLE, NULL, 0, clock_deadline_ms(HANGS_MS)) !=
            WAIT_READY) {
            fail(bench, "the reader waited in vain");
            return NULL;
        }
        pthread_mutex_lock(&bench->lock);
        int got = BIO_read(bench->bio, block, PIECE);
        pthread_mutex_unlock(&bench->lock);
        if (got > 0 && !pattern_matches(block, (size_t)got, done, 1))
            fail(bench, "wrong bytes");
        done += got > 0 ? (size_t)got : 0;
    }
    return NULL;
}

/* Raises the next event as soon as it has seen the last one. */
static void *watch_event(void *arg)
{
    struct bench *bench = arg;
    eventfd_t count;
    for (int i = 0; i < EVENTS && !bench->failure; i++) {
        struct pollfd extra = {.fd = bench->event, .events = POLLIN};
        if (eventfd_write(bench->event, 1))
            fail(bench, "eventfd_write");
        enum relay_wait wait = relay_wait(bench->relay, 0, &extra, 1, clock_deadline_ms(HANGS_MS));
        if (wait != WAIT_READY || eventfd_read(bench->event, &count))
            fail(bench, "the thread with the extra descriptor waited in vain");
    }
    return NULL;
}

static void meet(const struct relay_way *way, size_t ring, size_t cap)
{
    static void *(*const parts[])(void *) = {echo, read_all, write_all, watch_event};
    uint8_t last;
    int fds[2];
    pthread_t threads[4];
    struct bench bench = {.lock = PTHREAD_MUTEX_INITIALIZER, .event = eventfd(0, EFD_NONBLOCK)};
    sockets_tcp(fds);
    bench.peer = fds[1];
    struct relay_options options = {.transport = way->transport,
                                    .hooks = driver_hooks(way->driver, cap),
                                    .role = ROLE_SERVER,
                                    .write_timeout_ms = 2 * HANGS_MS,
                                    .inbound_size = ring,
                                    .outbound_size = ring,
                                    .threads = threads_new(131072, 4, 50)};
    bench.relay = relay_new(fds[0], &options);
    cr_assert(bench.relay && options.threads && bench.event >= 0);
    cr_assert_eq(relay_start(bench.relay), 0);
    bench.bio = relay_bio(bench.relay);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, parts[i], &bench), 0);
    cr_assert_eq(pthread_join(threads[3], NULL), 0);
    cr_assert_eq(pthread_join(threads[2], NULL), 0);
    pattern_fill(&last, 1, BYTES, 1);
    (void)write_piece(&bench, &last, 1);
    cr_assert_eq(pthread_join(threads[1], NULL), 0);
    relay_close(bench.relay);
    cr_assert_eq(pthread_join(threads[0], NULL), 0);
    cr_assert_null(bench.failure, "%s, ring %zu, cap %zu: %s", way->name, ring, cap, bench.failure);
    BIO_free(bench.bio);
    relay_free(bench.relay);
    threads_free(options.threads);
    close(bench.peer);
    close(bench.event);
}

Test(relay_threads, three_wait_at_once, .timeout = 120)
{
    static const size_t rings[] = {0, 4000, 300};
    for (int i = 0; i < RELAY_WAYS; i++)
        for (size_t r = 0; r < 3; r++) {
            meet(&relay_ways[i], rings[r], 0);
            meet(&relay_ways[i], rings[r], 500);
        }
}
