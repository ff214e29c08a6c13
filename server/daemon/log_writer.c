#include "server/daemon/log_writer.h"

#include "relay/clock.h"
#include "relay/lock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* After a batch the thread naps for this time before it sleeps: lines that are queued meanwhile
 * need no wake-up. */
enum { NAP_MS = 5, WRITER_STACK = 64 * 1024 };

enum writer_state {
    WRITER_NONE,    /* the thread has not been started */
    WRITER_SLEEPS,  /* until it is woken */
    WRITER_NAPS,    /* until it is woken or NAP_MS are over */
    WRITER_WRITES,  /* the kernel may hold it */
    WRITER_STOPPED, /* the thread has ended */
};

struct log_writer {
    int fd, stop_fd;     /* constant; stop_fd is an eventfd that ends the wait for fd */
    atomic_ulong failed; /* lines that could not be written */

    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t work;  /* there is something to do */
    pthread_cond_t idle;  /* the queue is empty, or the thread has ended */
    enum writer_state state;
    pthread_t thread;         /* not with WRITER_NONE */
    bool stopping, abandoned; /* abandoned: the thread frees the writer */
    size_t first, used;       /* a ring: the queue is the used bytes from first on */
    char queue[LOG_QUEUE_BYTES];
};

static void destroy(struct log_writer *writer)
{
    (void)pthread_cond_destroy(&writer->idle);
    (void)pthread_cond_destroy(&writer->work);
    (void)pthread_mutex_destroy(&writer->lock);
    close(writer->stop_fd);
    free(writer);
}

/* ---- The thread ---------------------------------------------------------------------------- */

/* Copies as many whole lines as one write may have. The lock is held. */
static size_t take_lines(struct log_writer *writer, char batch[LOG_LINE_MAX])
{
    size_t size = writer->used < LOG_LINE_MAX ? writer->used : LOG_LINE_MAX;
    size_t to_end = LOG_QUEUE_BYTES - writer->first;
    size_t head = size < to_end ? size : to_end;
    memcpy(batch, writer->queue + writer->first, head);
    memcpy(batch + head, writer->queue, size - head);
    while (size > 0 && batch[size - 1] != '\n')
        size--;
    return size;
}

/* Removes bytes from the queue. An empty queue restarts at its beginning, so that a quiet log
 * touches few pages. */
static void drop_lines(struct log_writer *writer, size_t size)
{
    writer->used -= size;
    writer->first = writer->used == 0 ? 0 : (writer->first + size) % LOG_QUEUE_BYTES;
    if (writer->used == 0)
        lock_broadcast(&writer->idle);
}

/* False: the writer is being stopped. */
static bool wait_for_room(const struct log_writer *writer)
{
    struct pollfd polls[] = {{.fd = writer->fd, .events = POLLOUT},
                             {.fd = writer->stop_fd, .events = POLLIN}};
    while (poll(polls, 2, -1) < 0 && errno == EINTR) {
    }
    return polls[1].revents == 0;
}

/* A descriptor that others share may be non-blocking, or take only a part: then the rest is written
 * next. */
static bool write_all(const struct log_writer *writer, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = wait_for_room(writer) ? write(writer->fd, bytes, size) : 0;
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        } else if (written == 0 || (errno != EINTR && errno != EAGAIN)) {
            return false;
        }
    }
    return true;
}

static unsigned long count_lines(const char *bytes, size_t size)
{
    unsigned long lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += bytes[i] == '\n';
    return lines;
}

/* The lock is held, except during the write. */
static void write_batch(struct log_writer *writer)
{
    char batch[LOG_LINE_MAX];
    size_t size = take_lines(writer, batch);
    writer->state = WRITER_WRITES;
    lock_release(&writer->lock);
    bool written = write_all(writer, batch, size);
    lock_take(&writer->lock);
    atomic_fetch_add(&writer->failed, written ? 0 : count_lines(batch, size));
    drop_lines(writer, size);
}

/* The lock is held, except during the wait. */
static void rest(struct log_writer *writer)
{
    int64_t until_us = clock_deadline_ms(NAP_MS);
    writer->state = WRITER_NAPS;
    bool late = false;
    while (writer->used == 0 && !writer->stopping && !late)
        late = lock_sleep(&writer->work, &writer->lock, until_us);
    while (writer->used == 0 && !writer->stopping) {
        writer->state = WRITER_SLEEPS;
        (void)lock_sleep(&writer->work, &writer->lock, DEADLINE_NEVER);
    }
}

static void *write_lines(void *arg)
{
    struct log_writer *writer = arg;
    lock_take(&writer->lock);
    while (!writer->stopping)
        if (writer->used > 0)
            write_batch(writer);
        else
            rest(writer);
    writer->state = WRITER_STOPPED;
    bool abandoned = writer->abandoned;
    lock_broadcast(&writer->idle);
    lock_release(&writer->lock);
    if (abandoned)
        destroy(writer);
    return NULL;
}

/* Signals are for the program's own threads. The lock is held. */
static bool start(struct log_writer *writer)
{
    pthread_attr_t attributes;
    sigset_t all;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    sigfillset(&all);
    bool started = pthread_attr_setstacksize(&attributes, WRITER_STACK) == 0 &&
                   pthread_attr_setsigmask_np(&attributes, &all) == 0 &&
                   pthread_create(&writer->thread, &attributes, write_lines, writer) == 0;
    (void)pthread_attr_destroy(&attributes);
    writer->state = started ? WRITER_WRITES : WRITER_NONE;
    return started;
}

/* ---- The others ---------------------------------------------------------------------------- */

struct log_writer *log_writer_new(int fd)
{
    struct log_writer *writer = calloc(1, sizeof(*writer));
    if (!writer)
        return NULL;
    writer->fd = fd;
    writer->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (writer->stop_fd < 0)
        goto out_free;
    if (pthread_mutex_init(&writer->lock, NULL) != 0)
        goto out_close;
    if (clock_init_cond(&writer->work) != 0)
        goto out_lock;
    if (clock_init_cond(&writer->idle) != 0)
        goto out_work;
    return writer;

out_work:
    (void)pthread_cond_destroy(&writer->work);
out_lock:
    (void)pthread_mutex_destroy(&writer->lock);
out_close:
    close(writer->stop_fd);
out_free:
    free(writer);
    return NULL;
}

static void append(struct log_writer *writer, const char *bytes, size_t size)
{
    size_t end = (writer->first + writer->used) % LOG_QUEUE_BYTES;
    size_t to_end = LOG_QUEUE_BYTES - end;
    size_t head = size < to_end ? size : to_end;
    memcpy(writer->queue + end, bytes, head);
    memcpy(writer->queue, bytes + head, size - head);
    writer->used += size;
}

bool log_writer_put(struct log_writer *writer, const char *line, size_t length)
{
    lock_take(&writer->lock);
    bool room =
        length <= LOG_QUEUE_BYTES - writer->used && (writer->state != WRITER_NONE || start(writer));
    if (room)
        append(writer, line, length);
    if (room && writer->state == WRITER_SLEEPS) {
        writer->state = WRITER_NAPS; /* woken once for all lines until it runs */
        lock_signal(&writer->work);
    }
    lock_release(&writer->lock);
    return room;
}

unsigned long log_writer_take_failed(struct log_writer *writer)
{
    return atomic_exchange(&writer->failed, 0);
}

unsigned long log_writer_failed(const struct log_writer *writer)
{
    return atomic_load(&writer->failed);
}

bool log_writer_flush(struct log_writer *writer, int64_t deadline_us)
{
    bool late = false;
    lock_take(&writer->lock);
    lock_signal(&writer->work);
    while (writer->used > 0 && !late)
        late = lock_sleep(&writer->idle, &writer->lock, deadline_us);
    bool written = writer->used == 0;
    lock_release(&writer->lock);
    return written;
}

void log_writer_free(struct log_writer *writer)
{
    enum { PATIENCE_MS = 1000 };
    if (!writer)
        return;
    int64_t until_us = clock_deadline_ms(PATIENCE_MS);
    uint64_t one = 1;
    bool late = false;
    lock_take(&writer->lock);
    writer->stopping = true;
    ssize_t signalled = write(writer->stop_fd, &one, sizeof(one));
    (void)signalled; /* cannot fail: it is written once */
    lock_signal(&writer->work);
    bool started = writer->state != WRITER_NONE;
    while (started && writer->state != WRITER_STOPPED && !late)
        late = lock_sleep(&writer->idle, &writer->lock, until_us);
    bool held = started && writer->state != WRITER_STOPPED;
    pthread_t thread = writer->thread;
    writer->abandoned = held;
    lock_release(&writer->lock);
    if (held) {
        (void)pthread_detach(thread); /* the thread frees the writer */
        return;
    }
    if (started)
        (void)pthread_join(thread, NULL);
    destroy(writer);
}
