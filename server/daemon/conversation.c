#include "server/daemon/conversation.h"

#include "relay/clock.h"
#include "server/daemon/conversation_internal.h"
#include "server/daemon/hints.h"
#include "server/daemon/preface/preface.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- The end --------------------------------------------------------------------------------- */

/* Returns to the system what thousands of connections have used, when the last of them ends. */
static void trim_after_many(struct server *server)
{
    enum { MANY = 1000 };
    struct counters *counters = &server->counters;
    unsigned long long accepted = atomic_load(&counters->accepted);
    unsigned long long trimmed = atomic_load(&counters->trimmed_at);
    if (accepted - trimmed >= MANY && registry_count_passing(server->registry) <= 1 &&
        atomic_compare_exchange_strong(&counters->trimmed_at, &trimmed, accepted))
        (void)malloc_trim(0);
}

/* Off the registry first: other threads may abort any connection that is in it, and wake its task.
 */
void conversation_free(struct conversation *conversation)
{
    trim_after_many(conversation->server);
    registry_remove(conversation->server->registry, &conversation->entry);
    actpass_free(conversation_of(conversation));
    preface_free(conversation->preface);
    if (conversation->plain >= 0)
        close(conversation->plain);
    if (conversation->backend >= 0)
        close(conversation->backend);
    free(conversation->job.backend_address);
    free(conversation->job.target);
    free(conversation->job.early);
    free(conversation->reached);
    service_release(conversation->service);
    free(conversation);
}

static void note_dropped(struct server *server, struct service *service,
                         const struct report *report, int error)
{
    atomic_fetch_add(&server->counters.dropped, 1);
    stats_count(service->stats, STATS_DROPPED);
    if (log_limit_note(&service->dropping))
        report_dropped(report, error);
}

void conversation_note_dropped(struct conversation *conversation, int error)
{
    note_dropped(conversation->server, conversation->service, &conversation->report, error);
}

/* Without a TLS close: do not spend the resource that just ran out. */
void conversation_drop(struct conversation *conversation, int error)
{
    conversation_note_dropped(conversation, error);
    if (conversation_of(conversation))
        actpass_abort(conversation_of(conversation));
    conversation_free(conversation);
}

/* ---- The beginning --------------------------------------------------------------------------- */

/* For connections that we dialed: gets the peer's address while the socket is still ours. */
static void find_peer(struct conversation *conversation, int fd)
{
    struct sockaddr_storage address;
    struct sockaddr *peer = (struct sockaddr *)(void *)&address;
    socklen_t length = sizeof(address);
    if (conversation->service->hints && !conversation->peer.known &&
        getpeername(fd, peer, &length) == 0)
        conversation->peer.known = peer_key_of(peer, &conversation->peer.key);
}

static void take_hint(struct conversation *conversation, actpass_accept_options *options)
{
    struct hints *hints = conversation->service->hints;
    if (hints && conversation->peer.known) {
        struct hint hint = hints_of(hints, &conversation->peer.key);
        options->hint = hint.role;
        options->max_wait_ms = hint.max_wait_ms;
    }
}

void conversation_note_origin(struct conversation *conversation)
{
    const struct service_stats *stats = conversation->entry.stats;
    conversation->entry.origin =
        (struct snapshot_origin){.number = conversation->report.number,
                                 .service = stats ? stats->name : conversation->report.service,
                                 .began_us = conversation->began_us,
                                 .dialed = conversation->report.dialed};
}

/* On another thread, before the connection is closed or freed, and so before the task ends. */
static void on_wake(void *arg)
{
    struct conversation *conversation = arg;
    task_wake(conversation->bell.task);
}

void conversation_attach(struct conversation *conversation, actpass_conn *conn, int64_t began_us)
{
    if (conversation->began_us == 0) /* else its preface came before */
        conversation->began_us = began_us;
    conversation->cause = ACTPASS_CAUSE_UNDECIDED;
    conversation->stage = STAGE_HANDSHAKE;
    conversation->report.conn = conn;
    conversation_note_origin(conversation);
    actpass_set_wake(conn, on_wake, conversation);
    registry_attach(conversation->server->registry, &conversation->entry, conn);
}

int conversation_make(struct conversation *conversation, int fd, actpass_accept_options *options)
{
    find_peer(conversation, fd);
    take_hint(conversation, options);
    actpass_config *settings = service_settings(conversation->service);
    int64_t began_us = clock_now_us();
    actpass_conn *conn = actpass_accept_with(settings, fd, options);
    int error = errno;
    actpass_config_free(settings);
    if (!conn)
        return error;
    conversation_attach(conversation, conn, began_us);
    return 0;
}

/* Peers without an IP address, those of unix sockets, are not limited as one: each counts as an
 * address of its own, in a network that no packet comes from (100::/64, RFC 6666). */
static void tell_apart(struct peer *peer, uint64_t number)
{
    peer->address = (struct peer_key){.address = {0x01}};
    memcpy(peer->address.address + sizeof(peer->address.address) - sizeof(number), &number,
           sizeof(number));
}

/* Adds it to the registry. */
static bool enter(struct conversation *conversation, const struct peer *peer)
{
    struct registry *registry = conversation->server->registry;
    if (!peer) {
        registry_add(registry, &conversation->entry);
        return true;
    }
    conversation->peer = *peer;
    if (!peer->known)
        tell_apart(&conversation->peer, conversation->report.number);
    return registry_add_from(registry, &conversation->entry, &conversation->peer.address);
}

/* PEER: NULL for a connection that we dial. Returns NULL if memory is short, and logs that. */
static struct conversation *new_with(struct server *server, struct service *service,
                                     const struct peer *peer)
{
    uint64_t number = atomic_fetch_add(&server->counters.numbers, 1) + 1;
    struct report report = {.log = server->log,
                            .service = service->config->name,
                            .number = number,
                            .access = service->config->log_access,
                            .through = service->config->dial.through.proxy.text};
    struct conversation *conversation = calloc(1, sizeof(*conversation));
    if (conversation) {
        conversation->server = server;
        conversation->service = service_hold(service);
        conversation->report = report;
        conversation->plain = conversation->own_fd = conversation->backend = -1;
        conversation->stage = STAGE_HANDSHAKE;
        conversation->entry.service = service->connections;
        conversation->entry.stats = service->stats;
        conversation->rechecks = registry_service_rechecks(service->connections);
    }
    if (!conversation || !enter(conversation, peer)) {
        if (conversation)
            service_release(conversation->service);
        free(conversation);
        note_dropped(server, service, &report, ENOMEM);
        return NULL;
    }
    return conversation;
}

struct conversation *conversation_new(struct server *server, struct service *service, int plain)
{
    struct conversation *conversation = new_with(server, service, NULL);
    if (conversation)
        conversation->plain = plain;
    else if (plain >= 0)
        close(plain);
    return conversation;
}

void conversation_set_task(struct conversation *conversation, struct task *task)
{
    conversation->bell.task = task;
    registry_set_task(conversation->server->registry, &conversation->entry, task);
}

static enum task_next run(struct task *task, void *arg)
{
    struct conversation *conversation = arg;
    enum task_next next = conversation_run(conversation, task);
    if (next == TASK_END)
        conversation_free(conversation);
    return next;
}

/* Lets a task wait for the peer, or makes it run if there is nothing to wait for. 0, or an errno.
 * From success on the conversation belongs to the task, and may have ended already. */
static int start(struct conversation *conversation)
{
    int error;
    struct task *task = task_new(conversation->server->crew, run, conversation);
    if (!task)
        return errno;
    if (conversation->stage == STAGE_PREFACE) {
        conversation_set_task(conversation, task);
        task_start(task, TASK_RUN_NOW);
        return 0;
    }
    actpass_note_events(conversation_of(conversation),
                        0); /* the task will be told of what is there */
    enum task_next next = conversation_wait(conversation, task, &error);
    if (error != 0) {
        task_discard(task);
        return error;
    }
    conversation_set_task(conversation, task);
    task_start(task, next == TASK_WAIT ? TASK_WAIT_FIRST : TASK_RUN_NOW);
    return 0;
}

/* 0: unknown. A unix socket's depends on its name. */
static socklen_t size_of(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return sizeof(struct sockaddr_in);
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : 0;
}

int conversation_make_accepted(struct conversation *conversation, int fd,
                               const struct sockaddr_storage *address)
{
    socklen_t size = size_of(address);
    actpass_accept_options options = {
        .socket = ACTPASS_SOCKET_PREPARED, /* the listener has TCP_NODELAY */
        .peer = size > 0 ? (const struct sockaddr *)(const void *)address : NULL,
        .peer_size = size};
    return conversation_make(conversation, fd, &options);
}

int conversation_begin(struct server *server, struct service *service, int fd,
                       const struct peer *peer, const struct sockaddr_storage *address)
{
    atomic_fetch_add(&server->counters.accepted, 1);
    stats_count(service->stats, STATS_ACCEPTED);
    struct conversation *conversation = new_with(server, service, peer);
    if (!conversation) {
        close(fd);
        return ENOMEM;
    }
    int error = preface_is_wanted(service->config, address)
                    ? conversation_begin_preface(conversation, fd, address, NULL)
                    : conversation_make_accepted(conversation, fd, address);
    if (error == 0)
        error = start(conversation);
    if (error != 0)
        conversation_drop(conversation, error);
    return error;
}

/* ---- What others know of it ------------------------------------------------------------------ */

struct server *conversation_server(const struct conversation *conversation)
{
    return conversation->server;
}

struct service *conversation_service(const struct conversation *conversation)
{
    return conversation->service;
}

const struct report *conversation_report(const struct conversation *conversation)
{
    return &conversation->report;
}

bool conversation_has_socket(const struct conversation *conversation)
{
    return conversation_of(conversation) || conversation->preface;
}

bool conversation_is_stopping(const struct conversation *conversation)
{
    return atomic_load(&conversation->server->stopping) ||
           registry_service_is_retired(conversation->entry.service);
}

/* ---- Joins ----------------------------------------------------------------------------------- */

struct bell *conversation_bell(struct conversation *conversation)
{
    return &conversation->bell;
}

int conversation_plain(const struct conversation *conversation)
{
    return conversation->plain;
}

int conversation_take_plain(struct conversation *conversation)
{
    int plain = conversation->plain;
    conversation->plain = -1;
    return plain;
}

const char *conversation_note_join(struct conversation *conversation, const char *name,
                                   const char *by, uint64_t number)
{
    free(conversation->reached);
    conversation->reached = strdup(name);
    conversation->report.reached = conversation->reached;
    conversation->report.by = by;
    conversation->report.joined = number;
    return conversation->reached ? conversation->reached : "";
}
