/* Names turned into addresses: the deadline and the abort that getaddrinfo has not. Without a
 * network: names below .test are answered here. */
#include "server/lib/dial/resolve.h"

#include "relay/clock.h"
#include "tests/support/resources.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

enum { LONG_MS = 20000, PORT = 4433 };

TestSuite(resolve, .timeout = 60);

/* ---- Name servers of ours ------------------------------------------------------------------- */

static atomic_uint asked;     /* how often */
static atomic_uint stuck;     /* lookups that hang now */
static atomic_uint max;       /* that hung at once */
static atomic_int lists;      /* results that nobody has freed */
static atomic_int failing;    /* what filtered.test is answered with AI_ADDRCONFIG */
static atomic_bool unblocked; /* a signal may come to a thread that looks up a name */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool released;

typedef int look_up(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* Of the C library. */
static int next_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                            struct addrinfo **found)
{
    look_up *next = (look_up *)dlsym(RTLD_NEXT, "getaddrinfo");
    int failed = next(host, port, hints, found);
    atomic_fetch_add(&lists, failed == 0);
    return failed;
}

static int answer(const char *address, const char *port, struct addrinfo **found)
{
    const struct addrinfo numeric = {.ai_socktype = SOCK_STREAM,
                                     .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    return next_getaddrinfo(address, port, &numeric, found);
}

static void hang(void)
{
    unsigned now = atomic_fetch_add(&stuck, 1) + 1;
    pthread_mutex_lock(&lock);
    if (now > atomic_load(&max))
        atomic_store(&max, now);
    while (!released)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    atomic_fetch_sub(&stuck, 1);
}

static void release(void)
{
    pthread_mutex_lock(&lock);
    released = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void note_signals(void)
{
    sigset_t blocked;
    (void)pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    if (sigismember(&blocked, SIGTERM) != 1 || sigismember(&blocked, SIGALRM) != 1)
        atomic_store(&unblocked, true);
}

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **found)
{
    if ((hints->ai_flags & AI_NUMERICHOST) != 0)
        return next_getaddrinfo(host, port, hints, found);
    atomic_fetch_add(&asked, 1);
    note_signals();
    if (strcmp(host, "stuck.test") == 0) {
        hang();
        return answer("192.0.2.1", port, found);
    }
    if (strcmp(host, "unknown.test") == 0)
        return EAI_NONAME;
    if (strcmp(host, "system.test") == 0) {
        errno = EMFILE;
        return EAI_SYSTEM;
    }
    if (strcmp(host, "filtered.test") == 0)
        return (hints->ai_flags & AI_ADDRCONFIG) != 0 ? atomic_load(&failing)
                                                      : answer("::1", port, found);
    return next_getaddrinfo(host, port, hints, found);
}

void freeaddrinfo(struct addrinfo *list)
{
    void (*next)(struct addrinfo *) = (void (*)(struct addrinfo *))dlsym(RTLD_NEXT, "freeaddrinfo");
    atomic_fetch_sub(&lists, 1);
    next(list);
}

/* ---- Lookups -------------------------------------------------------------------------------- */

/* The first address as "ADDRESS PORT". The list is freed. */
static const char *print(struct addrinfo *found, char *text, size_t size)
{
    char host[64], port[16];
    cr_assert_not_null(found);
    cr_assert_eq(found->ai_socktype, SOCK_STREAM);
    cr_assert_eq(getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof(host), port,
                             sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV),
                 0);
    (void)snprintf(text, size, "%s %s", host, port);
    freeaddrinfo(found);
    return text;
}

static const struct dial_wait nothing = {.cancel_fd = -1}; /* cancels it */

static void assert_found(const char *host, uint16_t port, int flags, int cancel_fd,
                         int64_t deadline_us, const char *wanted)
{
    struct addrinfo *found = NULL;
    char text[128];
    const char *why = resolve_host(host, port, flags, &(struct dial_wait){.cancel_fd = cancel_fd},
                                   deadline_us, &found);
    cr_assert_null(why, "%s: %s", host, why);
    cr_assert_str_eq(print(found, text, sizeof(text)), wanted);
}

static void assert_fails(const char *host, int flags, int cancel_fd, int64_t deadline_us,
                         const char *wanted)
{
    struct addrinfo *found = (struct addrinfo *)(void *)&lock; /* something */
    const char *why = resolve_host(host, PORT, flags, &(struct dial_wait){.cancel_fd = cancel_fd},
                                   deadline_us, &found);
    cr_assert_not_null(why, "%s", host);
    cr_assert_str_eq(why, wanted);
    cr_assert_null(found);
}

static const char late[] = "the name was not resolved in time (check the name servers)";

static int new_eventfd(unsigned value)
{
    int fd = eventfd(value, EFD_CLOEXEC | EFD_NONBLOCK);
    cr_assert_geq(fd, 0);
    return fd;
}

static bool becomes(atomic_uint *value, unsigned wanted)
{
    int64_t deadline_us = clock_deadline_ms(LONG_MS);
    while (atomic_load(value) != wanted && clock_now_us() < deadline_us)
        pause_ms(1);
    return atomic_load(value) == wanted;
}

/* Nothing is left of any lookup. */
static void assert_all_gone(struct resources before)
{
    cr_assert(resources_return_to(before));
    cr_assert_eq(atomic_load(&lists), 0);
    cr_assert_not(atomic_load(&unblocked), "signals are for the application's threads");
}

/* ---- Numeric addresses ---------------------------------------------------------------------- */

/* They take no thread, so neither a deadline nor an abort stands in their way. */
Test(resolve, numeric_addresses)
{
    static const struct {
        const char *host;
        uint16_t port;
        const char *found;
    } rows[] = {{"127.0.0.1", 443, "127.0.0.1 443"}, {"0.0.0.0", 0, "0.0.0.0 0"},
                {"::1", 65535, "::1 65535"},         {"2001:DB8::1", 1, "2001:db8::1 1"},
                {"fe80::1%lo", 1, "fe80::1%lo 1"},   {"::ffff:192.0.2.1", 1, "::ffff:192.0.2.1 1"}};
    struct resources before = resources_now();
    int cancelled = new_eventfd(1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_found(rows[i].host, rows[i].port, 0, -1, DEADLINE_NEVER, rows[i].found);
        assert_found(rows[i].host, rows[i].port, AI_ADDRCONFIG, cancelled, clock_now_us() - 1,
                     rows[i].found);
    }
    cr_assert_eq(atomic_load(&asked), 0);
    close(cancelled);
    assert_all_gone(before);
}

/* ---- Names ---------------------------------------------------------------------------------- */

Test(resolve, localhost)
{
    struct resources before = resources_now();
    static const int flags[] = {0, AI_ADDRCONFIG};
    for (size_t i = 0; i < COUNT(flags); i++) {
        struct addrinfo *found = NULL;
        char text[128];
        const char *why =
            resolve_host("localhost", PORT, flags[i], &nothing, clock_deadline_ms(LONG_MS), &found);
        cr_assert_null(why, "%s", why);
        (void)print(found, text, sizeof(text));
        cr_assert(strcmp(text, "127.0.0.1 4433") == 0 || strcmp(text, "::1 4433") == 0, "%s", text);
    }
    assert_all_gone(before);
}

Test(resolve, names_that_are_not_found)
{
    struct resources before = resources_now();
    int64_t deadline_us = clock_deadline_ms(LONG_MS);
    assert_fails("unknown.test", 0, -1, deadline_us, gai_strerror(EAI_NONAME));
    assert_fails("unknown.test", AI_ADDRCONFIG, -1, deadline_us, gai_strerror(EAI_NONAME));
    assert_fails("system.test", 0, -1, deadline_us, strerror(EMFILE));
    assert_all_gone(before);
}

/* On a host without IPv6 beyond loopback, ::1 is all the same what a name can stand for. */
Test(resolve, addresses_that_are_left_out_are_taken_where_there_is_no_other)
{
    static const int left_out[] = {EAI_NONAME, EAI_ADDRFAMILY, EAI_NODATA};
    static const int other[] = {EAI_AGAIN, EAI_FAIL, EAI_MEMORY};
    struct resources before = resources_now();
    int64_t deadline_us = clock_deadline_ms(LONG_MS);
    for (size_t i = 0; i < COUNT(left_out); i++) {
        atomic_store(&failing, left_out[i]);
        assert_found("filtered.test", PORT, AI_ADDRCONFIG, -1, deadline_us, "::1 4433");
    }
    atomic_store(&asked, 0);
    for (size_t i = 0; i < COUNT(other); i++) {
        atomic_store(&failing, other[i]);
        assert_fails("filtered.test", AI_ADDRCONFIG, -1, deadline_us, gai_strerror(other[i]));
    }
    cr_assert_eq(atomic_load(&asked), COUNT(other), "a name server that fails is asked once");
    assert_all_gone(before);
}

/* ---- Giving up ------------------------------------------------------------------------------ */

Test(resolve, a_deadline_that_is_past)
{
    struct resources before = resources_now();
    assert_fails("stuck.test", 0, -1, clock_now_us() - 1, late);
    assert_fails("stuck.test", 0, -1, 0, late);
    cr_assert(becomes(&stuck, 2), "they are left behind");
    release();
    assert_all_gone(before);
}

Test(resolve, a_deadline_that_passes)
{
    struct resources before = resources_now();
    int64_t deadline_us = clock_deadline_ms(50);
    int never = new_eventfd(0);
    assert_fails("stuck.test", 0, never, deadline_us, late);
    cr_assert_geq(clock_now_us(), deadline_us);
    close(never);
    release();
    assert_all_gone(before);
}

static void *cancel_soon(void *arg)
{
    (void)becomes(&stuck, 1); /* no assertion on a thread (hazard 40) */
    (void)eventfd_write(*(int *)arg, 1);
    return NULL;
}

Test(resolve, an_abort)
{
    struct resources before = resources_now();
    pthread_t thread;
    int cancel = new_eventfd(0);
    cr_assert_eq(pthread_create(&thread, NULL, cancel_soon, &cancel), 0);
    assert_fails("stuck.test", 0, cancel, DEADLINE_NEVER, strerror(ECANCELED));
    cr_assert_eq(pthread_join(thread, NULL), 0);
    assert_fails("localhost", 0, cancel, DEADLINE_NEVER, strerror(ECANCELED)); /* before it began */
    close(cancel);
    release();
    assert_all_gone(before);
}

/* ---- Step by step --------------------------------------------------------------------------- */

static struct lookup *begin_lookup(const char *host)
{
    struct lookup *lookup;
    struct addrinfo *found;
    const char *why = resolve_begin(host, PORT, 0, &lookup, &found);
    cr_assert_null(why, "%s", why);
    cr_assert_null(found);
    cr_assert_not_null(lookup);
    return lookup;
}

Test(resolve, a_lookup_is_done_when_its_descriptor_says_so)
{
    struct resources before = resources_now();
    struct addrinfo *found = NULL;
    char text[128];
    struct lookup *lookup = begin_lookup("stuck.test");
    struct pollfd set = {.fd = resolve_fd(lookup), .events = POLLIN};
    cr_assert_eq(poll(&set, 1, 20), 0);
    cr_assert_not(resolve_is_done(lookup));
    release();
    cr_assert_eq(poll(&set, 1, LONG_MS), 1);
    cr_assert(resolve_is_done(lookup));
    cr_assert_null(resolve_end(lookup, &found));
    cr_assert_str_eq(print(found, text, sizeof(text)), "192.0.2.1 4433");
    assert_all_gone(before);
}

Test(resolve, a_lookup_that_is_given_up)
{
    struct resources before = resources_now();
    struct addrinfo *found = NULL;
    cr_assert_str_eq(resolve_end(begin_lookup("stuck.test"), &found), late);
    cr_assert_null(found);
    release();
    assert_all_gone(before);
}

Test(resolve, a_number_needs_no_lookup)
{
    struct lookup *lookup;
    struct addrinfo *found;
    char text[128];
    cr_assert_null(resolve_begin("127.0.0.1", PORT, AI_ADDRCONFIG, &lookup, &found));
    cr_assert_null(lookup);
    cr_assert_str_eq(print(found, text, sizeof(text)), "127.0.0.1 4433");
    cr_assert_eq(atomic_load(&asked), 0);
}

/* ---- Many ----------------------------------------------------------------------------------- */

static void *find_localhost(void *arg)
{
    struct addrinfo **found = arg;
    return (void *)resolve_host("localhost", PORT, 0, &nothing, clock_deadline_ms(LONG_MS), found);
}

/* Those beyond the limit wait for their turn, and leave no thread behind when they give up. */
Test(resolve, not_more_at_once_than_there_may_be_threads)
{
    struct resources before = resources_now();
    pthread_t thread;
    struct addrinfo *found = NULL;
    void *why;
    char text[128];
    for (int i = 0; i < RESOLVE_THREADS + 10; i++)
        assert_fails("stuck.test", 0, -1, clock_now_us() - 1, late);
    cr_assert(becomes(&stuck, RESOLVE_THREADS));
    cr_assert_eq(pthread_create(&thread, NULL, find_localhost, &found), 0);
    pause_ms(50); /* for it to overtake, if it could */
    cr_assert_eq(atomic_load(&asked), RESOLVE_THREADS);
    release();
    cr_assert_eq(pthread_join(thread, &why), 0);
    cr_assert_null(why, "%s", (const char *)why);
    (void)print(found, text, sizeof(text));
    cr_assert_eq(atomic_load(&asked), RESOLVE_THREADS + 1, "an abandoned lookup is not begun");
    cr_assert_eq(atomic_load(&max), RESOLVE_THREADS);
    assert_all_gone(before);
}

static struct lookup *begin_for_peer(const char *host)
{
    struct lookup *lookup;
    struct addrinfo *found;
    const char *why = resolve_begin(host, PORT, RESOLVE_FOR_PEER, &lookup, &found);
    cr_assert_null(why, "%s", why);
    cr_assert_not_null(lookup);
    return lookup;
}

/* Those beyond their limit wait for one of theirs, and then have their turn. */
Test(resolve, names_that_peers_choose_leave_threads_to_others)
{
    enum { MANY = RESOLVE_THREADS + 5 };
    struct resources before = resources_now();
    struct lookup *lookups[MANY];
    struct addrinfo *found = NULL;
    char text[128];
    for (size_t i = 0; i < MANY; i++)
        lookups[i] = begin_for_peer("stuck.test");
    cr_assert(becomes(&stuck, RESOLVE_THREADS_FOR_PEERS));
    const char *why =
        resolve_host("localhost", PORT, 0, &nothing, clock_deadline_ms(LONG_MS), &found);
    cr_assert_null(why, "%s", why);
    (void)print(found, text, sizeof(text));
    release();
    for (size_t i = 0; i < MANY; i++) {
        struct pollfd set = {.fd = resolve_fd(lookups[i]), .events = POLLIN};
        cr_assert_eq(poll(&set, 1, LONG_MS), 1);
        cr_assert_null(resolve_end(lookups[i], &found));
        (void)print(found, text, sizeof(text));
    }
    cr_assert_eq(atomic_load(&max), RESOLVE_THREADS_FOR_PEERS);
    assert_all_gone(before);
}
