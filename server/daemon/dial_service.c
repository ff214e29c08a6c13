#include "server/daemon/dial_service.h"

#include "relay/clock.h"
#include "server/daemon/handlers/bridge.h"
#include "server/lib/dial/dial.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>

static void note_failure(const struct conversation *conversation, const char *address,
                         const char *why)
{
    report_dial_failed(conversation_report(conversation), address, why);
}

/* ---- With TCP Fast Open ---------------------------------------------------------------------- */

/* The handshake begins in the SYN, so the library dials, too. A fixed role needs no hint. */
static bool dials_in_syn(const struct config_connection *connection)
{
    return connection->tcp_fast_open && connection->role == CONFIG_ROLE_CLIENT;
}

static void on_failure_in_syn(const char *address, const char *why, void *arg)
{
    note_failure(arg, address, why);
}

static void connect_in_syn(struct conversation *conversation, const char *const *addresses,
                           size_t count)
{
    actpass_config *settings = service_settings(conversation_service(conversation));
    const actpass_connect_options options = {.addresses = addresses,
                                             .count = count,
                                             .cancel = conversation_server(conversation)->dialing,
                                             .failed = on_failure_in_syn,
                                             .arg = conversation};
    actpass_conn *conn = actpass_connect_to(settings, &options);
    int error = errno;
    actpass_config_free(settings);
    if (conn || (error != EHOSTUNREACH && error != ECANCELED))
        conversation_take(conversation, conn, error);
}

static void dial_in_syn(struct conversation *conversation)
{
    const struct config_dial *dial = &conversation_service(conversation)->config->dial;
    const char **addresses = calloc(dial->address_count, sizeof(addresses[0]));
    for (size_t i = 0; addresses && i < dial->address_count; i++)
        addresses[i] = dial->addresses[i].text;
    if (addresses)
        connect_in_syn(conversation, addresses, dial->address_count);
    else
        conversation_take(conversation, NULL, ENOMEM);
    free(addresses);
}

/* ---- All dials ------------------------------------------------------------------------------- */

static void on_failure(void *arg, const char *address, const char *why)
{
    note_failure(arg, address, why);
}

static void dial_first_of(struct conversation *conversation)
{
    struct candidate winner;
    const struct config_dial *config = &conversation_service(conversation)->config->dial;
    const struct dial dial = {.addresses = config->addresses,
                              .count = config->address_count,
                              .from = &config->from,
                              .deadline_us = clock_deadline_ms(config->connect_timeout_ms),
                              .limit_name = "connect_timeout",
                              .lookup_flags = AI_ADDRCONFIG,
                              .wait = {.cancel_fd = conversation_server(conversation)->stopping_fd},
                              .observer = {.failed = on_failure, .arg = conversation}};
    int fd = dial_first(&dial, &winner);
    if (fd >= 0)
        conversation_connect(conversation, fd, winner.of->text);
}

static void dial(struct conversation *conversation)
{
    if (dials_in_syn(&conversation_service(conversation)->config->connection))
        dial_in_syn(conversation);
    else
        dial_first_of(conversation);
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
