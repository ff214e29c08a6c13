/* What the task of a conversation waits for. Descriptors are watched edge-triggered, and their
 * registration only grows: a busy connection makes no system call for its waits. */
#include "server/daemon/conversation_internal.h"

#include "relay/clock.h"
#include "server/daemon/conversation.h"
#include "server/daemon/idle.h"

#include <sys/epoll.h>

enum place { PLACE_SOCKET, PLACE_OWN };

_Static_assert((int)EPOLLIN == (int)POLLIN && (int)EPOLLOUT == (int)POLLOUT &&
                   (int)EPOLLRDHUP == (int)POLLRDHUP && (int)EPOLLHUP == (int)POLLHUP &&
                   (int)EPOLLERR == (int)POLLERR,
               "events of epoll and of poll are the same");

void conversation_take_events(struct conversation *conversation, struct task *task)
{
    uint32_t socket = task_take_events(task, PLACE_SOCKET);
    uint32_t own = conversation->own_fd >= 0 ? task_take_events(task, PLACE_OWN) : 0;
    if (socket != 0)
        actpass_note_events(conversation_of(conversation), (short)socket);
    conversation->job.own.revents = (short)own;
    conversation->job.peer_quiet = conversation->waited && socket == 0 && own != 0;
    conversation->waited = false;
    conversation->active = conversation->active || socket != 0 || own != 0;
}

/* ---- Idle connections ------------------------------------------------------------------------ */

bool conversation_is_idle(struct conversation *conversation)
{
    return !conversation->active && conversation->idle == IDLE_NOT &&
           clock_now_us() >= conversation->active_us + IDLE_AFTER_US;
}

/* When a connection that is kept ends for being idle. */
static int64_t leave_us(const struct conversation *conversation)
{
    const struct conversation_kept *kept = conversation->kept;
    return !kept || kept->idle_timeout_ms == CONFIG_NEVER
               ? DEADLINE_NEVER
               : conversation->active_us + kept->idle_timeout_ms * 1000;
}

bool conversation_must_leave(const struct conversation *conversation, bool stopping)
{
    bool unused = conversation->kept && !conversation->used;
    bool idle = !conversation->active && clock_now_us() >= leave_us(conversation);
    return (unused && stopping) || idle;
}

void conversation_release_memory(struct conversation *conversation)
{
    actpass_release_memory(conversation_of(conversation));
    conversation->idle = IDLE_SETTLING;
    conversation->idle_us = clock_now_us();
}

bool conversation_only_settles(const struct conversation *conversation)
{
    return conversation->stage == STAGE_SERVE && conversation->idle == IDLE_SETTLING &&
           !conversation->active && clock_now_us() < conversation->due_us;
}

/* When to run next to free memory, or to return it to the kernel. */
static int64_t idle_deadline_us(struct conversation *conversation, int64_t now_us)
{
    if (conversation->active) {
        conversation->active = false;
        conversation->active_us = now_us;
        conversation->idle = IDLE_NOT;
    }
    if (conversation->idle == IDLE_NOT)
        return conversation->active_us + IDLE_AFTER_US;
    int64_t again_us = conversation->idle == IDLE_SETTLING ? idle_trim(conversation->idle_us) : 0;
    if (again_us != 0)
        return again_us;
    conversation->idle = IDLE_SETTLED;
    return DEADLINE_NEVER;
}

/* ---- Waits ----------------------------------------------------------------------------------- */

/* The handler's descriptor. Once that is closed, there is nothing to remove: by then its number may
 * be another connection's. */
static int watch_own(struct conversation *conversation, struct task *task)
{
    const struct pollfd *own = &conversation->job.own;
    if (own->fd != conversation->own_fd) {
        if (conversation->own_fd >= 0)
            task_forget(task, PLACE_OWN);
        conversation->own_fd = own->fd;
        conversation->own_events = 0;
    }
    conversation->own_events |= (uint32_t)(unsigned short)own->events;
    if (own->fd < 0)
        return 0;
    return task_watch(task, PLACE_OWN, own->fd, conversation->own_events);
}

/* The socket stays watched for input when none is wanted: edge-triggered, that costs nothing. */
static int watch(struct conversation *conversation, struct task *task, const struct pollfd *socket)
{
    uint32_t events = EPOLLIN | EPOLLRDHUP | (uint32_t)(socket->events & POLLOUT);
    int error = socket->fd >= 0 ? task_watch(task, PLACE_SOCKET, socket->fd, events) : 0;
    if (error == 0 && conversation->stage == STAGE_SERVE)
        error = watch_own(conversation, task);
    return error;
}

static int64_t earlier(int64_t one_us, int64_t other_us)
{
    return one_us < other_us ? one_us : other_us;
}

enum task_next conversation_wait(struct conversation *conversation, struct task *task, int *error)
{
    struct pollfd socket;
    int timeout_ms = actpass_prepare_wait(conversation_of(conversation), &socket);
    *error = watch(conversation, task, &socket);
    if (timeout_ms == 0 || *error != 0)
        return TASK_MORE;
    int64_t now_us = clock_now_us();
    int64_t wake_us = conversation->due_us =
        timeout_ms < 0 ? DEADLINE_NEVER : now_us + timeout_ms * INT64_C(1000);
    if (conversation->stage == STAGE_SERVE) {
        int64_t idle_us = idle_deadline_us(conversation, now_us);
        conversation->due_us = earlier(conversation->due_us, conversation->job.deadline_us);
        conversation->due_us = earlier(conversation->due_us, leave_us(conversation));
        wake_us = earlier(conversation->due_us, idle_us);
    }
    task_deadline(task, wake_us);
    conversation->waited = true;
    return TASK_WAIT;
}
