#include "server/daemon/dial_service.h"

#include "relay/clock.h"
#include "server/daemon/conversation.h"
#include "server/daemon/handlers/bridge.h"
#include "server/lib/conn_dial.h"

#include <errno.h>
#include <netdb.h>

/* One connection on its way. */
struct dial_service {
    struct conversation *conversation;
    bool up; /* TLS is */
};

static void on_failure(void *arg, const char *address, const char *why)
{
    const struct dial_service *dial = arg;
    report_dial_failed(conversation_report(dial->conversation), address, why);
}

static actpass_conn *shake_hands(void *arg, int fd, const struct candidate *to,
                                 const struct conn_options *options)
{
    struct dial_service *dial = arg;
    dial->up = conversation_handshake(dial->conversation, fd, to->of->text, options);
    return conversation_conn(dial->conversation);
}

static void discard(void *arg)
{
    const struct dial_service *dial = arg;
    conversation_detach(dial->conversation);
}

static void dial_and_shake_hands(struct dial_service *dial)
{
    const struct server *server = conversation_server(dial->conversation);
    const struct config_service *service = conversation_service(dial->conversation)->config;
    const struct conn_dial plan = {
        .dial = {.addresses = service->dial.addresses,
                 .count = service->dial.address_count,
                 .from = &service->dial.from,
                 .deadline_us = clock_deadline_ms(service->dial.connect_timeout_ms),
                 .limit_name = "connect_timeout",
                 .lookup_flags = AI_ADDRCONFIG,
                 .wait = {.cancel_fd = server->stopping_fd},
                 .observer = {.failed = on_failure, .arg = dial}},
        .settings = &service->connection,
        .unfit = server->unfit,
        .take = shake_hands,
        .discard = discard,
        .arg = dial};
    conn_dial(&plan);
}

static int64_t run(struct conversation *conversation)
{
    struct dial_service dial = {.conversation = conversation};
    dial_and_shake_hands(&dial);
    if (!conversation_conn(conversation)) {
        conversation_give_up(conversation);
        return -1;
    }
    int64_t up_us = clock_now_us();
    conversation_finish(conversation, dial.up);
    return dial.up ? (clock_now_us() - up_us) / 1000 : -1;
}

static void bridge(void *arg)
{
    (void)run(arg);
}

int dial_service_bridge(struct server *server, struct service *service, int plain)
{
    bridge_prepare(plain);
    struct conversation *conversation = conversation_new(server, service, plain);
    if (!conversation)
        return ENOMEM;
    int error = threads_run(server->conversations, bridge, conversation);
    if (error != 0)
        conversation_drop(conversation, error);
    return error;
}

int64_t dial_service_once(struct server *server, struct service *service)
{
    struct conversation *conversation = conversation_new(server, service, -1);
    return !conversation ? -1 : run(conversation);
}
