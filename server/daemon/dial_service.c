#include "server/daemon/dial_service.h"

#include "relay/clock.h"
#include "server/daemon/admin/stats.h"
#include "server/daemon/handlers/bridge.h"
#include "server/daemon/preface/preface.h"
#include "server/lib/dial/fast_open_system.h"
#include "server/lib/dial/steps.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>

static void note(const struct conversation *conversation, enum stats_event event)
{
    stats_count(conversation_service(conversation)->stats, event);
}

static void on_failure(void *arg, const char *address, const char *why)
{
    const struct conversation *conversation = arg;
    note(conversation, STATS_ADDRESS_FAILED);
    report_dial_failed(conversation_report(conversation), address, why);
}

/* A collector that has gone is forgotten after `expire`: to dial it for longer helps nobody. */
static bool expires_first(const struct config_service *config)
{
    return config_shares(config) && config->share.expire_ms < config->dial.connect_timeout_ms;
}

static struct dial dial_of(struct conversation *conversation)
{
    const struct config_service *config = conversation_service(conversation)->config;
    const struct config_dial *dial = &config->dial;
    bool expires = expires_first(config);
    int64_t timeout_ms = expires ? config->share.expire_ms : dial->connect_timeout_ms;
    size_t count;
    const struct config_address *addresses = conversation_addresses(conversation, &count);
    return (struct dial){.addresses = addresses,
                         .count = count,
                         .from = &dial->from,
                         .source = {.config = &dial->source},
                         .deadline_us = clock_deadline_ms(timeout_ms),
                         .limit_name = expires ? "expire" : "connect_timeout",
                         .lookup_flags = AI_ADDRCONFIG,
                         .wait = {.cancel_fd = conversation_server(conversation)->stopping_fd},
                         .observer = {.failed = on_failure, .arg = conversation}};
}

/* ---- With TCP Fast Open, whose handshake begins in the SYN, so the library dials: blocks -- */

static void on_failure_in_syn(const char *address, const char *why, void *arg)
{
    on_failure(arg, address, why);
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
    if (!conn && error == EHOSTUNREACH)
        note(conversation, STATS_DIAL_FAILED);
    if (conn || (error != EHOSTUNREACH && error != ECANCELED))
        conversation_take(conversation, conn, error);
}

static void dial_in_syn(struct conversation *conversation)
{
    size_t count;
    const struct config_address *addresses = conversation_addresses(conversation, &count);
    const char **texts = calloc(count, sizeof(texts[0]));
    for (size_t i = 0; texts && i < count; i++)
        texts[i] = addresses[i].text;
    if (texts)
        connect_in_syn(conversation, texts, count);
    else
        conversation_take(conversation, NULL, ENOMEM);
    free(texts);
}

/* ---- Without: step by step ----------------------------------------------------------------- */

enum { PLACE = 0, LOOK_MS = 100 };

struct dialing {
    struct dial dial;
    struct sockaddr_storage client; /* of the local connection that is bridged */
    struct dial_steps steps;
    struct through through; /* if dial.through is set */
};

static void free_dialing(struct dialing *dialing)
{
    through_wipe(&dialing->through);
    free(dialing);
}

/* Sets the proxy, if there is one. Reads a file. Returns false after a report. */
static bool set_proxy(struct conversation *conversation, struct dialing *dialing)
{
    const struct config_dial *dial = &conversation_service(conversation)->config->dial;
    struct error_text error = {.text = ""};
    if (dial->through.proxy.kind == CONFIG_PROXY_NONE)
        return true;
    crew_block();
    bool loaded = through_load(&dialing->through, &dial->through, &error);
    crew_unblock();
    if (!loaded)
        on_failure(conversation, dialing->dial.addresses[0].text, error.text);
    dialing->dial.through = &dialing->through;
    return loaded;
}

/* Whose address is taken with "transparent". */
static void find_client(const struct conversation *conversation, struct dialing *dialing)
{
    socklen_t size = sizeof(dialing->client);
    int plain = conversation_plain(conversation);
    if (plain >= 0 && getpeername(plain, (struct sockaddr *)(void *)&dialing->client, &size) == 0)
        dialing->dial.source.client = &dialing->client;
}

/* NULL after a report: the conversation ends without a connection. */
static struct dialing *begin(struct conversation *conversation)
{
    struct dialing *dialing = calloc(1, sizeof(*dialing));
    if (!dialing) {
        report_dropped(conversation_report(conversation), ENOMEM);
        return NULL;
    }
    dialing->dial = dial_of(conversation);
    find_client(conversation, dialing);
    if (!set_proxy(conversation, dialing)) {
        free_dialing(dialing);
        return NULL;
    }
    steps_begin(&dialing->steps, &dialing->dial);
    *conversation_dialing(conversation) = dialing;
    return dialing;
}

/* Where the dial's descriptor cannot be watched, the task looks from time to time. */
static void wait_for_dial(struct task *task, struct dial_steps *steps)
{
    struct pollfd own;
    int64_t until_us = steps_wait(steps, &own);
    int64_t look_us = clock_deadline_ms(LOOK_MS);
    bool watched = task_watch(task, PLACE, own.fd, (uint32_t)(unsigned short)own.events) == 0;
    task_deadline(task, watched || until_us < look_us ? until_us : look_us);
}

/* The descriptor that was watched is the winner's or the race's set, which are open, and if nothing
 * has won perhaps that of an attempt that failed: closed, and its number may be another task's. */
static void end(struct conversation *conversation, struct task *task, int winner)
{
    struct dialing *dialing = *conversation_dialing(conversation);
    if (winner >= 0)
        (void)task_watch(task, PLACE, -1, 0);
    else
        task_forget(task, PLACE);
    steps_end(&dialing->steps, ECANCELED);
    free_dialing(dialing);
    *conversation_dialing(conversation) = NULL;
}

static enum race_result step(const struct conversation *conversation, struct dialing *dialing,
                             struct candidate *winner, int *fd)
{
    enum race_result result = steps_go(&dialing->steps, winner, fd);
    if (result == RACE_FAILED)
        note(conversation, STATS_DIAL_FAILED);
    return result;
}

/* TASK_END: it does not dial any more, and the conversation has its connection or has none. */
static enum task_next dial_step(struct conversation *conversation, struct task *task)
{
    struct candidate winner;
    struct dialing *dialing = *conversation_dialing(conversation);
    int fd = -1;
    if (!dialing)
        dialing = begin(conversation);
    if (!dialing)
        return TASK_END;
    if (!conversation_is_stopping(conversation) &&
        step(conversation, dialing, &winner, &fd) == RACE_WAITS) {
        wait_for_dial(task, &dialing->steps);
        return TASK_WAIT;
    }
    end(conversation, task, fd);
    if (fd >= 0)
        conversation_connect(conversation, fd, winner.of->text);
    return TASK_END;
}

/* ---- The task ------------------------------------------------------------------------------ */

static enum task_next dial(struct conversation *conversation, struct task *task)
{
    const struct config_service *service = conversation_service(conversation)->config;
    if (service->dial.through.proxy.kind != CONFIG_PROXY_NONE || preface_is_wanted(service, NULL) ||
        !fast_open_wanted(&service->connection))
        return dial_step(conversation, task);
    crew_block();
    dial_in_syn(conversation);
    crew_unblock();
    return TASK_END;
}

enum task_next dial_service_run(struct conversation *conversation, struct task *task)
{
    if (!conversation_has_socket(conversation) && dial(conversation, task) == TASK_WAIT)
        return TASK_WAIT;
    if (!conversation_has_socket(conversation))
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
