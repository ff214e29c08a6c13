#include "server/daemon/dial_service.h"

#include "relay/clock.h"
#include "server/daemon/handlers/bridge.h"
#include "server/lib/conn_dial.h"

#include <errno.h>
#include <netdb.h>

static void on_failure(void *arg, const char *address, const char *why)
{
    const struct conversation *conversation = arg;
    report_dial_failed(conversation_report(conversation), address, why);
}

static actpass_conn *take(void *arg, int fd, const struct candidate *to,
                          const struct conn_options *options)
{
    struct conversation *conversation = arg;
    conversation_connect(conversation, fd, to->of->text, options);
    return conversation_conn(conversation);
}

static void discard(void *arg)
{
    conversation_detach(arg);
}

static void dial(struct conversation *conversation)
{
    const struct server *server = conversation_server(conversation);
    const struct config_service *service = conversation_service(conversation)->config;
    const struct conn_dial plan = {
        .dial = {.addresses = service->dial.addresses,
                 .count = service->dial.address_count,
                 .from = &service->dial.from,
                 .deadline_us = clock_deadline_ms(service->dial.connect_timeout_ms),
                 .limit_name = "connect_timeout",
                 .lookup_flags = AI_ADDRCONFIG,
                 .wait = {.cancel_fd = server->stopping_fd},
                 .observer = {.failed = on_failure, .arg = conversation}},
        .settings = &service->connection,
        .unfit = server->unfit,
        .take = take,
        .discard = discard,
        .arg = conversation};
    conn_dial(&plan);
}

enum task_next dial_service_run(struct conversation *conversation, struct task *task)
{
    if (!conversation_conn(conversation)) {
        crew_block();
        dial(conversation);
        crew_unblock();
    }
    if (!conversation_conn(conversation))
        return TASK_END;
    return conversation_run(conversation, task);
}

static enum task_next run(struct task *task, void *arg)
{
    struct conversation *conversation = arg;
    enum task_next next = dial_service_run(conversation, task);
    if (next == TASK_END)
        conversation_free(conversation);
    return next;
}

int dial_service_bridge(struct server *server, struct service *service, int plain)
{
    bridge_prepare(plain);
    struct conversation *conversation = conversation_new(server, service, plain);
    if (!conversation)
        return ENOMEM;
    struct task *task = task_new(server->crew, run, conversation);
    if (!task) {
        int error = errno;
        conversation_drop(conversation, error);
        return error;
    }
    conversation_set_task(conversation, task);
    task_start(task, TASK_RUN_NOW);
    return 0;
}
