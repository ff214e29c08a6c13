/* Many connections on one epoll, of which some have a message in flight at any time; each message
 * is answered by the backend.
 *
 * It opens all connections, prints a line and waits for a line of stdin; measures, prints what it
 * found and waits for another line; then closes them. So whoever measures the server can leave the
 * handshakes out. After each answer the next message goes to any of the connections that are idle,
 * so that all of them take turns where more are open than active. */
#include "load.h"

#include "../common/client.h"
#include "../common/times.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { MESSAGE_SIZE = 64, STALL_MS = 10000, EVENTS = 256 };

struct conn {
    SSL *ssl;
    double sent; /* when the message in flight was sent */
    size_t have; /* bytes of its answer */
};

struct busy {
    const struct load_options *options;
    struct conn *conns;
    struct conn **idle; /* those without a message in flight */
    uint64_t idle_count;
    uint64_t sent, done;
    uint64_t random;
    double *times;
    int epoll;
};

static void watch(struct busy *busy, struct conn *conn)
{
    struct epoll_event event = {EPOLLIN, {.ptr = conn}};
    int fd = SSL_get_fd(conn->ssl);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) || epoll_ctl(busy->epoll, EPOLL_CTL_ADD, fd, &event))
        fail("epoll", NULL);
}

static void open_all(struct busy *busy, SSL_CTX *context)
{
    for (uint64_t i = 0; i < busy->options->connections; i++) {
        struct conn *conn = &busy->conns[i];
        conn->ssl = load_open_used(context, busy->options->port);
        watch(busy, conn);
        busy->idle[busy->idle_count++] = conn;
    }
}

/* A pseudo-random number (xorshift), the same in each run. */
static uint64_t next_random(struct busy *busy)
{
    busy->random ^= busy->random << 13;
    busy->random ^= busy->random >> 7;
    busy->random ^= busy->random << 17;
    return busy->random;
}

static struct conn *take_idle(struct busy *busy)
{
    uint64_t place = next_random(busy) % busy->idle_count;
    struct conn *conn = busy->idle[place];
    busy->idle[place] = busy->idle[--busy->idle_count];
    return conn;
}

/* The socket's buffer is empty, so it takes the message. */
static void send_next(struct busy *busy)
{
    static const char message[MESSAGE_SIZE] = "m";
    struct conn *conn = take_idle(busy);
    busy->sent++;
    conn->have = 0;
    conn->sent = now();
    client_write(conn->ssl, message, sizeof(message));
}

/* Reads what has come. True once the answer is complete. */
static bool has_answer(struct conn *conn)
{
    char answer[MESSAGE_SIZE];
    while (conn->have < sizeof(answer)) {
        int got = SSL_read(conn->ssl, answer, (int)(sizeof(answer) - conn->have));
        if (got <= 0 && SSL_get_error(conn->ssl, got) == SSL_ERROR_WANT_READ)
            return false;
        if (got <= 0)
            fail("read", NULL);
        conn->have += (size_t)got;
    }
    return true;
}

static void take_answer(struct busy *busy, struct conn *conn)
{
    if (!has_answer(conn))
        return;
    busy->times[busy->done++] = now() - conn->sent;
    busy->idle[busy->idle_count++] = conn;
    if (busy->sent < busy->options->count)
        send_next(busy);
}

static void run(struct busy *busy)
{
    for (uint64_t i = 0; i < busy->options->concurrency && busy->sent < busy->options->count; i++)
        send_next(busy);
    while (busy->done < busy->options->count) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(busy->epoll, events, EVENTS, STALL_MS);
        if (count <= 0)
            fail("connections stall, epoll_wait", NULL);
        for (int i = 0; i < count; i++)
            take_answer(busy, events[i].data.ptr);
    }
}

static void measure(struct busy *busy)
{
    double own = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
    double begin = now();
    run(busy);
    double seconds = now() - begin;
    own = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - own;
    printf("{\"count\": %lu, \"seconds\": %.6f, \"own_cpu\": %.6f, \"p50_us\": %.2f, "
           "\"p99_us\": %.2f}\n",
           busy->done, seconds, own, percentile(busy->times, busy->done, 0.5) * 1e6,
           percentile(busy->times, busy->done, 0.99) * 1e6);
    fflush(stdout);
}

static void close_all(struct busy *busy)
{
    for (uint64_t i = 0; i < busy->options->connections; i++) {
        int fd = SSL_get_fd(busy->conns[i].ssl);
        if (fcntl(fd, F_SETFL, 0))
            fail("fcntl", NULL);
        client_close(busy->conns[i].ssl);
    }
}

void load_busy(const struct load_options *options)
{
    struct busy busy = {.options = options, .random = 88172645463325252};
    SSL_CTX *context = client_context();
    SSL_CTX_set_read_ahead(context, 1); /* one recv for a record */
    busy.conns = calloc(options->connections, sizeof(*busy.conns));
    busy.idle = calloc(options->connections, sizeof(struct conn *));
    busy.times = calloc(options->count, sizeof(*busy.times));
    busy.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!busy.conns || !busy.idle || !busy.times || busy.epoll < 0)
        fail("start", NULL);
    double begin = now();
    open_all(&busy, context);
    load_say_open(options->connections, begin);
    measure(&busy);
    getchar();
    close_all(&busy);
    free(busy.times);
    free(busy.idle);
    free(busy.conns);
    SSL_CTX_free(context);
    close(busy.epoll);
}
