/* A conversation whose connection we dial: where to, what for, and what it makes of the socket. */
#include "server/daemon/conversation.h"

#include "relay/clock.h"
#include "server/daemon/conversation_internal.h"
#include "server/daemon/fleet/errand.h"
#include "server/daemon/preface/preface.h"

void conversation_keep(struct conversation *conversation, const struct conversation_kept *kept)
{
    conversation->kept = kept;
}

const struct config_address *conversation_addresses(const struct conversation *conversation,
                                                    size_t *count)
{
    const struct config_dial *dial = &conversation->service->config->dial;
    if (conversation->errand) {
        *count = 1;
        return &conversation->errand->to;
    }
    *count = conversation->kept ? conversation->kept->count : dial->address_count;
    return dial->addresses + (conversation->kept ? conversation->kept->address : 0);
}

void **conversation_dialing(struct conversation *conversation)
{
    return &conversation->dialing;
}

void conversation_set_errand(struct conversation *conversation, const struct errand *errand)
{
    conversation->errand = errand;
}

const struct errand *conversation_errand(const struct conversation *conversation)
{
    return conversation->errand;
}

static void begin_dialed(struct conversation *conversation)
{
    actpass_conn *conn = conversation_of(conversation);
    bool kept = config_dial_is_kept(&conversation->service->config->dial);
    report_connected(&conversation->report, kept ? CONFIG_LOG_INFO : CONFIG_LOG_DEBUG,
                     actpass_dialed_address(conn));
    /* A stop before this connection was in the registry has not aborted it. */
    if (atomic_load(&conversation->server->stops) > 0)
        actpass_abort(conn);
    (void)actpass_set_nonblocking(conn, 1); /* fails only after actpass_close */
}

static void note_dialed(struct conversation *conversation)
{
    conversation->report.dialed = true;
    atomic_fetch_add(&conversation->server->counters.dialed, 1);
    stats_count(conversation->service->stats, STATS_DIALED);
}

void conversation_make_dialed(struct conversation *conversation, int fd, const char *address)
{
    actpass_accept_options options = {.socket = ACTPASS_SOCKET_PREPARED, .dialed = address};
    int error = conversation_make(conversation, fd, &options);
    if (error != 0)
        conversation_note_dropped(conversation, error);
    else
        begin_dialed(conversation);
}

void conversation_connect(struct conversation *conversation, int fd, const char *address)
{
    note_dialed(conversation);
    if (!preface_is_wanted(conversation->service->config, NULL)) {
        conversation_make_dialed(conversation, fd, address);
        return;
    }
    int error = conversation_begin_preface(conversation, fd, NULL, address);
    if (error != 0)
        conversation_note_dropped(conversation, error);
}

void conversation_take(struct conversation *conversation, actpass_conn *conn, int error)
{
    note_dialed(conversation);
    if (!conn) {
        conversation_note_dropped(conversation, error);
        return;
    }
    conversation_attach(conversation, conn, clock_now_us());
    begin_dialed(conversation);
}
