#include "server/daemon/listener.h"

#include "relay/clock.h"
#include "server/lib/dial/resolve.h"
#include "server/lib/dial/unix_address.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct listener {
    atomic_uint references;
    int fd;     /* -1: shut */
    char *path; /* of a unix socket, otherwise NULL */
    dev_t device;
    ino_t inode;
    int fast_open; /* the queue that was asked for */
    bool adopted;  /* connections may have come before its options were set */
    char address[sizeof(((struct sockaddr_un *)NULL)->sun_path) + INET6_ADDRSTRLEN];
};

/* Writes what is wrong and the remedy. Always returns false. */
static bool fail_errno(struct error_text *error, int failed)
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
    return error_set(error, "%s: %s", strerror(failed), remedy);
}

static int open_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int close_keeping_errno(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool set_option(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof(on)) == 0;
}

/* Accepted sockets inherit these from the listener (Linux), which saves calls. */
static bool set_connection_options(int fd)
{
    return set_option(fd, SOL_SOCKET, SO_KEEPALIVE) && set_option(fd, IPPROTO_TCP, TCP_NODELAY);
}

/* With V6ONLY "[::]" and "0.0.0.0" can both be used, whatever the system's default. */
static bool set_tcp_options(int fd, int family)
{
    return set_option(fd, SOL_SOCKET, SO_REUSEADDR) && set_connection_options(fd) &&
           (family != AF_INET6 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY));
}

static int bind_tcp(const struct addrinfo *where)
{
    int fd = open_socket(where->ai_family);
    if (fd < 0)
        return -1;
    if (!set_tcp_options(fd, where->ai_family) ||
        bind(fd, where->ai_addr, where->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0)
        return close_keeping_errno(fd);
    return fd;
}

static bool open_tcp(struct listener *listener, const struct config_address *address,
                     struct error_text *error)
{
    const struct dial_wait wait = {.cancel_fd = -1};
    struct addrinfo *found = NULL;
    const char *why = resolve_host(address->host, address->port, AI_PASSIVE, &wait,
                                   clock_deadline_ms(LISTENER_LOOKUP_MS), &found);
    if (why)
        return error_set(error, "%s: check the host name", why);
    listener->fd = bind_tcp(found);
    if (listener->fd < 0)
        (void)fail_errno(error, errno);
    freeaddrinfo(found);
    return listener->fd >= 0;
}

/* The address to which the socket is bound. */
static void name_bound(struct listener *listener)
{
    struct sockaddr_storage bound = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof(bound);
    char host[INET6_ADDRSTRLEN + 16] = "?"; /* room for a scope, too */
    char port[8] = "?";
    if (getsockname(listener->fd, (struct sockaddr *)&bound, &length) == 0) {
        if (bound.ss_family == AF_UNIX) {
            (void)snprintf(listener->address, sizeof(listener->address), "unix:%s",
                           ((struct sockaddr_un *)(void *)&bound)->sun_path);
            return;
        }
        (void)getnameinfo((struct sockaddr *)&bound, length, host, sizeof(host), port, sizeof(port),
                          NI_NUMERICHOST | NI_NUMERICSERV);
    }
    const char *format = strchr(host, ':') ? "[%s]:%s" : "%s:%s";
    (void)snprintf(listener->address, sizeof(listener->address), format, host, port);
}

/* Is this a socket's file on which no program listens any more? Only then may it be removed. */
static bool is_stale(const struct sockaddr_un *where)
{
    struct stat file;
    if (lstat(where->sun_path, &file) != 0 || !S_ISSOCK(file.st_mode))
        return false;
    int fd = open_socket(AF_UNIX);
    if (fd < 0)
        return false;
    bool refused =
        connect(fd, (const struct sockaddr *)where, sizeof(*where)) != 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static int bind_unix_once(const struct sockaddr_un *where)
{
    int fd = open_socket(AF_UNIX);
    if (fd < 0)
        return -1;
    /* The mode is set before the file is there, so nobody can connect in between; the process's
     * umask still takes away from it. */
    if (fchmod(fd, 0660) != 0 || bind(fd, (const struct sockaddr *)where, sizeof(*where)) != 0)
        return close_keeping_errno(fd);
    return fd;
}

static int bind_unix(const struct sockaddr_un *where)
{
    int fd = bind_unix_once(where);
    if (fd >= 0 || errno != EADDRINUSE)
        return fd;
    if (!is_stale(where) || unlink(where->sun_path) != 0) {
        errno = EADDRINUSE;
        return -1;
    }
    return bind_unix_once(where);
}

static bool open_unix(struct listener *listener, const struct config_address *address,
                      struct error_text *error)
{
    struct sockaddr_un where;
    if (!unix_address_make(address->path, &where))
        return error_set(error, "the path is longer than %d bytes: choose a shorter one",
                         UNIX_PATH_MAX_BYTES);
    listener->path = strdup(address->path);
    if (!listener->path)
        return error_set(error, "out of memory");
    listener->fd = bind_unix(&where);
    if (listener->fd < 0)
        return fail_errno(error, errno);
    struct stat file = {0};
    if (lstat(where.sun_path, &file) == 0) {
        listener->device = file.st_dev;
        listener->inode = file.st_ino;
    }
    if (listener->inode == 0 || listen(listener->fd, SOMAXCONN) != 0)
        return fail_errno(error, errno);
    return true;
}

static bool open_any(struct listener *listener, const struct config_address *address,
                     struct error_text *error)
{
    if (address->kind == CONFIG_ADDRESS_UNIX) {
        (void)snprintf(listener->address, sizeof(listener->address), "unix:%s", address->path);
        return open_unix(listener, address, error);
    }
    bool open = open_tcp(listener, address, error);
    if (open)
        name_bound(listener);
    return open;
}

static struct listener *new_listener(void)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    if (!listener)
        return NULL;
    atomic_init(&listener->references, 1);
    listener->fd = -1;
    return listener;
}

struct listener *listener_hold(struct listener *listener)
{
    atomic_fetch_add(&listener->references, 1);
    return listener;
}

struct listener *listener_open(const struct config_address *address, struct error_text *error)
{
    struct error_text why = {.text = ""};
    if (address->kind == CONFIG_ADDRESS_NONE) {
        (void)error_set(error, "there is no address to listen on");
        return NULL;
    }
    struct listener *listener = new_listener();
    bool open = listener ? open_any(listener, address, &why) : error_set(&why, "out of memory");
    if (!open) {
        (void)error_set(error, "cannot listen on %s: %s", address->text, why.text);
        listener_close(listener);
        return NULL;
    }
    return listener;
}

/* The same for a socket that we have not made: V6ONLY and the address are the manager's choice. */
static bool prepare_adopted(int fd)
{
    struct sockaddr_storage bound = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof(bound);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &length) != 0)
        return false;
    return bound.ss_family == AF_UNIX || set_connection_options(fd);
}

struct listener *listener_adopt(int fd, struct error_text *error)
{
    struct listener *listener = new_listener();
    if (!listener || !prepare_adopted(fd)) {
        (void)error_set(error, "cannot use the socket that the service manager passes: %s",
                        strerror(listener ? errno : ENOMEM));
        close(fd);
        free(listener);
        return NULL;
    }
    listener->fd = fd;
    listener->adopted = true;
    name_bound(listener);
    return listener;
}

struct listener *listener_receive(int fd, enum listener_owner owner, struct error_text *error)
{
    static const char prefix[] = "unix:";
    struct listener *listener = listener_adopt(fd, error);
    if (!listener || owner == LISTENER_MANAGERS)
        return listener;
    listener->adopted = false;
    bool is_unix = strncmp(listener->address, prefix, strlen(prefix)) == 0;
    listener->path = is_unix ? strdup(listener->address + strlen(prefix)) : NULL;
    if (listener->path || !is_unix)
        return listener;
    (void)error_set(error, "out of memory");
    listener_close(listener);
    return NULL;
}

void listener_own(struct listener *listener)
{
    struct stat file;
    if (listener->inode != 0 || !listener->path || lstat(listener->path, &file) != 0 ||
        !S_ISSOCK(file.st_mode))
        return;
    listener->device = file.st_dev;
    listener->inode = file.st_ino;
}

void listener_disown(struct listener *listener)
{
    listener->inode = 0;
}

enum listener_owner listener_owner(const struct listener *listener)
{
    return listener->adopted ? LISTENER_MANAGERS : LISTENER_OURS;
}

bool listener_is_there(const struct listener *listener)
{
    struct stat file;
    return listener->inode == 0 ||
           (lstat(listener->path, &file) == 0 && file.st_dev == listener->device &&
            file.st_ino == listener->inode);
}

/* Should the file's removal fail, the next start finds a stale file. */
void listener_shut(struct listener *listener)
{
    if (!listener || listener->fd < 0)
        return;
    if (listener->inode != 0 && listener_is_there(listener))
        (void)unlink(listener->path);
    close(listener->fd);
    listener->fd = -1;
}

void listener_close(struct listener *listener)
{
    if (!listener || atomic_fetch_sub(&listener->references, 1) > 1)
        return;
    listener_shut(listener);
    free(listener->path);
    free(listener);
}

int listener_fast_open(struct listener *listener, uint64_t queue)
{
    int length = queue > INT_MAX ? INT_MAX : (int)queue;
    if (length == listener->fast_open)
        return 0;
    listener->fast_open = length;
    return setsockopt(listener->fd, IPPROTO_TCP, TCP_FASTOPEN, &length, sizeof(length)) == 0
               ? 0
               : errno;
}

int listener_fd(const struct listener *listener)
{
    return listener->fd;
}

const char *listener_address(const struct listener *listener)
{
    return listener->address;
}

static bool is_shortage(int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return true;
    default:
        return false;
    }
}

int listener_accept(struct listener *listener, struct sockaddr_storage *peer)
{
    /* Errors of the connection itself (ECONNABORTED, EPROTO, EHOSTUNREACH and others, see
     * accept(2)) have removed it from the queue, so a retry makes progress; the limit is for all
     * other errors. */
    for (int tries = 0; tries < 100; tries++) {
        socklen_t length = sizeof(*peer);
        int fd = accept4(listener->fd, (struct sockaddr *)(void *)peer, &length,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0 && listener->adopted && peer->ss_family != AF_UNIX &&
            !set_connection_options(fd)) {
            close(fd); /* it has ended already */
            continue;
        }
        if (fd >= 0 || errno == EAGAIN || errno == EWOULDBLOCK || is_shortage(errno))
            return fd;
    }
    errno = ENOBUFS;
    return -1;
}
