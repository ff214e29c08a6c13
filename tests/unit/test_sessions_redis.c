/* The Redis store against peers of ours: what is asked, and what becomes of answers that are late,
 * wrong or missing. Against the real one: tests/e2e/test_sessions.py. */
#include "server/lib/sessions/redis.h"
#include "server/lib/sessions/store_open.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <string.h>

#ifdef HAVE_HIREDIS
#include "relay/clock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

enum { DEADLINE_MS = 300, QUESTION = 2048 };

/* A peer on a free port: takes one question a connection after another and gives its answer. */
struct peer {
    int listener;
    uint16_t port;
    const char *answer; /* NULL: none */
    bool drips;         /* a byte each 20 ms */
    bool closes;        /* after each answer */
    pthread_mutex_t lock;
    char question[QUESTION]; /* the last */
    atomic_uint connections, stop;
    pthread_t thread;
};

static struct error_text problem;

static bool readable(int fd)
{
    struct pollfd set = {.fd = fd, .events = POLLIN};
    return poll(&set, 1, 10) > 0;
}

static void answer(const struct peer *peer, int fd)
{
    size_t size = peer->answer ? strlen(peer->answer) : 0, step = peer->drips ? 1 : size;
    for (size_t i = 0; i < size && !peer->stop; i += step) {
        if (send(fd, peer->answer + i, step, MSG_NOSIGNAL) < 0)
            return;
        if (peer->drips)
            pause_ms(20);
    }
}

static void serve(struct peer *peer, int fd)
{
    while (!peer->stop) {
        if (!readable(fd))
            continue;
        char question[QUESTION] = "";
        if (recv(fd, question, QUESTION - 1, 0) <= 0)
            return;
        pthread_mutex_lock(&peer->lock);
        memcpy(peer->question, question, QUESTION);
        pthread_mutex_unlock(&peer->lock);
        answer(peer, fd);
        if (peer->closes)
            return;
    }
}

static void *run(void *arg)
{
    struct peer *peer = arg;
    while (!peer->stop) {
        int fd = readable(peer->listener) ? accept(peer->listener, NULL, NULL) : -1;
        if (fd < 0)
            continue;
        atomic_fetch_add(&peer->connections, 1);
        serve(peer, fd);
        close(fd);
    }
    return NULL;
}

static void peer_start(struct peer *peer, uint16_t port)
{
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    socklen_t size = sizeof(name);
    int on = 1;
    peer->stop = 0;
    cr_assert_eq(pthread_mutex_init(&peer->lock, NULL), 0);
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(setsockopt(peer->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    cr_assert_eq(bind(peer->listener, (struct sockaddr *)&name, size), 0);
    cr_assert_eq(listen(peer->listener, 100), 0);
    cr_assert_eq(getsockname(peer->listener, (struct sockaddr *)&name, &size), 0);
    peer->port = ntohs(name.sin_port);
    cr_assert_eq(pthread_create(&peer->thread, NULL, run, peer), 0);
}

static void peer_end(struct peer *peer)
{
    peer->stop = 1;
    pthread_join(peer->thread, NULL);
    close(peer->listener);
    pthread_mutex_destroy(&peer->lock);
}

/* Was this asked last? */
static bool asked(struct peer *peer, const char *wanted, size_t size)
{
    pthread_mutex_lock(&peer->lock);
    bool same = memcmp(peer->question, wanted, size) == 0;
    pthread_mutex_unlock(&peer->lock);
    return same;
}

static struct store *store_of(const struct peer *peer, uint16_t db)
{
    struct error_text error;
    const struct config_sessions where = {
        .kind = CONFIG_SESSIONS_REDIS, .host = (char *)"127.0.0.1", .port = peer->port, .db = db};
    struct store *store = store_redis_new(&where, DEADLINE_MS, &error);
    cr_assert_not_null(store, "%s", error.text);
    return store;
}

static const struct store_key key = {{0xab, 1, 2}};

static enum store_result get(struct store *store, char *data, size_t *size)
{
    return store_get(store, &key, data, size, &problem);
}

/* ---- Questions and answers ------------------------------------------------------------------ */

Test(sessions_redis, what_is_asked)
{
#define NAME         \
    "actpass:ab0102" \
    "0000000000000000000000000000000000000000000000000000000000"
    struct peer peer = {.answer = "+OK\r\n"};
    peer_start(&peer, 0);
    struct store *store = store_of(&peer, 0);
    cr_assert_eq(store_put(store, &key, "a\0c", 3, 300, &problem), STORE_DONE);
    static const char wanted[] =
        "*4\r\n$5\r\nSETEX\r\n$72\r\n" NAME "\r\n$3\r\n300\r\n$3\r\na\0c\r\n";
    cr_assert(asked(&peer, wanted, sizeof(wanted)));
    (void)store_remove(store, &key, &problem);
    static const char removal[] = "*2\r\n$3\r\nDEL\r\n$72\r\n" NAME "\r\n";
    cr_assert(asked(&peer, removal, sizeof(removal)));
    cr_assert_eq(peer.connections, 1, "one connection for all");
    store_free(store);
    peer_end(&peer);
}

Test(sessions_redis, answers)
{
    static const struct {
        const char *answer;
        enum store_result got;
    } rows[] = {
        {"$5\r\nhello\r\n", STORE_DONE},
        {"$-1\r\n", STORE_MISS},
        {"-LOADING wait\r\n", STORE_FAILED},
        {"+OK\r\n", STORE_FAILED},
        {":1\r\n", STORE_FAILED},
        /* Garbage. */
        {"HTTP/1.1 400 Bad Request\r\n\r\n", STORE_FAILED},
        {"$5\r\nhello", STORE_FAILED},

        {"$999999999999\r\n", STORE_FAILED},
        {"$-5\r\n", STORE_FAILED},
        {"$abc\r\n", STORE_FAILED},
        {"*2147483647\r\n", STORE_FAILED},
        {"*1\r\n$5\r\nhello\r\n", STORE_FAILED},
        {"$5\r\nhello\r\n+OK\r\n", STORE_FAILED},
        {"\r\n", STORE_FAILED},
        {"$", STORE_FAILED},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char data[STORE_RECORD];
        size_t size = 0;
        struct peer peer = {.answer = rows[i].answer};
        peer_start(&peer, 0);
        struct store *store = store_of(&peer, 0);
        enum store_result result = get(store, data, &size);
        cr_assert_eq(result, rows[i].got, "row %zu: %s", i, problem.text);
        cr_assert(result != STORE_DONE || (size == 5 && memcmp(data, "hello", 5) == 0));
        store_free(store);
        peer_end(&peer);
    }
}

Test(sessions_redis, an_answer_that_is_too_large)
{
    static char large[STORE_RECORD * 3];
    char data[STORE_RECORD];
    size_t size;
    struct peer peer = {.answer = large};
    memset(large, 'x', sizeof(large) - 1);
    memcpy(large, "$1000000000\r\n", 13);
    peer_start(&peer, 0);
    struct store *store = store_of(&peer, 0);
    cr_assert_eq(get(store, data, &size), STORE_FAILED);
    cr_assert(strstr(problem.text, "not Redis"), "%s", problem.text);
    store_free(store);
    peer_end(&peer);
}

Test(sessions_redis, the_database_is_selected_first)
{
    char data[STORE_RECORD];
    size_t size;
    struct peer peer = {.answer = "-ERR DB index is out of range\r\n"};
    peer_start(&peer, 0);
    struct store *store = store_of(&peer, 12);
    cr_assert_eq(get(store, data, &size), STORE_FAILED);
    static const char selection[] = "*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n";
    cr_assert(asked(&peer, selection, sizeof(selection)));
    cr_assert(strstr(problem.text, "database 12 cannot be selected"), "%s", problem.text);
    store_free(store);
    peer_end(&peer);
}

/* ---- Time ----------------------------------------------------------------------------------- */

static int64_t time_of_get(struct store *store, enum store_result wanted)
{
    char data[STORE_RECORD];
    size_t size;
    int64_t began_us = clock_now_us();
    cr_assert_eq(get(store, data, &size), wanted, "%s", problem.text);
    return (clock_now_us() - began_us) / 1000;
}

/* Silent, dripping: the deadline holds for all of it, and the next calls do not wait at all. */
Test(sessions_redis, slow_ones)
{
    static const struct peer rows[] = {{.answer = NULL},
                                       {.answer =
                                            "$100\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                                            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                                        .drips = true}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct peer peer = rows[i];
        peer_start(&peer, 0);
        struct store *store = store_of(&peer, 0);
        int64_t took_ms = time_of_get(store, STORE_FAILED);
        cr_assert(took_ms >= DEADLINE_MS - 1 && took_ms < 10 * DEADLINE_MS, "%lld",
                  (long long)took_ms);
        for (int j = 0; j < 50; j++)
            (void)time_of_get(store, STORE_FAILED);
        cr_assert_leq(peer.connections, 2, "it is left alone");
        store_free(store);
        peer_end(&peer);
    }
}

Test(sessions_redis, one_that_is_not_there_and_comes_back)
{
    struct peer peer = {.answer = "$-1\r\n"};
    peer_start(&peer, 0);
    struct store *store = store_of(&peer, 0);
    (void)time_of_get(store, STORE_MISS);
    peer_end(&peer);
    char data[STORE_RECORD];
    size_t size;
    cr_assert_eq(get(store, data, &size), STORE_FAILED);
    cr_assert(strstr(problem.text, "Connection refused"), "%s", problem.text);
    peer_start(&peer, peer.port);
    bool back = false;
    for (int i = 0; i < 1000 && !back; i++) {
        pause_ms(10);
        back = get(store, data, &size) == STORE_MISS;
    }
    cr_assert(back);
    store_free(store);
    peer_end(&peer);
}

/* Redis was started anew between two questions: nobody notices. */
Test(sessions_redis, a_kept_connection_that_is_dead)
{
    struct peer peer = {.answer = "$-1\r\n", .closes = true};
    peer_start(&peer, 0);
    struct store *store = store_of(&peer, 0);
    for (int i = 0; i < 10; i++)
        (void)time_of_get(store, STORE_MISS);
    cr_assert_eq(peer.connections, 10);
    store_free(store);
    peer_end(&peer);
}

Test(sessions_redis, what_cannot_be_made)
{
    struct error_text error;
    static char path[200];
    memset(path, 'x', sizeof(path) - 1);
    const struct config_sessions unknown = {.host = (char *)"no.such.host.invalid", .port = 1},
                                 too_long = {.path = path};
    cr_assert_null(store_redis_new(&unknown, DEADLINE_MS, &error));
    cr_assert(strstr(error.text, "no.such.host.invalid is not known"), "%s", error.text);
    cr_assert_null(store_redis_new(&too_long, DEADLINE_MS, &error));
    cr_assert(strstr(error.text, "is longer than 107 bytes"), "%s", error.text);
}
#else
Test(sessions_redis, not_built)
{
    struct error_text error;
    const struct config_sessions where = {.kind = CONFIG_SESSIONS_REDIS,
                                          .text = (char *)"redis://h"};
    cr_assert_null(store_open(&where, &error));
    cr_assert(strstr(error.text, "built without hiredis"), "%s", error.text);
}
#endif
