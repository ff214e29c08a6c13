/* Creation and release of a connection, and information about it. */
#include "relay/lock.h"
#include "server/lib/conn_internal.h"
#include "server/lib/dial/address_text.h"
#include "server/lib/keepalive.h"
#include "server/lib/role.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* On the relay's thread. */
static void on_verdict(void *arg)
{
    actpass_conn *conn = arg;
    struct verdict verdict = relay_verdict(conn->relay);
    if (verdict.role == ROLE_NONE)
        conn_end_without_role(conn, &verdict);
    conn_notify_role(conn);
}

/* The socket is asked only if the caller does not know. */
static void note_peer(actpass_conn *conn, int fd)
{
    struct conn_options *options = &conn->options;
    struct sockaddr *peer = (struct sockaddr *)&options->peer;
    if (options->peer_size == 0) {
        socklen_t size = sizeof(options->peer);
        options->peer_size = getpeername(fd, peer, &size) == 0 ? size : 0;
    }
    if (!address_text(peer, options->peer_size, conn->peer_address, sizeof(conn->peer_address)))
        snprintf(conn->peer_address, sizeof(conn->peer_address), "unknown");
}

/* Returns false with errno after it has closed the socket. */
static bool watch_peer(const actpass_conn *conn, int fd)
{
    const struct config_keepalive *keepalive = &conn->config->connection.keepalive;
    int error = keepalive_is_on(keepalive, conn->options.dialer) ? keepalive_set(fd, keepalive) : 0;
    if (error == 0)
        return true;
    close(fd);
    errno = error;
    return false;
}

static struct relay *make_relay(actpass_conn *conn, int fd)
{
    const struct config_connection *settings = &conn->config->connection;
    struct relay_options options = conn->config->relay;
    options.transport = settings->transport == CONFIG_TRANSPORT_DIRECT ? RELAY_DIRECT : RELAY_PAIR;
    options.role = role_of_config(settings->role);
    options.hint = conn->options.hint;
    options.initial_data_timeout_ms = settings->initial_data_timeout_ms;
    int64_t max_ms = conn->options.max_wait_ms;
    if (max_ms > 0 &&
        (settings->initial_data_timeout_ms < 0 || max_ms < settings->initial_data_timeout_ms))
        options.initial_data_timeout_ms = max_ms;
    if (conn->options.socket == CONN_UNCONNECTED) {
        options.fast_open = conn->options.peer;
        options.fast_open_size = conn->options.peer_size;
    }
    options.handshake_timeout_ms = settings->handshake_timeout_ms;
    options.write_timeout_ms = settings->write_timeout_ms;
    options.threads = conn->config->threads;
    options.ring_pool = conn->config->ring_pool;
    options.on_verdict = on_verdict;
    options.arg = conn;
    return relay_new(fd, &options);
}

actpass_conn *conn_new(actpass_config *config, int fd, const struct conn_options *options)
{
    actpass_conn *conn = calloc(1, sizeof(*conn));
    int error = conn ? pthread_mutex_init(&conn->lock, NULL) : ENOMEM;
    if (error)
        goto out_conn;
    error = pthread_mutex_init(&conn->end_lock, NULL);
    if (error)
        goto out_lock;
    error = pthread_mutex_init(&conn->role_lock, NULL);
    if (error)
        goto out_end_lock;
    conn->config = actpass_config_hold(config);
    if (options)
        conn->options = *options;
    conn->connected = conn->options.socket == CONN_CONNECTED;
    conn->protocol = conn->cipher = conn->group = "";
    conn->hello_us = conn->handshake_us = conn->first_data_us = -1;
    conn->user_data = config->user_data;
    if (config->relay.served == RELAY_BY_CALLER)
        conn->mode = CONN_NONBLOCKING;
    note_peer(conn, fd);
    conn->relay = watch_peer(conn, fd) ? make_relay(conn, fd) : NULL;
    conn_wait_first(conn);
    if (conn->relay)
        return conn;
    error = errno;
    fd = -1; /* they have closed it */
    actpass_config_free(conn->config);
    pthread_mutex_destroy(&conn->role_lock);
out_end_lock:
    pthread_mutex_destroy(&conn->end_lock);
out_lock:
    pthread_mutex_destroy(&conn->lock);
out_conn:
    free(conn);
    if (fd >= 0)
        close(fd);
    errno = error;
    return NULL;
}

int conn_start(actpass_conn *conn)
{
    if (conn->config->relay.served == RELAY_BY_CALLER)
        return 0;
    return relay_start(conn->relay);
}

static bool is_name(const char *host)
{
    struct in6_addr number;
    return host && inet_pton(AF_INET, host, &number) != 1 &&
           inet_pton(AF_INET6, host, &number) != 1;
}

int conn_dialed(actpass_conn *conn, const char *address)
{
    struct config_address parsed;
    if (config_address_parse(address, &parsed))
        return EINVAL;
    bool named = is_name(parsed.host);
    conn->opened = true;
    conn->dialed = strdup(address);
    if (named)
        conn->dialed_name = strdup(parsed.host);
    config_address_free(&parsed);
    return conn->dialed && (conn->dialed_name || !named) ? 0 : ENOMEM;
}

const char *actpass_dialed_address(const actpass_conn *conn)
{
    return conn->dialed;
}

bool conn_was_connected(const actpass_conn *conn)
{
    return conn->connected;
}

int actpass_is_broken(actpass_conn *conn)
{
    return relay_is_broken(conn->relay);
}

bool conn_syn_refused(actpass_conn *conn)
{
    return relay_status(conn->relay).syn_sent && !relay_syn_data(conn->relay);
}

bool conn_address_busy(actpass_conn *conn)
{
    return !conn->connected && relay_status(conn->relay).error == EADDRNOTAVAIL;
}

void actpass_abort(actpass_conn *conn)
{
    relay_abort(conn->relay);
}

/* In this order: the relay releases the socket, then SSL is freed, then the relay (hazard 7). */
void actpass_free(actpass_conn *conn)
{
    if (!conn)
        return;
    if (conn->closing != CLOSING_DONE) {
        conn_fail(conn, ACTPASS_CANCELLED, "the connection was freed while it was open");
        relay_cancel(conn->relay);
        (void)actpass_close(conn);
    }
    if (conn->ssl)
        tls_context_done(conn->ssl);
    SSL_free(conn->ssl);
    relay_free(conn->relay);
    actpass_config_free(conn->config);
    free(conn->subject);
    free(conn->server_name);
    free(conn->early.data);
    peer_hello_free(&conn->hello);
    conn_drop_imported(conn);
    free(conn->dialed);
    free(conn->dialed_name);
    pthread_mutex_destroy(&conn->role_lock);
    pthread_mutex_destroy(&conn->end_lock);
    pthread_mutex_destroy(&conn->lock);
    free(conn);
}

struct ssl_st *actpass_ssl(actpass_conn *conn)
{
    if (!conn->handshaken)
        return NULL;
    if (conn->mode == CONN_BLOCKING)
        relay_set_blocking(conn->relay, conn->config->connection.idle_timeout_ms);
    conn->given = true;
    return conn->ssl;
}

actpass_end actpass_ended(const actpass_conn *conn)
{
    return conn->end;
}

const char *actpass_error(const actpass_conn *conn)
{
    return conn->end == ACTPASS_OPEN ? "" : conn->error.text;
}

static void fill_negotiated(actpass_conn *conn, actpass_info_t *info)
{
    lock_take(&conn->end_lock);
    info->protocol = conn->protocol;
    info->cipher = conn->cipher;
    info->alpn = conn->alpn[0] ? conn->alpn : ""; /* not the buffer if it may still be written */
    info->resumed = conn->resumed;
    info->syn_data = conn->syn_data;
    info->peer_subject = conn->subject ? conn->subject : "";
    info->peer_fingerprint = conn->fingerprint[0] ? conn->fingerprint : "";
    info->server_name = conn->server_name ? conn->server_name : "";
    info->group = conn->group;
    info->peer_ocsp = conn->ocsp ? conn->ocsp : "";
    lock_release(&conn->end_lock);
}

void actpass_info_sized(actpass_conn *conn, actpass_info_t *info, size_t size)
{
    struct verdict verdict = relay_verdict(conn->relay);
    struct relay_status status = relay_status(conn->relay);
    actpass_info_t all = {.role = (actpass_role)verdict.role,
                          .cause = (actpass_cause)verdict.cause,
                          .end = conn->end,
                          .peer_spoke_first = verdict.peer_spoke_first,
                          .first_byte_us = verdict.first_byte_us,
                          .decided_us = verdict.decided_us,
                          .received = status.received,
                          .sent = status.sent,
                          .peer_address = conn->peer_address,
                          .hello_us = conn->hello_us,
                          .handshake_us = conn->handshake_us,
                          .first_data_us = conn->first_data_us};
    fill_negotiated(conn, &all);
    memset(info, 0, size);
    memcpy(info, &all, size < sizeof(all) ? size : sizeof(all));
}

/* The public enumeration and the relay's are the same list. */
_Static_assert((int)ACTPASS_CAUSE_CLIENT_HELLO == (int)CAUSE_CLIENT_HELLO &&
                   (int)ACTPASS_CAUSE_HINT == (int)CAUSE_HINT,
               "causes");

const char *actpass_role_name(actpass_role role)
{
    return role_name((enum role)role);
}

const char *actpass_cause_name(actpass_cause cause)
{
    return cause_name((enum cause)cause);
}

const char *actpass_end_name(actpass_end end)
{
    static const char *const names[] = {"OPEN",      "CLEAN",    "TRUNCATED", "RESET", "TIMEOUT",
                                        "CANCELLED", "PROTOCOL", "REFUSED",   "UNUSED"};
    return (unsigned)end < sizeof(names) / sizeof(*names) ? names[end] : "OPEN";
}
