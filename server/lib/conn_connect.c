/* actpass_connect. */
#include "relay/clock.h"
#include "server/lib/conn_dial.h"
#include "server/lib/fast_open.h"
#include "server/lib/settings.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

struct caller {
    actpass_config *config;
    const char *address; /* as the caller wrote it */
    actpass_conn *conn;
};

/* The last one stays. */
static void note_failure(void *arg, const char *address, const char *why)
{
    const struct caller *caller = arg;
    (void)address;
    settings_fail(caller->config, "cannot connect to %s: %s", caller->address, why);
}

static actpass_conn *make(void *arg, int fd, const struct candidate *to,
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
    }
    return caller->conn;
}

static actpass_conn *make_and_shake_hands(void *arg, int fd, const struct candidate *to,
                                          const struct conn_options *options)
{
    actpass_conn *conn = make(arg, fd, to, options);
    if (conn)
        (void)actpass_handshake(conn); /* asked again, it says the same */
    return conn;
}

static void discard(void *arg)
{
    struct caller *caller = arg;
    actpass_free(caller->conn);
    caller->conn = NULL;
}

static void open_connection(struct caller *caller, const struct config_address *address)
{
    struct conn_dial plan = {
        .dial = {.addresses = address,
                 .count = 1,
                 .from = &caller->config->dial_from,
                 .deadline_us = clock_deadline_ms(caller->config->connect_timeout_ms),
                 .limit_name = "connect_timeout",
                 .lookup_flags = AI_ADDRCONFIG,
                 .wait = {.cancel_fd = -1},
                 .ear = {.failed = note_failure, .arg = caller}},
        .unfit = caller->config->unfit,
        .shake_hands = make_and_shake_hands,
        .discard = discard,
        .arg = caller};
    if (fast_open_wanted(&caller->config->connection)) {
        conn_dial_in_turn(&plan);
        return;
    }
    struct conn_options options = {0};
    struct candidate to;
    int fd = dial_first(&plan.dial, &to);
    if (fd >= 0)
        (void)make(caller, fd, &to, &options);
}

actpass_conn *actpass_connect(actpass_config *config, const char *text)
{
    struct config_address address;
    struct caller caller = {.config = config, .address = text};
    if (!settings_use(config, CONFIG_WE_OPEN))
        return NULL;
    const char *wrong = config_address_parse(text, &address);
    if (wrong) {
        settings_fail(config, "%s: %s", text, wrong);
        return NULL;
    }
    open_connection(&caller, &address);
    config_address_free(&address);
    return caller.conn;
}
