#include "server/daemon/listener.h"

#include "relay/clock.h"
#include "server/daemon/bound.h"
#include "server/daemon/listener_socket.h"
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
    atomic_ullong accepted;
    char address[BOUND_TEXT];
};

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

/* Where it is to be removed at the end. */
static bool note_file(struct listener *listener)
{
    static const char prefix[] = "unix:/";
    struct stat file;
    if (strncmp(listener->address, prefix, strlen(prefix)) != 0)
        return true;
    listener->path = strdup(listener->address + strlen(prefix) - 1);
    if (!listener->path || lstat(listener->path, &file) != 0)
        return false;
    listener->device = file.st_dev;
    listener->inode = file.st_ino;
    return true;
}

struct listener *listener_open_at(const struct candidate *where,
                                  const struct config_listen_options *options,
                                  struct error_text *error)
{
    struct error_text why = {.text = "out of memory"};
    char text[BOUND_TEXT];
    struct listener *listener = new_listener();
    if (listener)
        listener->fd = listener_socket_open((const struct sockaddr *)(const void *)&where->address,
                                            where->size, options, &why);
    int failed = errno;
    if (listener && listener->fd >= 0) {
        bound_print(listener->fd, listener->address);
        if (note_file(listener))
            return listener;
        (void)error_set(&why, "its file is gone: check who else uses this path");
    }
    candidate_print(where, text, sizeof(text));
    const char *asked = where->of->text;
    bool is_other = where->address.ss_family != AF_UNIX && strcmp(text, asked) != 0;
    (void)error_set(error, "cannot listen on %s%s%s%s: %s", asked, is_other ? " (" : "",
                    is_other ? text : "", is_other ? ")" : "", why.text);
    listener_close(listener);
    errno = failed;
    return NULL;
}

struct listener *listener_open(const struct config_address *address,
                               const struct config_socket_file *file, struct error_text *error)
{
    struct config_listen_options options = {.v6only = true};
    struct candidate *list = NULL;
    size_t count = 0;
    const struct dial_wait wait = {.cancel_fd = -1};
    if (address->kind == CONFIG_ADDRESS_NONE) {
        (void)error_set(error, "there is no address to listen on");
        return NULL;
    }
    if (file)
        options.file = *file;
    const char *why = candidates_resolve(address, AI_PASSIVE, &wait,
                                         clock_deadline_ms(LISTENER_LOOKUP_MS), &list, &count);
    if (why && address->kind == CONFIG_ADDRESS_UNIX)
        (void)error_set(error,
                        "cannot listen on %s: the path is longer than %d bytes: choose a shorter "
                        "one",
                        address->text, UNIX_PATH_MAX_BYTES);
    else if (why)
        (void)error_set(error, "cannot listen on %s: %s: check the host name", address->text, why);
    struct listener *listener = why ? NULL : listener_open_at(&list[0], &options, error);
    free(list);
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
    return bound.ss_family == AF_UNIX || listener_socket_prepare(fd);
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
    bound_print(listener->fd, listener->address);
    return listener;
}

struct listener *listener_receive(int fd, enum listener_owner owner, struct error_text *error)
{
    static const char prefix[] = "unix:/"; /* an abstract name has no file */
    struct listener *listener = listener_adopt(fd, error);
    if (!listener || owner == LISTENER_MANAGERS)
        return listener;
    listener->adopted = false;
    bool is_unix = strncmp(listener->address, prefix, strlen(prefix)) == 0;
    listener->path = is_unix ? strdup(listener->address + strlen(prefix) - 1) : NULL;
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

int listener_backlog(struct listener *listener, const struct config_listen_options *options)
{
    bool managers = listener->adopted && options->backlog == 0;
    return managers || listen(listener->fd, listener_socket_backlog(options)) == 0 ? 0 : errno;
}

uint64_t listener_accepted(const struct listener *listener)
{
    return atomic_load(&listener->accepted);
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
            !listener_socket_prepare(fd)) {
            close(fd); /* it has ended already */
            continue;
        }
        if (fd >= 0)
            atomic_fetch_add(&listener->accepted, 1);
        if (fd >= 0 || errno == EAGAIN || errno == EWOULDBLOCK || is_shortage(errno))
            return fd;
    }
    errno = ENOBUFS;
    return -1;
}
