#include "server/daemon/spawner/running.h"

#include "relay/clock.h"
#include "server/daemon/spawner/message.h"
#include "server/lib/base/rate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1000, EVENTS = 64 };

/* Lines of one program: so many at once, and then one each 50 ms. */
static const struct rate line_rate = {.interval_us = 50000, .burst = 20};

/* Its leader may have ended, and others of its group not. */
struct running {
    struct running *next, **link; /* that points to it */
    uint64_t id, key;
    pid_t pid;     /* of the leader, and so of the group */
    bool reported; /* the leader has ended */
    int64_t kill_after_ms;
    int64_t kill_us; /* when to kill the group; DEADLINE_NEVER: it was not asked to end */
    /* Standard error. */
    int errors; /* -1: none, or at its end */
    size_t length;
    int64_t lines_full_us;
    int32_t left_out;
    char line[LINE_MAX_BYTES];
};

struct running_list {
    int fd;
    int epoll_fd;
    struct running *first;
};

struct running_list *running_new(int fd)
{
    struct running_list *list = calloc(1, sizeof(*list));
    if (!list)
        return NULL;
    list->fd = fd;
    list->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (list->epoll_fd >= 0)
        return list;
    free(list);
    return NULL;
}

int running_fd(const struct running_list *list)
{
    return list->epoll_fd;
}

uint64_t running_count(const struct running_list *list, uint64_t key)
{
    uint64_t count = 0;
    for (const struct running *one = list->first; one; one = one->next)
        count += one->key == key;
    return count;
}

bool running_is_empty(const struct running_list *list)
{
    return !list->first;
}

/* ---- Messages ------------------------------------------------------------------------------ */

/* A daemon that has gone needs none. */
static void say(const struct running_list *list, enum message_kind kind, const struct running *one,
                int32_t number, const char *text)
{
    static struct message message; /* large; one thread */
    message_begin(&message, kind, one->id);
    message.number = number;
    if (text)
        message_set_text(&message, text);
    (void)message_send(list->fd, &message, -1, 0);
}

/* ---- Standard error ------------------------------------------------------------------------ */

static void say_line(const struct running_list *list, struct running *one)
{
    one->line[one->length] = '\0';
    one->length = 0;
    if (!rate_take(&line_rate, &one->lines_full_us, clock_now_us())) {
        one->left_out += one->left_out < INT32_MAX;
        return;
    }
    say(list, MESSAGE_LINE, one, one->left_out, one->line);
    one->left_out = 0;
}

static void take_bytes(const struct running_list *list, struct running *one, const char *bytes,
                       size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bool ends = bytes[i] == '\n';
        if (!ends)
            one->line[one->length++] = (char)(bytes[i] ? bytes[i] : '?');
        if (ends || one->length == sizeof(one->line) - 1)
            say_line(list, one);
    }
}

static void close_errors(const struct running_list *list, struct running *one)
{
    if (one->errors < 0)
        return;
    if (one->length > 0)
        say_line(list, one);
    close(one->errors); /* takes it off the epoll set, since nobody else has this end */
    one->errors = -1;
}

/* At most ROUNDS buffers, so that others have their turn. */
static void read_errors(const struct running_list *list, struct running *one, int rounds)
{
    char bytes[4096];
    while (rounds-- > 0 && one->errors >= 0) {
        ssize_t got = read(one->errors, bytes, sizeof(bytes));
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got > 0)
            take_bytes(list, one, bytes, (size_t)got);
        else
            close_errors(list, one);
    }
}

void running_read(struct running_list *list)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(list->epoll_fd, events, EVENTS, 0);
    for (int i = 0; i < count; i++)
        read_errors(list, events[i].data.ptr, 1);
}

static void watch_errors(const struct running_list *list, struct running *one)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
    int flags = one->errors >= 0 ? fcntl(one->errors, F_GETFL) : -1;
    if (one->errors >= 0 && (flags < 0 || fcntl(one->errors, F_SETFL, flags | O_NONBLOCK) != 0 ||
                             epoll_ctl(list->epoll_fd, EPOLL_CTL_ADD, one->errors, &event) != 0))
        close_errors(list, one); /* then it has nowhere to write, and goes on */
}

/* ---- Life ---------------------------------------------------------------------------------- */

bool running_add(struct running_list *list, uint64_t id, const struct command *command,
                 const struct launched *launched)
{
    struct running *one = calloc(1, sizeof(*one));
    if (!one) {
        (void)kill(-launched->pid, SIGKILL); /* it is reaped as a stranger */
        if (launched->errors >= 0)
            close(launched->errors);
        return false;
    }
    one->id = id;
    one->key = command->key;
    one->pid = launched->pid;
    one->errors = launched->errors;
    one->kill_after_ms = command->exec->kill_after_ms;
    one->kill_us = DEADLINE_NEVER;
    one->next = list->first;
    one->link = &list->first;
    if (one->next)
        one->next->link = &one->next;
    list->first = one;
    watch_errors(list, one);
    return true;
}

static void forget(const struct running_list *list, struct running *one)
{
    close_errors(list, one);
    *one->link = one->next;
    if (one->next)
        one->next->link = one->link;
    free(one);
}

/* A process that is stopped takes the signal only once it goes on. */
static void terminate(struct running *one)
{
    if (one->kill_us != DEADLINE_NEVER)
        return;
    one->kill_us = clock_deadline_ms(one->kill_after_ms);
    (void)kill(-one->pid, SIGTERM);
    (void)kill(-one->pid, SIGCONT);
}

void running_end(struct running_list *list, uint64_t id)
{
    struct running *one = list->first;
    while (one && one->id != id)
        one = one->next;
    if (one)
        terminate(one);
}

void running_end_all(struct running_list *list)
{
    for (struct running *one = list->first; one; one = one->next)
        terminate(one);
}

/* ---- Ends ---------------------------------------------------------------------------------- */

/* Has the group no process left? Those whose parent has ended are our children (subreaper), so the
 * group's number cannot be another's as long as one of them is there. */
static bool is_over(const struct running *one)
{
    siginfo_t info;
    return waitid(P_PGID, (id_t)one->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 &&
           errno == ECHILD;
}

/* Is nothing left of it? Processes may leave a group without an end that we are told of, and then
 * the group's number may become another's. */
static bool has_dissolved(const struct running *one)
{
    return one->reported && is_over(one);
}

/* Again and again until all are gone: the group may make new processes meanwhile. */
int64_t running_kill(struct running_list *list)
{
    enum { AGAIN_MS = 100 };
    int64_t next_us = DEADLINE_NEVER, now_us = clock_now_us();
    for (struct running *one = list->first, *next; one; one = next) {
        next = one->next;
        if (one->kill_us <= now_us && has_dissolved(one)) {
            forget(list, one);
            continue;
        }
        if (one->kill_us <= now_us) {
            (void)kill(-one->pid, SIGKILL);
            one->kill_us = clock_deadline_ms(AGAIN_MS);
        }
        next_us = one->kill_us < next_us ? one->kill_us : next_us;
    }
    return next_us;
}

static struct running *find_group(const struct running_list *list, pid_t group)
{
    struct running *one = list->first;
    while (one && one->pid != group)
        one = one->next;
    return one;
}

/* What else is in the leader's group ends as well. Before the leader is reaped, or the number of
 * the group could be another's. */
static void note_leader(const struct running_list *list, struct running *one, pid_t pid)
{
    int status = 0;
    enum { LAST_ROUNDS = 64 };
    terminate(one);
    read_errors(list, one, LAST_ROUNDS);
    if (one->errors >= 0 && one->length > 0)
        say_line(list, one);
    (void)waitpid(pid, &status, 0);
    one->reported = true;
    say(list, MESSAGE_ENDED, one, status, NULL);
}

static void reap(struct running_list *list, pid_t pid)
{
    struct running *one = find_group(list, getpgid(pid));
    if (one && one->pid == pid)
        note_leader(list, one, pid);
    else
        (void)waitpid(pid, NULL, 0); /* a process of a program, or one that copies */
    if (one && has_dissolved(one))
        forget(list, one);
}

void running_reap(struct running_list *list)
{
    siginfo_t info;
    for (;;) {
        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
            return;
        reap(list, info.si_pid);
    }
}
