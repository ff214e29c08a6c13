#include "server/dialing/dialed.h"

#include "relay/clock.h"
#include "server/conversation.h"
#include "server/dialing/connect.h"
#include "server/dialing/fast_open.h"
#include "server/services/bridge.h"

#include <errno.h>
#include <string.h>

/* One connection on its way. */
struct dialed {
    struct conversation *conversation;
    struct dial dial;
    int64_t deadline_us;
    bool up; /* TLS is */
};

static void on_failure(void *arg, const char *address, const char *why)
{
    const struct dialed *dialed = arg;
    report_dial_failed(conversation_report(dialed->conversation), address, why);
}

static void begin(struct dialed *dialed, struct conversation *conversation)
{
    const struct config_dial *config = &conversation_service(conversation)->config->dial;
    *dialed = (struct dialed){.conversation = conversation,
                              .deadline_us = clock_deadline_ms(config->connect_timeout_ms)};
    dialed->dial = (struct dial){.addresses = config->addresses,
                                 .count = config->address_count,
                                 .from = &config->from,
                                 .timeout_ms = config->connect_timeout_ms,
                                 .cancel_fd = conversation_server(conversation)->stopping_fd,
                                 .ear = {.failed = on_failure, .arg = dialed}};
}

static void go_on(struct dialed *dialed, int fd, const struct candidate *to)
{
    struct conn_options options = {0};
    if (fd >= 0) {
        dialed->up = conversation_handshake(dialed->conversation, fd, to->of->text, &options);
    }
}

/* ---- With the first flight in the SYN ------------------------------------------------------ */

static bool wants_fast_open(const struct config_connection *connection)
{
    return connection->tcp_fast_open && connection->role == CONFIG_ROLE_CLIENT &&
           connection->transport == CONFIG_TRANSPORT_RELAY;
}

/* SYN data that got lost is the path's doing. With no connection at all the peer may just be away; but where
 * there was not even an answer, the next attempt had better be an ordinary one. */
static void judge_path(struct dialed *dialed, const struct candidate *to)
{
    actpass_conn *conn = conversation_conn(dialed->conversation);
    bool silent = !conn_was_connected(conn) && actpass_ended(conn) == ACTPASS_TIMEOUT;
    if (conn_syn_refused(conn) && (silent || conn_was_connected(conn))) {
        fast_open_note_unfit(conversation_server(dialed->conversation)->unfit, to);
    }
}

static bool open_plainly(struct dialed *dialed, const struct candidate *to)
{
    dialed->dial.timeout_ms = (dialed->deadline_us - clock_now_us()) / 1000;
    int fd = dial_one(&dialed->dial, to);
    go_on(dialed, fd, to);
    return fd >= 0;
}

/* True: there is a connection, whatever came of it, or there can be none now. */
static bool open_with_syn_data(struct dialed *dialed, const struct candidate *to)
{
    struct conn_options options = {.fast_open = to->address,
                                   .fast_open_size = to->size,
                                   .connect_deadline_us = dialed->deadline_us};
    char address[160];
    candidate_print(to, address, sizeof(address));
    int fd = dial_socket(&dialed->dial, to);
    if (fd < 0) {
        return false;
    }
    dialed->up = conversation_handshake(dialed->conversation, fd, to->of->text, &options);
    actpass_conn *conn = conversation_conn(dialed->conversation);
    if (conn == NULL) {
        return true;
    }
    judge_path(dialed, to);
    if (conn_was_connected(conn)) {
        return true;
    }
    bool busy = conn_address_busy(conn);
    if (!busy) {
        on_failure(dialed, address, actpass_error(conn));
    }
    conversation_detach(dialed->conversation);
    return busy && open_plainly(dialed, to); /* which waits for it */
}

/* One address after the other: a race would put the ClientHello into several SYNs. */
static void open_in_turn(struct dialed *dialed)
{
    const actpass_server *server = conversation_server(dialed->conversation);
    struct candidates candidates;
    struct candidate to;
    bool done = false;
    candidates_begin(&candidates, dialed->dial.addresses, dialed->dial.count);
    while (!done && clock_now_us() < dialed->deadline_us &&
           !dial_is_cancelled(dialed->dial.cancel_fd) &&
           candidates_next(&candidates, &dialed->dial.ear, &to)) {
        done = fast_open_is_fit(server->unfit, &to) ? open_with_syn_data(dialed, &to)
                                                    : open_plainly(dialed, &to);
    }
    candidates_end(&candidates);
}

/* ---- All of it ----------------------------------------------------------------------------- */

static int64_t run(struct conversation *conversation)
{
    struct dialed dialed;
    begin(&dialed, conversation);
    if (wants_fast_open(&conversation_service(conversation)->config->connection)) {
        open_in_turn(&dialed);
    } else {
        struct candidate to;
        int fd = dial_connect(&dialed.dial, &to);
        go_on(&dialed, fd, &to);
    }
    if (conversation_conn(conversation) == NULL) {
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
    if (conversation == NULL) {
        return ENOMEM;
    }
    int error = threads_run(server->conversations, bridge, conversation);
    if (error != 0) {
        conversation_drop(conversation, error);
    }
    return error;
}

int64_t dialed_once(actpass_server *server, struct service *service)
{
    struct conversation *conversation = conversation_new(server, service, -1);
    return conversation == NULL ? -1 : run(conversation);
}
