/* What is said on the socket before TLS (preface/): then the conversation has a socket, and no
 * connection yet. In the end there is a connection, also if the preface has failed: it carries the
 * close reason to the log and the counts. */
#include "server/daemon/conversation_internal.h"

#include "relay/clock.h"
#include "server/daemon/conversation.h"
#include "server/daemon/preface/preface.h"
#include "server/daemon/preface/trusted.h"
#include "server/daemon/room.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

enum place { PLACE_SOCKET, PLACE_OWN };

int conversation_begin_preface(struct conversation *conversation, int fd,
                               const struct sockaddr_storage *from, const char *address)
{
    conversation->preface =
        preface_new(conversation->service->config, fd, conversation->plain, from);
    if (!conversation->preface)
        return ENOMEM;
    conversation->began_us = clock_now_us();
    conversation->address = address;
    conversation->stage = STAGE_PREFACE;
    conversation_note_origin(conversation);
    registry_enter_preface(conversation->server->registry, &conversation->entry,
                           &conversation->preface->shown);
    return 0;
}

/* ---- For who looks on ------------------------------------------------------------------------ */

static const struct sockaddr_storage *client_of(const struct preface_addresses *addresses)
{
    return addresses->proxied ? &addresses->client : &addresses->from;
}

/* It writes the names of steps only here, so it may read them without the lock. */
static void show(struct conversation *conversation)
{
    const struct preface *preface = conversation->preface;
    const char *step = preface_step_name(preface);
    const char *dialed = conversation->address;
    char peer[sizeof(preface->shown.peer)] = "";
    if (step == preface->shown.step)
        return;
    if (!dialed)
        (void)actpass_sockaddr_text(
            (const struct sockaddr *)(const void *)client_of(&preface->addresses),
            sizeof(preface->addresses.from), peer, sizeof(peer)); /* "" if it has none */
    registry_note_preface(conversation->server->registry, &conversation->entry, step,
                          dialed ? dialed : peer);
}

/* ---- Waits ----------------------------------------------------------------------------------- */

/* The local connection and the backend stay open when a step does not watch them any more, so they
 * must be removed. */
static void stop_watching_own(struct conversation *conversation, struct task *task)
{
    bool stays = conversation->own_fd == conversation->plain ||
                 conversation->own_fd == conversation->preface->backend;
    if (conversation->own_fd >= 0 && stays)
        (void)task_watch(task, PLACE_OWN, -1, 0);
    else if (conversation->own_fd >= 0)
        task_forget(task, PLACE_OWN);
    conversation->own_fd = -1;
}

static int watch_own(struct conversation *conversation, struct task *task)
{
    const struct pollfd *own = &conversation->preface->own;
    if (own->fd != conversation->own_fd)
        stop_watching_own(conversation, task);
    conversation->own_fd = own->fd;
    return own->fd < 0
               ? 0
               : task_watch(task, PLACE_OWN, own->fd, (uint32_t)(unsigned short)own->events);
}

/* 0, or an errno. */
static int watch(struct conversation *conversation, struct task *task)
{
    const struct preface *preface = conversation->preface;
    uint32_t events = EPOLLIN | EPOLLRDHUP | (uint32_t)(preface->events & POLLOUT);
    int error = task_watch(task, PLACE_SOCKET, preface->fd, events);
    if (error == 0)
        error = watch_own(conversation, task);
    task_deadline(task, preface->again_us < preface->deadline_us ? preface->again_us
                                                                 : preface->deadline_us);
    return error;
}

/* ---- The end --------------------------------------------------------------------------------- */

/* Its socket and its addresses are the caller's then, and the backend the conversation's. */
static int end_preface(struct conversation *conversation, struct task *task,
                       struct preface_addresses *addresses)
{
    stop_watching_own(conversation, task);
    registry_forget_preface(conversation->server->registry, &conversation->entry);
    conversation->backend = preface_take_backend(conversation->preface);
    *addresses = conversation->preface->addresses;
    int fd = preface_take_fd(conversation->preface);
    preface_free(conversation->preface);
    conversation->preface = NULL;
    return fd;
}

/* Whose connection it is, for the log and for handlers. */
static void note_client(struct conversation *conversation,
                        const struct preface_addresses *addresses)
{
    if (!addresses->proxied)
        return;
    conversation->destination = addresses->destination;
    if (actpass_sockaddr_text((const struct sockaddr *)(const void *)&addresses->from,
                              sizeof(addresses->from), conversation->proxy,
                              sizeof(conversation->proxy)) == 0)
        conversation->report.proxy = conversation->proxy;
}

/* Whom a proxy has brought is judged once its header is there, and before anything else is done
 * for it. All others have been judged when they were accepted. */
static bool is_to_be_judged(const struct conversation *conversation)
{
    const struct preface *preface = conversation->preface;
    return !conversation->judged && !preface->dialed && preface->heard &&
           !preface->addresses.speaks_for_itself &&
           proxy_is_trusted(preface->config, &preface->addresses.from);
}

/* There is no connection. */
static void refuse(struct conversation *conversation, int fd, enum refusal refusal,
                   const struct preface_addresses *addresses)
{
    const struct room_refused refused = {.address = client_of(addresses),
                                         .number = conversation->report.number,
                                         .proxy = conversation->report.proxy};
    room_refuse(conversation->server, conversation->service, fd, refusal, &refused);
}

/* Judges the client that a proxy has named, or, if that did not, the proxy itself. False: there is
 * no connection. */
static bool admit(struct conversation *conversation, struct task *task)
{
    struct service *service = conversation->service;
    struct preface_addresses addresses = conversation->preface->addresses;
    int error;
    if (!is_to_be_judged(conversation))
        return true;
    conversation->judged = true;
    note_client(conversation, &addresses);
    conversation->peer = admission_peer(&service->config->limits, client_of(&addresses));
    enum refusal refusal = room_judge_client(conversation->server, service, &conversation->entry,
                                             &conversation->peer, &error);
    if (refusal == REFUSED_NOT && error == 0)
        return true;
    int fd = end_preface(conversation, task, &addresses);
    if (refusal != REFUSED_NOT) {
        refuse(conversation, fd, refusal, &addresses);
        return false;
    }
    conversation_note_dropped(conversation, error);
    close(fd);
    return false;
}

/* True: there is a connection. */
static bool make(struct conversation *conversation, int fd,
                 const struct preface_addresses *addresses)
{
    const char *dialed = conversation->address;
    if (dialed) {
        conversation_make_dialed(conversation, fd, dialed);
        return conversation_of(conversation);
    }
    int error = conversation_make_accepted(conversation, fd, client_of(addresses));
    if (error != 0)
        conversation_note_dropped(conversation, error);
    return error == 0;
}

static enum task_next finish(struct conversation *conversation, struct task *task)
{
    struct preface_addresses addresses;
    if (!admit(conversation, task))
        return TASK_END;
    conversation->alpn_wanted = conversation->preface->alpn_wanted;
    int fd = end_preface(conversation, task, &addresses);
    return make(conversation, fd, &addresses) ? TASK_MORE : TASK_END;
}

/* The connection says why. */
static enum task_next fail(struct conversation *conversation, struct task *task)
{
    struct preface_addresses addresses;
    actpass_end end = conversation->preface->end;
    struct error_text why = conversation->preface->why;
    int fd = end_preface(conversation, task, &addresses);
    note_client(conversation, &addresses);
    if (!make(conversation, fd, &addresses))
        return TASK_END;
    actpass_fail(conversation_of(conversation), end, why.text);
    actpass_abort(conversation_of(conversation));
    conversation_note_handshake(conversation, false);
    return TASK_MORE;
}

/* ---- All ------------------------------------------------------------------------------------- */

/* A peer that has sent nothing loses nothing at a stop; the others go on, as handshakes do. */
static void look_for_an_end(struct conversation *conversation)
{
    struct preface *preface = conversation->preface;
    bool cancelled = registry_is_cancelled(conversation->server->registry, &conversation->entry);
    bool unused = preface->dialed || !preface->heard;
    if (cancelled)
        preface_cancel(preface, "closed before TLS began");
    else if (unused && conversation_is_stopping(conversation))
        preface_cancel(preface, "closed before TLS began, since the service stops");
}

enum task_next conversation_run_preface(struct conversation *conversation, struct task *task)
{
    struct preface *preface = conversation->preface;
    (void)task_take_events(task, PLACE_SOCKET);
    preface->own.revents =
        (short)(conversation->own_fd >= 0 ? task_take_events(task, PLACE_OWN) : 0);
    look_for_an_end(conversation);
    enum preface_next next = preface_run(preface);
    while (next == PREFACE_STEP && admit(conversation, task))
        next = preface_run(preface);
    switch (next) {
    case PREFACE_WAITS:
        break;
    case PREFACE_STEP: /* it was refused */
        return TASK_END;
    case PREFACE_DONE:
        return finish(conversation, task);
    case PREFACE_FAILED:
        return fail(conversation, task);
    }
    show(conversation);
    int error = watch(conversation, task);
    if (error == 0)
        return TASK_WAIT;
    conversation_note_dropped(conversation, error);
    return TASK_END;
}
