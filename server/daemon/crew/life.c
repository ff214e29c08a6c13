#include "server/daemon/crew/internal.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "relay/threads.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    STACK = 256 * 1024,
    THREADS_MAX = 65536, /* more than the system allows, as a rule */
    THREADS_KEPT = 32,   /* that have nothing to do */
    THREADS_KEPT_MS = 10000,
    BATCH_OF_ONE = 32, /* events that a thread takes at once; fewer with several threads, since */
    BATCH = 8          /* another thread could run what is behind them */
};

static unsigned processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        return (unsigned)CPU_COUNT(&set);
    long count = sysconf(_SC_NPROCESSORS_ONLN); /* more processors than the set can hold */
    return count > 0 ? (unsigned)count : 1;
}

static bool watch(struct crew *crew, int fd, uint64_t kind)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = kind};
    return epoll_ctl(crew->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool open_descriptors(struct crew *crew)
{
    crew->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (crew->epoll < 0)
        return false;
    crew->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (crew->kick < 0)
        goto out_epoll;
    if (watch(crew, crew->kick, EVENT_KICK) && watch(crew, crew->timers.fd, EVENT_TIMER))
        return true;
    close(crew->kick);
out_epoll:
    close(crew->epoll);
    return false;
}

static void set_options(struct crew *crew, const struct crew_options *options)
{
    crew->threads = options->threads > 0 ? options->threads : processors();
    crew->threads_max = options->threads_max > 0 ? options->threads_max : THREADS_MAX;
    crew->batch = crew->threads == 1 ? BATCH_OF_ONE : BATCH;
    crew->parking = options->parking;
    crew->policy = sched_getscheduler(0);
    crew->work = crew_work;
    crew->no_thread = options->no_thread;
    crew->arg = options->arg;
}

/* Returns 0, or an errno: then only the structure itself is to be freed. */
static int init(struct crew *crew)
{
    int error = timers_init(&crew->timers);
    if (error != 0)
        return error;
    error = pthread_mutex_init(&crew->lock, NULL);
    if (error != 0)
        goto out_timers;
    error = ENOMEM;
    crew->chunks = calloc(SLOTS_CHUNKS, sizeof(*crew->chunks));
    if (!crew->chunks)
        goto out_lock;
    crew->pool = threads_new(STACK, THREADS_KEPT, THREADS_KEPT_MS);
    if (!crew->pool)
        goto out_chunks;
    if (open_descriptors(crew))
        return 0;
    error = errno;
    threads_free(crew->pool);
out_chunks:
    free(crew->chunks);
out_lock:
    pthread_mutex_destroy(&crew->lock);
out_timers:
    timers_destroy(&crew->timers);
    return error;
}

struct crew *crew_new(const struct crew_options *options)
{
    struct crew *crew = calloc(1, sizeof(*crew));
    if (!crew)
        return NULL;
    set_options(crew, options);
    int error = init(crew);
    if (error == 0)
        return crew;
    free(crew);
    errno = error;
    return NULL;
}

bool crew_begin(struct crew *crew)
{
    if (crew->parking == CREW_PARK_NEVER)
        return true;
    crew_grow(crew);
    return atomic_load(&crew->running) > 0;
}

void crew_free(struct crew *crew)
{
    if (!crew)
        return;
    atomic_store(&crew->closing, true);
    crew_kick(crew);
    threads_free(crew->pool);
    close(crew->kick);
    close(crew->epoll);
    slots_free(crew);
    pthread_mutex_destroy(&crew->lock);
    timers_destroy(&crew->timers);
    free(crew);
}

struct crew_counts crew_count(struct crew *crew)
{
    lock_take(&crew->lock);
    struct crew_counts counts = {.threads = atomic_load(&crew->running) + crew->blocked,
                                 .blocked = crew->blocked,
                                 .tasks = crew->tasks};
    lock_release(&crew->lock);
    return counts;
}

unsigned long crew_count_parked(struct crew *crew)
{
    unsigned long parked = 0;
    lock_take(&crew->lock);
    uint32_t slots = crew->slots;
    lock_release(&crew->lock);
    for (uint32_t i = 0; i < slots; i++)
        parked += task_is_waiting(slots_at(crew, i));
    return parked;
}
