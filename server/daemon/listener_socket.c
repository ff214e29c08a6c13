#include "server/daemon/listener_socket.h"

#include "server/daemon/socket_file.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

/* Writes what is wrong and the remedy. */
static void explain(struct error_text *error, int failed)
{
    const char *remedy = "check the address and the system's limits";
    switch (failed) {
    case EADDRINUSE:
        remedy = "stop the program that listens there, or choose another address";
        break;
    case EADDRNOTAVAIL:
        remedy = "choose an address of this machine";
        break;
    case EACCES:
    case EPERM:
        remedy = "choose another address, or run with the rights it needs";
        break;
    case EMFILE:
    case ENFILE:
        remedy = "raise the limit on open files (ulimit -n)";
        break;
    case ENOENT:
    case ENOTDIR:
        remedy = "make the folder first";
        break;
    default:
        break;
    }
    (void)error_set(error, "%s: %s", strerror(failed), remedy);
}

static bool set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

bool listener_socket_prepare(int fd)
{
    return set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) &&
           set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

int listener_socket_backlog(const struct config_listen_options *options)
{
    return options->backlog > 0 && options->backlog <= INT_MAX ? (int)options->backlog : SOMAXCONN;
}

/* With V6ONLY "[::]" and "0.0.0.0" can both be used, whatever the system's default. */
static bool set_tcp_options(int fd, int family, const struct config_listen_options *options)
{
    return set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) && listener_socket_prepare(fd) &&
           (!options->reuse_port || set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
           (family != AF_INET6 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, options->v6only));
}

/* Returns 0, or an errno. */
static int bind_to(int fd, const struct sockaddr *where, socklen_t size,
                   const struct config_listen_options *options, struct error_text *error)
{
    if (where->sa_family == AF_UNIX)
        return socket_file_bind(fd, where, size, &options->file, error);
    return set_tcp_options(fd, where->sa_family, options) && bind(fd, where, size) == 0 ? 0 : errno;
}

int listener_socket_open(const struct sockaddr *where, socklen_t size,
                         const struct config_listen_options *options, struct error_text *error)
{
    error->text[0] = '\0';
    int fd = socket(where->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int failed = fd < 0 ? errno : bind_to(fd, where, size, options, error);
    if (failed == 0 && listen(fd, listener_socket_backlog(options)) != 0)
        failed = errno;
    if (failed == 0)
        return fd;
    if (error->text[0] == '\0')
        explain(error, failed);
    if (fd >= 0)
        close(fd);
    errno = failed;
    return -1;
}
