#include "server/daemon/dialed.h"

#include "relay/clock.h"
#include "server/daemon/conversation.h"
#include "server/daemon/handlers/bridge.h"
#include "server/lib/dial/opening.h"

#include <errno.h>

/* One connection on its way. */
struct dialed {
    struct conversation *conversation;
    bool up; /* TLS is */
};

static void on_failure(void *arg, const char *address, const char *why)
{
    const struct dialed *dialed = arg;
    report_dial_failed(conversation_report(dialed->conversation), address, why);
}

static actpass_conn *shake_hands(void *arg, int fd, const struct candidate *to,
                                 const struct conn_options *options)
{
    struct dialed *dialed = arg;
    dialed->up = conversation_handshake(dialed->conversation, fd, to->of->text, options);
    return conversation_conn(dialed->conversation);
}

static void discard(void *arg)
{
    const struct dialed *dialed = arg;
    conversation_detach(dialed->conversation);
}

static void dial_and_shake_hands(struct dialed *dialed)
{
    const actpass_server *server = conversation_server(dialed->conversation);
    const struct config_service *service = conversation_service(dialed->conversation)->config;
    struct opening opening = {.dial = {.addresses = service->dial.addresses,
                                       .count = service->dial.address_count,
                                       .from = &service->dial.from,
                                       .timeout_ms = service->dial.connect_timeout_ms,
                                       .cancel_fd = server->stopping_fd,
                                       .ear = {.failed = on_failure, .arg = dialed}},
                              .unfit = server->unfit,
                              .shake_hands = shake_hands,
                              .discard = discard,
                              .arg = dialed};
    if (opening_wants_fast_open(&service->connection)) {
        opening_in_turn(&opening);
        return;
    }
    struct conn_options options = {0};
    struct candidate to;
    int fd = dial_connect(&opening.dial, &to);
    if (fd >= 0)
        (void)shake_hands(dialed, fd, &to, &options);
}

static int64_t run(struct conversation *conversation)
{
    struct dialed dialed = {.conversation = conversation};
    dial_and_shake_hands(&dialed);
    if (!conversation_conn(conversation)) {
        conversation_give_up(conversation);
        return -1;
    }
    int64_t up_us = clock_now_us();
    conversation_finish(conversation, dialed.up);
    return dialed.up ? (clock_now_us() - up_us) / 1000 : -1;
}

static void bridge(void *arg)
{
    (void)run(arg);
}

int dialed_begin(actpass_server *server, struct service *service, int plain)
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

int64_t dialed_once(actpass_server *server, struct service *service)
{
    struct conversation *conversation = conversation_new(server, service, -1);
    return !conversation ? -1 : run(conversation);
}
