#include "server/lib/dial/resolve.h"

#include "relay/clock.h"
#include "relay/lock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { STACK_SIZE = 1024 * 1024 }; /* modules of nsswitch.conf run on it, too */

enum stage { QUEUED, RUNNING, DONE, ABANDONED };

/* One lookup. The caller owns it, but from RUNNING to DONE the thread writes the result; when it is
 * ABANDONED, the thread owns it. */
struct lookup {
    char *host;
    char port[8];
    int flags;
    bool for_peer;
    int done_fd; /* an eventfd, readable once it is DONE */
    struct addrinfo *found;
    int failed; /* what getaddrinfo returned */
    int error;  /* errno, for EAI_SYSTEM */
    enum stage stage;
    struct lookup *next; /* in the queue */
};

/* Of the process, since a thread that is stuck in getaddrinfo outlives whatever asked for it. */
static struct {
    pthread_mutex_t lock; /* guards what follows, and stage and next of every lookup */
    struct lookup *first;
    unsigned threads;
    unsigned for_peers; /* that are RUNNING, or ABANDONED */
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- One lookup ---------------------------------------------------------------------------- */

static void free_lookup(struct lookup *lookup)
{
    if (lookup->found)
        freeaddrinfo(lookup->found);
    if (lookup->done_fd >= 0)
        close(lookup->done_fd);
    free(lookup->host);
    free(lookup);
}

static struct lookup *new_lookup(const char *host, const char *port, int flags)
{
    struct lookup *lookup = calloc(1, sizeof(*lookup));
    if (!lookup)
        return NULL;
    lookup->flags = flags & ~RESOLVE_FOR_PEER;
    lookup->for_peer = (flags & RESOLVE_FOR_PEER) != 0;
    (void)snprintf(lookup->port, sizeof(lookup->port), "%s", port);
    lookup->host = strdup(host);
    lookup->done_fd = lookup->host ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (lookup->done_fd < 0) {
        int error = errno;
        free_lookup(lookup);
        errno = error;
        return NULL;
    }
    return lookup;
}

static int ask(const char *host, const char *port, int flags, struct addrinfo **found)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    return getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, found);
}

/* EAI_NODATA: the name has addresses, but none of the families that this host has. */
static bool is_nothing(int failed)
{
    return failed == EAI_NONAME || failed == EAI_ADDRFAMILY || failed == EAI_NODATA;
}

static void look_up(struct lookup *lookup)
{
    int failed = ask(lookup->host, lookup->port, lookup->flags, &lookup->found);
    if ((lookup->flags & AI_ADDRCONFIG) != 0 && is_nothing(failed)) /* loopback only */
        failed = ask(lookup->host, lookup->port, lookup->flags & ~AI_ADDRCONFIG, &lookup->found);
    lookup->failed = failed;
    lookup->error = errno;
}

/* ---- Threads ------------------------------------------------------------------------------- */

static bool may_run(const struct lookup *lookup)
{
    return !lookup->for_peer || queue.for_peers < RESOLVE_THREADS_FOR_PEERS;
}

static void set_running(struct lookup *lookup)
{
    lookup->stage = RUNNING;
    queue.for_peers += lookup->for_peer;
}

/* The first of the queue that may run, or NULL. What is left there waits for one that runs. */
static struct lookup *take_first(void)
{
    struct lookup **at = &queue.first;
    while (*at && !may_run(*at))
        at = &(*at)->next;
    struct lookup *first = *at;
    if (first)
        *at = first->next;
    return first;
}

/* Returns the next lookup. NULL: there is none, and this thread is no longer counted. */
static struct lookup *take(struct lookup *finished)
{
    lock_take(&queue.lock);
    bool abandoned = finished->stage == ABANDONED;
    queue.for_peers -= finished->for_peer;
    if (!abandoned) {
        finished->stage = DONE; /* under the lock: the owner frees it once it may take it */
        (void)eventfd_write(finished->done_fd, 1); /* from 0 to 1 it cannot be full */
    }
    struct lookup *next = take_first();
    if (next)
        set_running(next);
    else
        queue.threads--;
    lock_release(&queue.lock);
    if (abandoned)
        free_lookup(finished);
    return next;
}

static void *thread_main(void *arg)
{
    struct lookup *lookup = arg;
    while (lookup) {
        look_up(lookup);
        lookup = take(lookup);
    }
    return NULL;
}

/* A signal is for the application's threads. 0, or an errno. */
static int start_thread(struct lookup *lookup)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    pthread_t thread;
    int error = pthread_attr_init(&attributes);
    if (error != 0)
        return error;
    (void)sigfillset(&all); /* cannot fail */
    error = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (error == 0)
        error = pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (error == 0)
        error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error == 0) {
        error = pthread_create(&thread, &attributes, thread_main, lookup);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* restores what was valid */
    }
    (void)pthread_attr_destroy(&attributes); /* it was initialized */
    return error;
}

static void append(struct lookup *lookup)
{
    struct lookup **end = &queue.first;
    while (*end)
        end = &(*end)->next;
    *end = lookup;
}

/* 0, or an errno: no thread can be made, and none runs that would take it from the queue. */
static int begin(struct lookup *lookup)
{
    lock_take(&queue.lock);
    bool room = queue.threads < RESOLVE_THREADS && may_run(lookup);
    int error = room ? start_thread(lookup) : 0;
    if (room && error == 0) {
        set_running(lookup); /* the thread takes the lock before it looks at that */
        queue.threads++;
    } else if (!room || queue.threads > 0) {
        lookup->stage = QUEUED;
        append(lookup);
        error = 0;
    }
    lock_release(&queue.lock);
    return error;
}

/* The caller has the result, or gives up. */
static void end(struct lookup *lookup)
{
    lock_take(&queue.lock);
    bool ours = lookup->stage != RUNNING;
    if (lookup->stage == QUEUED) {
        struct lookup **at = &queue.first;
        while (*at != lookup)
            at = &(*at)->next;
        *at = lookup->next;
    } else if (!ours) {
        lookup->stage = ABANDONED;
    }
    lock_release(&queue.lock);
    if (ours)
        free_lookup(lookup);
}

/* ---- Step by step -------------------------------------------------------------------------- */

static const char *failure(int failed, int error)
{
    return failed == EAI_SYSTEM ? strerror(error) : gai_strerror(failed);
}

static const char *begin_on_thread(const char *host, const char *port, int flags,
                                   struct lookup **lookup)
{
    struct lookup *one = new_lookup(host, port, flags);
    if (!one)
        return strerror(errno);
    int error = begin(one);
    if (error == 0) {
        *lookup = one;
        return NULL;
    }
    free_lookup(one);
    return error == EAGAIN || error == ENOMEM ? "no thread can be made to resolve the name"
                                              : strerror(error);
}

/* 0 or one of getaddrinfo's errors; EAI_NONAME: HOST is a name. */
static int resolve_number(const char *host, const char *port, int flags, struct addrinfo **found)
{
    return ask(host, port, (flags & ~(AI_ADDRCONFIG | RESOLVE_FOR_PEER)) | AI_NUMERICHOST, found);
}

const char *resolve_begin(const char *host, uint16_t port, int flags, struct lookup **lookup,
                          struct addrinfo **found)
{
    char number[8];
    *lookup = NULL;
    *found = NULL;
    (void)snprintf(number, sizeof(number), "%u", (unsigned)port);
    int failed = resolve_number(host, number, flags, found);
    if (failed != EAI_NONAME || (flags & AI_NUMERICHOST) != 0)
        return failed == 0 ? NULL : failure(failed, errno);
    return begin_on_thread(host, number, flags, lookup);
}

int resolve_fd(const struct lookup *lookup)
{
    return lookup->done_fd;
}

/* The thread sets the stage under the lock, after it has written the result. */
const char *resolve_end(struct lookup *lookup, struct addrinfo **found)
{
    const char *why = "the name was not resolved in time (check the name servers)";
    lock_take(&queue.lock);
    if (lookup->stage == DONE) {
        why = lookup->failed != 0 ? failure(lookup->failed, lookup->error) : NULL;
        *found = lookup->found;
        lookup->found = NULL;
    }
    lock_release(&queue.lock);
    end(lookup);
    return why;
}

bool resolve_is_done(const struct lookup *lookup)
{
    lock_take(&queue.lock);
    bool done = lookup->stage == DONE;
    lock_release(&queue.lock);
    return done;
}

/* ---- At once ------------------------------------------------------------------------------- */

/* 0 once the lookup is DONE or the deadline has passed, or the errno with which the wait gave up.
 */
static int wait_until_done(const struct lookup *lookup, const struct dial_wait *wait,
                           int64_t deadline_us)
{
    struct pollfd set = {.fd = lookup->done_fd, .events = POLLIN};
    int error;
    do {
        error = dial_wait(wait, &set, 1, deadline_us);
    } while (error == 0 && set.revents == 0 && clock_now_us() < deadline_us);
    return error;
}

const char *resolve_host(const char *host, uint16_t port, int flags, const struct dial_wait *wait,
                         int64_t deadline_us, struct addrinfo **found)
{
    struct lookup *lookup;
    const char *why = resolve_begin(host, port, flags, &lookup, found);
    if (!lookup)
        return why;
    int error = wait_until_done(lookup, wait, deadline_us);
    if (error == 0)
        return resolve_end(lookup, found);
    end(lookup);
    return strerror(error);
}
