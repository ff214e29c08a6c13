/* Connections of sockets that the caller gives us. */
#include "server/lib/conn_internal.h"
#include "server/lib/role.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The first recv shows whether it is connected: one that was reset looks the same here. */
static bool is_stream_socket(int fd)
{
    int type = 0;
    socklen_t length = sizeof(type);
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM;
}

/* Small records do not wait (hazard 44). Fails on a unix socket, where none does. */
static void send_at_once(int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static bool translate(actpass_config *config, const actpass_accept_options *from,
                      struct conn_options *to)
{
    if ((unsigned)from->hint > ACTPASS_ROLE_CLIENT || from->max_wait_ms < 0) {
        settings_fail(config, "the options: a hint is auto, server or client, and max_wait_ms must "
                              "not be negative");
        return false;
    }
    if (from->peer && from->peer_size > sizeof(to->peer)) {
        settings_fail(config, "the options: the peer's address is too large");
        return false;
    }
    struct config_address dialed = {.text = NULL};
    const char *wrong = from->dialed ? config_address_parse(from->dialed, &dialed) : NULL;
    config_address_free(&dialed);
    if (wrong) {
        settings_fail(config, "%s: %s", from->dialed, wrong);
        return false;
    }
    to->dialer = from->dialed ? CONFIG_WE_DIAL : CONFIG_PEER_DIALS;
    to->hint = role_of_public(from->hint);
    to->max_wait_ms = from->max_wait_ms;
    if (from->peer) {
        memcpy(&to->peer, from->peer, from->peer_size);
        to->peer_size = from->peer_size;
    }
    return true;
}

/* Are the socket, the options and the configuration fit? */
static bool is_fit(actpass_config *config, int fd, const actpass_accept_options *from,
                   struct conn_options *to)
{
    bool known = from->socket == ACTPASS_SOCKET_PREPARED;
    if (!known && !is_stream_socket(fd)) {
        settings_fail(config,
                      "the descriptor is not a stream socket: give a connected TCP or unix one");
        return false;
    }
    if (!known)
        send_at_once(fd);
    return translate(config, from, to) && settings_use(config, to->dialer);
}

/* Returns 0, or an errno. */
static int begin(actpass_conn *conn, const char *dialed)
{
    int error = dialed ? conn_dialed(conn, dialed) : 0;
    return error ? error : conn_start(conn);
}

static actpass_conn *make(actpass_config *config, int fd, const struct conn_options *options,
                          const char *dialed)
{
    actpass_conn *conn = conn_new(config, fd, options);
    int error = conn ? begin(conn, dialed) : errno;
    if (!error)
        return conn;
    settings_fail(config, "the connection could not be set up: %s", strerror(error));
    actpass_free(conn);
    errno = error;
    return NULL;
}

static actpass_conn *accept_with(actpass_config *config, int fd, const actpass_accept_options *from)
{
    struct conn_options options = {.hint = ROLE_AUTO};
    if (is_fit(config, fd, from, &options))
        return make(config, fd, &options, from->dialed);
    if (fd >= 0)
        close(fd);
    errno = EINVAL;
    return NULL;
}

actpass_conn *actpass_accept_sized(actpass_config *config, int fd,
                                   const actpass_accept_options *options, size_t size)
{
    actpass_accept_options all = {.socket = ACTPASS_SOCKET_UNKNOWN};
    memcpy(&all, options, size < sizeof(all) ? size : sizeof(all));
    return accept_with(config, fd, &all);
}

actpass_conn *actpass_accept_fd(actpass_config *config, int fd)
{
    return accept_with(config, fd, &(actpass_accept_options){.socket = ACTPASS_SOCKET_UNKNOWN});
}
