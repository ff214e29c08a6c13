/* actpass_connect and actpass_connect_with. */
#include "relay/clock.h"
#include "server/lib/conn_cancel.h"
#include "server/lib/conn_dial.h"
#include "server/lib/settings.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

struct caller {
    actpass_config *config;
    const char *address;    /* as the caller wrote it */
    actpass_cancel *cancel; /* NULL: none */
    actpass_conn *conn;
};

/* The last failure overwrites the earlier ones. */
static void note_failure(void *arg, const char *address, const char *why)
{
    const struct caller *caller = arg;
    (void)address;
    settings_fail(caller->config, "cannot connect to %s: %s", caller->address, why);
}

static void shake_hands(struct caller *caller)
{
    struct cancellable item = {.conn = caller->conn};
    cancel_add(caller->cancel, &item);
    (void)actpass_handshake(caller->conn); /* actpass_handshake returns the same again */
    cancel_remove(caller->cancel, &item);
}

/* With Fast Open the handshake makes the TCP connection; actpass_handshake then returns its result.
 */
static actpass_conn *take(void *arg, int fd, const struct candidate *to,
                          const struct conn_options *options)
{
    struct caller *caller = arg;
    (void)to;
    caller->conn = conn_new(caller->config, fd, options);
    int error = caller->conn ? 0 : errno;
    if (!error) {
        conn_dialed(caller->conn, caller->address);
        error = conn_start(caller->conn);
    }
    if (error) {
        settings_fail(caller->config, "the connection could not be set up: %s", strerror(error));
        actpass_free(caller->conn);
        caller->conn = NULL;
    } else if (options->fast_open_size > 0) {
        shake_hands(caller);
    }
    return caller->conn;
}

static void discard(void *arg)
{
    struct caller *caller = arg;
    actpass_free(caller->conn);
    caller->conn = NULL;
}

static void open_connection(struct caller *caller, const struct config_address *address)
{
    const struct conn_dial plan = {
        .dial = {.addresses = address,
                 .count = 1,
                 .from = &caller->config->dial_from,
                 .deadline_us = clock_deadline_ms(caller->config->connect_timeout_ms),
                 .limit_name = "connect_timeout",
                 .lookup_flags = AI_ADDRCONFIG,
                 .wait = {.cancel_fd = cancel_fd(caller->cancel)},
                 .observer = {.failed = note_failure, .arg = caller}},
        .settings = &caller->config->connection,
        .unfit = caller->config->unfit,
        .take = take,
        .discard = discard,
        .arg = caller};
    conn_dial(&plan);
}

/* A connection whose handshake was cancelled is none. */
static void end_cancelled(struct caller *caller)
{
    if (!cancel_is_set(caller->cancel))
        return;
    if (caller->conn && actpass_ended(caller->conn) == ACTPASS_CANCELLED)
        discard(caller);
    if (!caller->conn)
        note_failure(caller, NULL, "it was cancelled");
}

actpass_conn *actpass_connect_with(actpass_config *config, const char *text, actpass_cancel *cancel)
{
    struct config_address address;
    struct caller caller = {.config = config, .address = text, .cancel = cancel};
    if (!settings_use(config, CONFIG_WE_DIAL))
        return NULL;
    const char *wrong = config_address_parse(text, &address);
    if (wrong) {
        settings_fail(config, "%s: %s", text, wrong);
        return NULL;
    }
    if (!cancel_is_set(cancel))
        open_connection(&caller, &address);
    end_cancelled(&caller);
    config_address_free(&address);
    return caller.conn;
}

actpass_conn *actpass_connect(actpass_config *config, const char *text)
{
    return actpass_connect_with(config, text, NULL);
}
