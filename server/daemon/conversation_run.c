/* The stages of a conversation. Each does what can be done without waiting. */
#include "server/daemon/conversation_internal.h"

#include "relay/clock.h"
#include "server/daemon/conversation.h"
#include "server/daemon/hints.h"
#include "server/daemon/starttls/table.h"

#include <errno.h>
#include <string.h>

/* What a stage wants next. */
enum progress {
    PROGRESS_WAITS,
    PROGRESS_MORE, /* to run again, after other connections */
    PROGRESS_NEXT  /* the next stage, which is set */
};

/* ---- The handshake --------------------------------------------------------------------------- */

/* Called when the role may be decided, and again once the handshake is done: a ClientHello that
 * came at the last moment may have changed it. */
static void note_role(struct conversation *conversation)
{
    actpass_info_t info;
    actpass_info(conversation_of(conversation), &info);
    bool decided = info.role == ACTPASS_ROLE_SERVER || info.role == ACTPASS_ROLE_CLIENT;
    if (!decided || info.cause == conversation->cause)
        return;
    conversation->cause = info.cause;
    registry_decided(conversation->server->registry, &conversation->entry);
    report_role(&conversation->report);
}

static void learn(struct conversation *conversation, bool up)
{
    if (conversation->peer.known && conversation->service->hints) {
        actpass_info_t info;
        actpass_info(conversation_of(conversation), &info);
        hints_learn(conversation->service->hints, &conversation->peer.key, info.cause, up);
    }
}

/* Chooses the handler: a route's, or the role's. */
static void prepare_to_serve(struct conversation *conversation)
{
    const struct service *service = conversation->service;
    actpass_info_t info;
    actpass_info(conversation_of(conversation), &info);
    stats_handshake(service->stats, &info, service->config->connection.tls.sessions.kind);
    const struct service_handler *chosen =
        service_choose(service, conversation_of(conversation), &info);
    conversation->job = (struct handler_job){
        .conn = conversation_of(conversation),
        .what = chosen->what,
        .loaded = chosen->loaded,
        .plain = conversation->plain,
        .conversation = conversation,
        .idle_timeout_ms = service->config->connection.idle_timeout_ms,
        .destination =
            conversation->destination.ss_family == AF_UNSPEC ? NULL : &conversation->destination,
        .start = service->config->start,
        .start_timeout_ms = service->config->connection.handshake_timeout_ms,
        .connected = &conversation->backend,
        .mysql_login = service->config->starttls == CONFIG_STARTTLS_MYSQL,
        .plain_talk = starttls_plain_talk(service->config->starttls,
                                          info.role == ACTPASS_ROLE_CLIENT ? CONFIG_ROLE_CLIENT
                                                                           : CONFIG_ROLE_SERVER),
        .own = {.fd = -1},
        .deadline_us = DEADLINE_NEVER};
    conversation->handler = chosen->handler;
    conversation->report.handler = chosen->handler ? chosen->handler->name : NULL;
    conversation->report.route = chosen->route;
    conversation->active = true;
    conversation->stage = chosen->handler ? STAGE_SERVE : STAGE_CLOSE;
}

void conversation_note_handshake(struct conversation *conversation, bool up)
{
    if (up)
        registry_established(conversation->server->registry, &conversation->entry);
    note_role(conversation);
    learn(conversation, up);
    conversation->stage = STAGE_CLOSE;
    if (!up)
        return;
    conversation->up_us = clock_now_us();
    conversation->report.up_us = conversation->up_us - conversation->began_us;
    report_id(&conversation->report);
    if (conversation->kept)
        conversation->kept->up(conversation->kept->arg);
    prepare_to_serve(conversation);
}

/* May looking for a session, or keeping one, block the thread? */
static bool sessions_block(const struct conversation *conversation)
{
    enum config_sessions_kind kind = conversation->service->config->connection.tls.sessions.kind;
    return kind == CONFIG_SESSIONS_FILE || kind == CONFIG_SESSIONS_REDIS;
}

/* Has TLS agreed upon what the preface wants? Else a browser's TLS, say, could be led here
 * (ALPACA). */
static bool has_wanted_alpn(const struct conversation *conversation)
{
    struct error_text why;
    actpass_info_t info;
    const char *wanted = conversation->alpn_wanted;
    actpass_info(conversation_of(conversation), &info);
    if (!wanted || strcmp(info.alpn, wanted) == 0)
        return true;
    (void)error_set(&why,
                    "the peer began TLS without asking for it first, and ALPN has not agreed on "
                    "\"%s\": is it in \"alpn\" of \"tls\", and does the client offer it?",
                    wanted);
    actpass_fail(conversation_of(conversation), ACTPASS_PROTOCOL, why.text);
    return false;
}

static enum progress shake_hands(struct conversation *conversation)
{
    bool blocks = sessions_block(conversation);
    if (blocks)
        crew_block();
    int result = actpass_handshake(conversation_of(conversation));
    if (blocks)
        crew_unblock();
    if (result == ACTPASS_AGAIN) {
        if (conversation->cause == ACTPASS_CAUSE_UNDECIDED)
            note_role(conversation);
        return PROGRESS_WAITS;
    }
    conversation_note_handshake(conversation, result == 0 && has_wanted_alpn(conversation));
    return PROGRESS_NEXT;
}

/* ---- The handler ----------------------------------------------------------------------------- */

/* Sends what the handler has written: other connections come first now. */
static void flush(struct conversation *conversation)
{
    struct pollfd socket;
    (void)actpass_prepare_wait(conversation_of(conversation), &socket);
}

static enum handler_next step(struct conversation *conversation)
{
    struct handler_job *job = &conversation->job;
    bool stopping = conversation_is_stopping(conversation);
    job->leave = conversation_must_leave(conversation, stopping);
    job->stopping = stopping || job->leave;
    job->idle = conversation_is_idle(conversation);
    enum handler_next next = conversation->handler->step(job);
    /* It has something to do: it is asked again after as long a time. */
    conversation->active = conversation->active || job->leave;
    if (job->used && conversation->kept && !conversation->used) {
        conversation->used = true;
        conversation->kept->used(conversation->kept->arg);
    }
    return next;
}

static enum progress serve(struct conversation *conversation)
{
    struct handler_job *job = &conversation->job;
    if (conversation_must_recheck(conversation)) {
        conversation_recheck(conversation);
        job->rechecked = true;
    }
    enum handler_next next = step(conversation);
    if (job->problem.text[0] != '\0') {
        report_problem(&conversation->report, job->problem.text);
        job->problem.text[0] = '\0';
    }
    switch (next) {
    case HANDLER_WAIT:
        if (job->idle)
            conversation_release_memory(conversation);
        return PROGRESS_WAITS;
    case HANDLER_MORE:
        conversation->active = true;
        flush(conversation);
        return PROGRESS_MORE;
    case HANDLER_DONE:
        break;
    }
    conversation->stage = STAGE_CLOSE;
    return PROGRESS_NEXT;
}

/* ---- The close ------------------------------------------------------------------------------- */

/* For the admin listener. */
static void keep_end(struct conversation *conversation, const actpass_info_t *info)
{
    struct registry_entry *entry = &conversation->entry;
    struct snapshot snapshot;
    if (!entry->stats)
        return;
    registry_count_bytes(conversation->server->registry, entry, info);
    stats_closed(entry->stats, info);
    if (!stats_is_failure(info))
        return;
    snapshot_take_closed(&snapshot, &entry->origin, info, report_error(&conversation->report));
    stats_keep_failure(conversation->server->stats, &snapshot);
}

static void count_end(struct conversation *conversation)
{
    struct counters *counters = &conversation->server->counters;
    actpass_info_t info;
    actpass_info(conversation_of(conversation), &info);
    atomic_store(&counters->last_end, (int)info.end);
    if (info.cause == ACTPASS_CAUSE_CLOSED_BEFORE_FIRST_BYTE || info.end == ACTPASS_UNUSED)
        atomic_fetch_add(&counters->closed_before_first_byte, 1);
    else if (info.role == ACTPASS_ROLE_NONE)
        atomic_fetch_add(&counters->no_role, 1);
    keep_end(conversation, &info);
}

static enum progress close_and_report(struct conversation *conversation)
{
    if (actpass_close(conversation_of(conversation)) == ACTPASS_OPEN)
        return PROGRESS_WAITS;
    if (registry_made_way(conversation->server->registry, &conversation->entry)) {
        conversation->report.why = "closed to make room for a newer connection: its handshake was "
                                   "not complete, and the service is full (max_connections, "
                                   "limits)";
    }
    conversation->report.backend = conversation->job.backend;
    conversation->report.backend_address = conversation->job.backend_address;
    count_end(conversation);
    report_close(&conversation->report, clock_now_us() - conversation->began_us);
    conversation->stage = STAGE_CLOSED;
    return PROGRESS_NEXT;
}

/* ---- All ------------------------------------------------------------------------------------- */

static enum progress run_stage(struct conversation *conversation)
{
    switch (conversation->stage) {
    case STAGE_PREFACE: /* is over before any of these begins */
    case STAGE_HANDSHAKE:
        return shake_hands(conversation);
    case STAGE_SERVE:
        return serve(conversation);
    case STAGE_CLOSE:
    case STAGE_CLOSED:
        break;
    }
    return close_and_report(conversation);
}

/* A connection that cannot wait is aborted: then no stage waits any more. */
static enum task_next wait_or_abort(struct conversation *conversation, struct task *task)
{
    int error;
    enum task_next next = conversation_wait(conversation, task, &error);
    if (error != 0) {
        struct error_text why;
        (void)error_set(&why, "the connection could not be waited for: %s", strerror(error));
        actpass_fail(conversation_of(conversation), ACTPASS_CANCELLED, why.text);
        actpass_abort(conversation_of(conversation));
    }
    return next;
}

static bool has_seen_changes(const struct conversation *conversation)
{
    return conversation->job.stopping == conversation_is_stopping(conversation) &&
           !conversation_must_recheck(conversation);
}

enum task_next conversation_run(struct conversation *conversation, struct task *task)
{
    if (conversation->stage == STAGE_PREFACE) {
        enum task_next next = conversation_run_preface(conversation, task);
        if (next != TASK_MORE)
            return next;
    }
    conversation_take_events(conversation, task);
    bool rung = bell_take(&conversation->bell);
    if (conversation_only_settles(conversation) && has_seen_changes(conversation) && !rung)
        return wait_or_abort(conversation, task);
    while (conversation->stage != STAGE_CLOSED) {
        switch (run_stage(conversation)) {
        case PROGRESS_WAITS:
            return wait_or_abort(conversation, task);
        case PROGRESS_MORE:
            return TASK_MORE;
        case PROGRESS_NEXT:
            break;
        }
    }
    return TASK_END;
}
