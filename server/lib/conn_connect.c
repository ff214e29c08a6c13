/* actpass_connect and its variants. */
#include "relay/clock.h"
#include "server/lib/conn_cancel.h"
#include "server/lib/conn_dial.h"
#include "server/lib/conn_internal.h"
#include "server/lib/dial/through.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

struct caller {
    actpass_config *config;
    const actpass_connect_options *options;
    struct config_address *addresses; /* options->count of them */
    actpass_conn *conn;
    int error; /* errno for the caller, if there is no connection */
};

/* The last failure overwrites the earlier ones. An only address is called as it was given. */
static void note_failure(void *arg, const char *address, const char *why)
{
    const struct caller *caller = arg;
    const actpass_connect_options *options = caller->options;
    settings_fail(caller->config, "cannot connect to %s: %s",
                  options->count == 1 ? options->addresses[0] : address, why);
    if (options->failed)
        options->failed(address, why, options->arg);
}

static void shake_hands(struct caller *caller)
{
    struct cancellable item = {.conn = caller->conn};
    cancel_add(caller->options->cancel, &item);
    (void)actpass_handshake(caller->conn); /* actpass_handshake returns the same again */
    cancel_remove(caller->options->cancel, &item);
}

static void discard(void *arg)
{
    struct caller *caller = arg;
    actpass_free(caller->conn);
    caller->conn = NULL;
}

/* With Fast Open the handshake makes the TCP connection; actpass_handshake then returns its result.
 */
static actpass_conn *take(void *arg, int fd, const struct candidate *to,
                          const struct conn_options *options)
{
    struct caller *caller = arg;
    caller->conn = conn_new(caller->config, fd, options);
    int error = caller->conn ? 0 : errno;
    if (caller->conn) {
        caller->conn->mode = CONN_BLOCKING;
        error = conn_dialed(caller->conn, to->of->text);
        if (!error)
            error = conn_start(caller->conn);
    }
    if (error) { /* else what open_connection assumes is true if the attempt is discarded */
        caller->error = error;
        settings_fail(caller->config, "the connection could not be set up: %s", strerror(error));
        discard(caller);
    } else if (options->socket == CONN_UNCONNECTED) {
        shake_hands(caller);
    }
    return caller->conn;
}

static void dial_now(struct caller *caller, const struct through *through)
{
    const struct conn_dial plan = {
        .dial = {.addresses = caller->addresses,
                 .count = caller->options->count,
                 .from = &caller->config->dial_from,
                 .source = {.config = &caller->config->dial_source},
                 .through = through,
                 .deadline_us = clock_deadline_ms(caller->config->connect_timeout_ms),
                 .limit_name = "connect_timeout",
                 .lookup_flags = AI_ADDRCONFIG,
                 .wait = {.cancel_fd = cancel_fd(caller->options->cancel)},
                 .observer = {.failed = note_failure, .arg = caller}},
        .settings = &caller->config->connection,
        .unfit = caller->config->unfit,
        .take = take,
        .discard = discard,
        .arg = caller};
    caller->error = EHOSTUNREACH;
    conn_dial(&plan);
}

static void dial_through(struct caller *caller, const struct config_through *config)
{
    struct through through;
    struct error_text error = {.text = ""};
    bool loaded = through_load(&through, config, &error);
    if (loaded)
        dial_now(caller, &through);
    else
        caller->error = EACCES;
    if (!loaded)
        settings_fail(caller->config, "dial_through_auth: %s", error.text);
    through_wipe(&through);
}

static void open_connection(struct caller *caller)
{
    const struct config_through *through = &caller->config->through;
    if (through->proxy.kind == CONFIG_PROXY_NONE)
        dial_now(caller, NULL);
    else
        dial_through(caller, through);
}

/* A connection whose handshake was cancelled is none. */
static void end_cancelled(struct caller *caller)
{
    if (!cancel_is_set(caller->options->cancel))
        return;
    if (caller->conn && actpass_ended(caller->conn) == ACTPASS_CANCELLED)
        discard(caller);
    if (caller->conn)
        return;
    settings_fail(caller->config, "cannot connect to %s: it was cancelled",
                  caller->options->addresses[0]);
    caller->error = ECANCELED;
}

/* Returns 0, or an errno. */
static int parse_addresses(struct caller *caller)
{
    const actpass_connect_options *options = caller->options;
    caller->addresses = calloc(options->count + 1, sizeof(caller->addresses[0])); /* never of 0 */
    if (!caller->addresses) {
        settings_fail(caller->config, "out of memory for addresses");
        return ENOMEM;
    }
    for (size_t i = 0; i < options->count; i++) {
        const char *wrong = config_address_parse(options->addresses[i], &caller->addresses[i]);
        if (!wrong && caller->config->through.proxy.kind != CONFIG_PROXY_NONE)
            wrong = config_proxy_wrong_target(&caller->addresses[i]);
        if (wrong) {
            settings_fail(caller->config, "%s: %s", options->addresses[i], wrong);
            return EINVAL;
        }
    }
    if (options->count == 0)
        settings_fail(caller->config, "there is no address to connect to");
    return options->count > 0 ? 0 : EINVAL;
}

static void free_addresses(struct caller *caller)
{
    for (size_t i = 0; caller->addresses && i < caller->options->count; i++)
        config_address_free(&caller->addresses[i]);
    free(caller->addresses);
}

static actpass_conn *connect_with(actpass_config *config, const actpass_connect_options *options)
{
    struct caller caller = {.config = config, .options = options};
    caller.error = settings_use(config, CONFIG_WE_DIAL) ? parse_addresses(&caller) : EINVAL;
    if (!caller.error) {
        if (!cancel_is_set(options->cancel))
            open_connection(&caller);
        end_cancelled(&caller);
    }
    free_addresses(&caller);
    if (!caller.conn)
        errno = caller.error;
    return caller.conn;
}

actpass_conn *actpass_connect_sized(actpass_config *config, const actpass_connect_options *options,
                                    size_t size)
{
    actpass_connect_options all = {.count = 0};
    memcpy(&all, options, size < sizeof(all) ? size : sizeof(all));
    return connect_with(config, &all);
}

actpass_conn *actpass_connect_with(actpass_config *config, const char *text, actpass_cancel *cancel)
{
    const actpass_connect_options options = {.addresses = &text, .count = 1, .cancel = cancel};
    return connect_with(config, &options);
}

actpass_conn *actpass_connect(actpass_config *config, const char *text)
{
    return actpass_connect_with(config, text, NULL);
}
