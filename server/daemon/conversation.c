#include "server/daemon/conversation.h"

#include "relay/clock.h"
#include "server/daemon/handlers/handler.h"
#include "server/daemon/hints.h"
#include "server/lib/idle.h"
#include "server/lib/settings.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

/* Belongs to one thread at a time: the accept thread, then the relay's thread (relay transport
 * only), then the conversation thread. */
struct conversation {
    struct registry_entry entry;
    struct server *server;
    struct service *service;
    struct report report;
    int plain; /* the local connection to be bridged; -1: none */
    int64_t began_us;
    actpass_cause cause; /* of the role, as it was logged */
    bool role_held_back; /* its log line was suppressed */
    struct peer peer;    /* set if it was accepted, or if the service has hints */
};

static actpass_conn *conn_of(const struct conversation *conversation)
{
    return conversation->report.conn;
}

/* The number of open connections, without those of persistent services. */
static size_t count_passing(const struct server *server)
{
    size_t count = 0;
    for (size_t i = 0; i < server->service_count; i++)
        if (!server->services[i].config->dial.persistent)
            count += registry_count_service(server->registry, i).all;
    return count;
}

/* Returns to the system what thousands of connections have used, when the last of them ends. */
static void trim_after_many(struct server *server)
{
    enum { MANY = 1000 };
    struct counters *counters = &server->counters;
    unsigned long long accepted = atomic_load(&counters->accepted);
    unsigned long long trimmed = atomic_load(&counters->trimmed_at);
    if (accepted - trimmed >= MANY && count_passing(server) <= 1 &&
        atomic_compare_exchange_strong(&counters->trimmed_at, &trimmed, accepted))
        (void)malloc_trim(0);
}

/* Off the registry first: other threads may abort any connection that is in it. */
static void leave(struct conversation *conversation)
{
    trim_after_many(conversation->server);
    registry_remove(conversation->server->registry, &conversation->entry);
    actpass_free(conn_of(conversation));
    if (conversation->plain >= 0)
        close(conversation->plain);
    free(conversation);
}

static void count_end(struct conversation *conversation)
{
    struct counters *counters = &conversation->server->counters;
    actpass_info_t info;
    actpass_info(conn_of(conversation), &info);
    if (info.cause == ACTPASS_CAUSE_CLOSED_BEFORE_FIRST_BYTE)
        atomic_fetch_add(&counters->closed_before_first_byte, 1);
    else if (info.role == ACTPASS_ROLE_NONE)
        atomic_fetch_add(&counters->no_role, 1);
}

static void close_and_leave(struct conversation *conversation)
{
    if (registry_made_way(conversation->server->registry, &conversation->entry)) {
        conversation->report.why = "closed to make room for a newer connection: its handshake was "
                                   "not complete, and the service is full (max_connections, "
                                   "limits)";
    }
    (void)actpass_close(conn_of(conversation)); /* the report has the close reason */
    count_end(conversation);
    report_close(&conversation->report, clock_now_us() - conversation->began_us);
    leave(conversation);
}

static void note_dropped(struct server *server, struct service *service,
                         const struct report *report, int error)
{
    atomic_fetch_add(&server->counters.dropped, 1);
    if (log_limit_note(&service->dropping))
        report_dropped(report, error);
}

/* Drops the connection without a TLS close: do not spend the resource that just ran out. */
static void drop(struct conversation *conversation, int error)
{
    note_dropped(conversation->server, conversation->service, &conversation->report, error);
    if (conn_of(conversation))
        actpass_abort(conn_of(conversation));
    leave(conversation);
}

static void serve(struct conversation *conversation)
{
    const struct service *service = conversation->service;
    actpass_info_t info;
    actpass_info(conn_of(conversation), &info);
    bool client = info.role == ACTPASS_ROLE_CLIENT;
    const struct service_handler *chosen = client ? &service->as_client : &service->as_server;
    struct handler_job job = {.conn = conn_of(conversation),
                              .what = client ? &service->config->as_client
                                             : &service->config->as_server,
                              .loaded = chosen->loaded,
                              .stopping_fd = conversation->server->stopping_fd,
                              .plain = conversation->plain,
                              .idle_timeout_ms = service->config->connection.idle_timeout_ms};
    if (chosen->handler)
        chosen->handler->run(&job);
    if (job.problem.text[0] != '\0')
        report_problem(&conversation->report, job.problem.text);
}

/* Called when the role is decided, and again if a ClientHello that came at the last moment has
 * changed it. */
static void note_role(struct conversation *conversation)
{
    actpass_info_t info;
    actpass_info(conn_of(conversation), &info);
    bool decided = info.role == ACTPASS_ROLE_SERVER || info.role == ACTPASS_ROLE_CLIENT;
    if (!decided || info.cause == conversation->cause)
        return;
    conversation->cause = info.cause;
    registry_decided(conversation->server->registry, &conversation->entry);
    conversation->role_held_back = !report_role(&conversation->report);
}

static void note_sessions(struct conversation *conversation)
{
    struct error_text error;
    actpass_config *settings = service_settings(conversation->service);
    if (tls_context_sessions_failed(settings->tls, &error))
        report_sessions(&conversation->report, error.text);
    actpass_config_free(settings);
}

static void learn(struct conversation *conversation, bool up)
{
    if (conversation->peer.known && conversation->service->hints) {
        actpass_info_t info;
        actpass_info(conn_of(conversation), &info);
        hints_learn(conversation->service->hints, &conversation->peer.key, info.cause, up);
    }
}

static void release_idle(void *arg)
{
    (void)arg;
    idle_release();
}

/* From here to the close the conversation waits only in calls of its connection (hand_over), so no
 * relay thread is kept for it. The role may be known already (on_verdict) or is decided here; with
 * Fast Open it is logged once the connection is established. */
static bool shake_hands(struct conversation *conversation)
{
    conn_on_idle(conn_of(conversation), release_idle, NULL);
    if (conn_was_connected(conn_of(conversation))) {
        conn_wait_role(conn_of(conversation));
        note_role(conversation);
    }
    bool up = actpass_handshake(conn_of(conversation)) == 0;
    if (up)
        registry_established(conversation->server->registry, &conversation->entry);
    note_role(conversation);
    if (up && conversation->role_held_back)
        report_role_after_all(&conversation->report);
    note_sessions(conversation);
    learn(conversation, up);
    return up;
}

static void converse(void *arg)
{
    struct conversation *conversation = arg;
    conversation_finish(conversation, shake_hands(conversation));
}

static int hand_over(struct conversation *conversation)
{
    conn_enter(conn_of(conversation)); /* never left: it ends with the connection */
    return threads_run(conversation->server->conversations, converse, conversation);
}

/* On the relay's thread. Without a role there is no conversation, so no thread is started. */
static void on_verdict(actpass_conn *conn, void *arg)
{
    struct conversation *conversation = arg;
    actpass_info_t info;
    actpass_info(conn, &info);
    if (info.role != ACTPASS_ROLE_SERVER && info.role != ACTPASS_ROLE_CLIENT) {
        close_and_leave(conversation);
        return;
    }
    note_role(conversation);
    int error = hand_over(conversation);
    if (error != 0)
        drop(conversation, error);
}

static int start(struct conversation *conversation)
{
    if (conversation->service->config->connection.transport == CONFIG_TRANSPORT_DIRECT)
        return hand_over(conversation);
    return conn_start(conn_of(conversation));
}

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

static void take_hint(struct conversation *conversation, struct conn_options *options)
{
    struct hints *hints = conversation->service->hints;
    if (hints && conversation->peer.known) {
        struct hint hint = hints_of(hints, &conversation->peer.key);
        options->hint = hint.role;
        options->max_wait_ms = hint.max_wait_ms;
    }
}

/* Makes the socket the conversation's connection. 0, or an errno. */
static int attach(struct conversation *conversation, int fd, struct conn_options *options)
{
    find_peer(conversation, fd);
    take_hint(conversation, options);
    conversation->began_us = clock_now_us();
    conversation->cause = ACTPASS_CAUSE_UNDECIDED;
    actpass_config *settings = service_settings(conversation->service);
    conversation->report.conn = conn_new(settings, fd, options);
    int error = errno;
    actpass_config_free(settings);
    if (!conn_of(conversation))
        return error;
    registry_attach(conversation->server->registry, &conversation->entry, conn_of(conversation),
                    options->fast_open_size > 0 ? REGISTRY_CONNECTING : REGISTRY_CONNECTED);
    return 0;
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
    return registry_add_from(registry, &conversation->entry, &peer->address);
}

/* PEER: NULL for a connection that we dial. Returns NULL if memory is short, and logs that. */
static struct conversation *new_with(struct server *server, struct service *service,
                                     const struct peer *peer)
{
    uint64_t number = atomic_fetch_add(&server->counters.numbers, 1) + 1;
    struct report report = {.log = server->log, .service = service->config->name, .number = number};
    struct conversation *conversation = calloc(1, sizeof(*conversation));
    if (conversation) {
        conversation->server = server;
        conversation->service = service;
        conversation->report = report;
        conversation->plain = -1;
        conversation->entry.service = service->number;
    }
    if (!conversation || !enter(conversation, peer)) {
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

int conversation_begin(struct server *server, struct service *service, int fd,
                       const struct peer *peer)
{
    atomic_fetch_add(&server->counters.accepted, 1);
    struct conversation *conversation = new_with(server, service, peer);
    if (!conversation) {
        close(fd);
        return ENOMEM;
    }
    struct conn_options options = {.on_verdict = on_verdict, .arg = conversation};
    int error = attach(conversation, fd, &options);
    if (error == 0)
        error = start(conversation); /* from here on it belongs to another thread */
    if (error != 0)
        drop(conversation, error);
    return error;
}

/* ---- Step by step -------------------------------------------------------------------------- */

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

actpass_conn *conversation_conn(const struct conversation *conversation)
{
    return conn_of(conversation);
}

void conversation_detach(struct conversation *conversation)
{
    actpass_conn *conn = conn_of(conversation);
    registry_detach(conversation->server->registry, &conversation->entry);
    conversation->report.conn = NULL;
    actpass_free(conn);
}

bool conversation_handshake(struct conversation *conversation, int fd, const char *address,
                            const struct conn_options *options)
{
    struct conn_options own = *options;
    conversation->report.dialed = true;
    atomic_fetch_add(&conversation->server->counters.dialed, 1);
    int error = attach(conversation, fd, &own);
    if (error == 0) {
        conn_dialed(conn_of(conversation), address);
        error = conn_start(conn_of(conversation));
    }
    if (error != 0) {
        note_dropped(conversation->server, conversation->service, &conversation->report, error);
        conversation_detach(conversation);
        return false;
    }
    if (own.fast_open_size == 0)
        report_connected(&conversation->report, address);
    conn_enter(conn_of(conversation)); /* never left, as in hand_over */
    /* A stop before this connection was in the registry has not aborted it. */
    if (atomic_load(&conversation->server->stops) > 0)
        actpass_abort(conn_of(conversation));
    bool up = shake_hands(conversation);
    registry_connected(conversation->server->registry, &conversation->entry);
    if (own.fast_open_size > 0 && conn_was_connected(conn_of(conversation)))
        report_connected(&conversation->report, address);
    return up;
}

void conversation_finish(struct conversation *conversation, bool up)
{
    if (up)
        serve(conversation);
    close_and_leave(conversation);
}

void conversation_give_up(struct conversation *conversation)
{
    leave(conversation);
}

void conversation_drop(struct conversation *conversation, int error)
{
    drop(conversation, error);
}
