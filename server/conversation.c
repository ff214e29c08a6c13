#include "server/conversation.h"

#include "relay/clock.h"
#include "server/conn.h"
#include "server/idle.h"
#include "server/report.h"
#include "server/services/echo.h"
#include "server/services/forward.h"
#include "server/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Belongs to one thread at a time: the accepting one, then the relay's (relay transport), then the
 * conversation's. */
struct conversation {
    struct registry_entry entry;
    actpass_server *server;
    struct service *service;
    struct report report;
    int64_t accepted_us;
    actpass_cause cause; /* of the role, as the log has it */
};

static actpass_conn *conn_of(const struct conversation *conversation)
{
    return conversation->report.conn;
}

static void free_conversation(struct conversation *conversation)
{
    actpass_free(conn_of(conversation));
    free(conversation);
}

/* Off the registry first: who is in there may be aborted by others, and must be alive. */
static void leave(struct conversation *conversation)
{
    registry_remove(conversation->server->registry, &conversation->entry);
    free_conversation(conversation);
}

static void count_end(struct conversation *conversation)
{
    struct counters *counters = &conversation->server->counters;
    actpass_info_t info;
    actpass_info(conn_of(conversation), &info);
    if (info.cause == ACTPASS_CAUSE_CLOSED_BEFORE_FIRST_BYTE) {
        atomic_fetch_add(&counters->closed_before_first_byte, 1);
    } else if (info.role == ACTPASS_ROLE_NONE) {
        atomic_fetch_add(&counters->no_role, 1);
    }
}

static void close_and_leave(struct conversation *conversation)
{
    (void)actpass_close(conn_of(conversation)); /* the report says how it ended */
    count_end(conversation);
    report_close(&conversation->report, clock_now_us() - conversation->accepted_us);
    leave(conversation);
}

static void note_dropped(actpass_server *server, struct service *service,
                         const struct report *report, int error)
{
    atomic_fetch_add(&server->counters.dropped, 1);
    if (episode_begins(&service->dropping)) {
        report_dropped(report, error);
    }
}

/* Makes way at once: what is short now is not to be spent on goodbyes. */
static void drop(struct conversation *conversation, int error)
{
    note_dropped(conversation->server, conversation->service, &conversation->report, error);
    actpass_abort(conn_of(conversation));
    leave(conversation);
}

static void serve(struct conversation *conversation)
{
    static void (*const services[])(struct service_job *) = {
        [CONFIG_CONVERSATION_FORWARD] = forward_serve,
        [CONFIG_CONVERSATION_ECHO] = echo_serve,
        [CONFIG_CONVERSATION_HTTP] = NULL,
    };
    const struct config_service *config = conversation->service->config;
    actpass_info_t info;
    actpass_info(conn_of(conversation), &info);
    const struct config_conversation *what =
        info.role == ACTPASS_ROLE_CLIENT ? &config->as_client : &config->as_server;
    struct service_job job = {.conn = conn_of(conversation),
                              .what = what,
                              .idle_timeout_ms = config->connection.idle_timeout_ms};
    if (services[what->kind] != NULL) {
        services[what->kind](&job);
    }
    if (job.problem[0] != '\0') {
        report_problem(&conversation->report, job.problem);
    }
}

/* Once when the role is decided, and again when a hello that came at the last moment has changed it. */
static void note_role(struct conversation *conversation)
{
    actpass_info_t info;
    actpass_info(conn_of(conversation), &info);
    bool decided = info.role == ACTPASS_ROLE_SERVER || info.role == ACTPASS_ROLE_CLIENT;
    if (!decided || info.cause == conversation->cause) {
        return;
    }
    conversation->cause = info.cause;
    registry_decided(conversation->server->registry, &conversation->entry);
    report_role(&conversation->report);
}

static void note_sessions(struct conversation *conversation)
{
    char problem[512];
    if (tls_context_problem(conversation->service->settings->tls, problem, sizeof(problem))) {
        report_sessions(&conversation->report, problem);
    }
}

static void release_idle(void *arg)
{
    (void)arg;
    idle_release();
}

/* From here to the close the conversation waits nowhere but in its connection's calls (hand_over), so no relay
 * thread is kept for it. With the relay transport the role is known; with the direct one the handshake finds it. */
static void converse(void *arg)
{
    struct conversation *conversation = arg;
    conn_on_idle(conn_of(conversation), release_idle, NULL);
    bool up = actpass_handshake(conn_of(conversation)) == 0;
    note_role(conversation);
    note_sessions(conversation);
    if (up) {
        serve(conversation);
    }
    close_and_leave(conversation);
}

static int hand_over(struct conversation *conversation)
{
    conn_enter(conn_of(conversation)); /* never left: it ends with the connection */
    return threads_run(conversation->server->conversations, converse, conversation);
}

/* On the relay's thread. Without a role there is nothing to converse, and no thread is spent on it. */
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
    if (error != 0) {
        drop(conversation, error);
    }
}

static int start(struct conversation *conversation)
{
    if (conversation->service->config->connection.transport == CONFIG_TRANSPORT_DIRECT) {
        return hand_over(conversation);
    }
    return conn_start(conn_of(conversation));
}

int conversation_begin(actpass_server *server, struct service *service, int fd)
{
    uint64_t number = atomic_fetch_add(&server->counters.accepted, 1) + 1;
    struct report report = {.log = server->log, .service = service->config->name, .number = number};
    struct conversation *conversation = calloc(1, sizeof(*conversation));
    if (conversation == NULL) {
        close(fd);
        note_dropped(server, service, &report, ENOMEM);
        return ENOMEM;
    }
    conversation->accepted_us = clock_now_us();
    conversation->server = server;
    conversation->service = service;
    conversation->report = report;
    conversation->report.conn = conn_new(service->settings, fd, on_verdict, conversation);
    if (conn_of(conversation) == NULL) {
        int error = errno;
        note_dropped(server, service, &report, error);
        free_conversation(conversation);
        return error;
    }
    conversation->entry.conn = conn_of(conversation);
    conversation->entry.service = service->number;
    registry_add(server->registry, &conversation->entry);
    int error = start(conversation); /* from here on it is another thread's */
    if (error != 0) {
        drop(conversation, error);
    }
    return error;
}
