#include "server/daemon/inherited.h"

#include "relay/clock.h"
#include "server/daemon/bound.h"
#include "server/daemon/listener.h"
#include "server/lib/dial/resolve.h"
#include "server/lib/dial/unix_address.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_INHERITED = 10000 }; /* as many as there may be services */

struct inherited {
    char *names; /* the names that follow point into it */
    int first, count;
    struct socket_passed {
        const char *name;
        int fd;       /* -1: taken */
        bool refused; /* an error has said why */
    } sockets[];
};

/* ---- The environment ----------------------------------------------------------------------- */

/* Reads a decimal number from 0 to MAX. Returns -1 if the text is none. */
static long read_number(const char *text, long max)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && number >= 0 && number <= max ? number : -1;
}

/* Returns how many descriptors are passed to us, or -1 with ERROR. */
static int count_passed(const struct inherited_environment *environment, struct error_text *error)
{
    const char *pid = environment->listen_pid;
    if (!pid || !environment->listen_fds || read_number(pid, INT32_MAX) != getpid())
        return 0;
    long count = read_number(environment->listen_fds, MAX_INHERITED);
    if (count < 0)
        (void)error_set(error, "LISTEN_FDS must be a number from 0 to %d", (int)MAX_INHERITED);
    return (int)count;
}

/* Gives each socket its name. False: there are fewer or more names than sockets. */
static bool read_names(struct inherited *inherited)
{
    char *rest = inherited->names;
    for (int i = 0; i < inherited->count; i++) {
        char *name = rest ? strsep(&rest, ":") : NULL;
        if (!name)
            return false;
        inherited->sockets[i].name = name;
    }
    return !rest || inherited->count == 0;
}

static bool take_descriptors(struct inherited *inherited, struct error_text *error)
{
    for (int i = 0; i < inherited->count; i++) {
        int fd = inherited->first + i;
        struct stat status = {.st_mode = 0};
        errno = ENOTSOCK;
        if (fstat(fd, &status) != 0 || !S_ISSOCK(status.st_mode) ||
            fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
            return error_set(error, "LISTEN_FDS says that descriptor %d is a socket: %s", fd,
                             strerror(errno));
        inherited->sockets[i].fd = fd;
    }
    return true;
}

struct inherited *inherited_new(const struct inherited_environment *environment,
                                struct error_text *error)
{
    int count = count_passed(environment, error);
    if (count < 0)
        return NULL;
    struct inherited *inherited =
        calloc(1, sizeof(*inherited) + (size_t)count * sizeof(inherited->sockets[0]));
    if (!inherited)
        goto out_of_memory;
    for (int i = 0; i < count; i++)
        inherited->sockets[i].fd = -1;
    inherited->first = environment->first;
    inherited->count = count;
    inherited->names = strdup(environment->listen_fdnames ? environment->listen_fdnames : "");
    if (!inherited->names)
        goto out_of_memory;
    if (!read_names(inherited))
        (void)error_set(error,
                        "LISTEN_FDNAMES must have a name for each of the %d sockets of "
                        "LISTEN_FDS",
                        count);
    else if (take_descriptors(inherited, error))
        return inherited;
    inherited_free(inherited);
    return NULL;

out_of_memory:
    inherited_free(inherited);
    (void)error_set(error, "out of memory");
    return NULL;
}

void inherited_free(struct inherited *inherited)
{
    if (!inherited)
        return;
    for (int i = 0; i < inherited->count; i++)
        if (inherited->sockets[i].fd >= 0)
            close(inherited->sockets[i].fd);
    free(inherited->names);
    free(inherited);
}

const char *inherited_left(const struct inherited *inherited)
{
    for (int i = 0; i < inherited->count; i++)
        if (inherited->sockets[i].fd >= 0 && !inherited->sockets[i].refused)
            return inherited->sockets[i].name;
    return NULL;
}

/* ---- One socket ---------------------------------------------------------------------------- */

static bool listens(int fd)
{
    int type = 0;
    int accepts = 0;
    socklen_t length = sizeof(type);
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) == 0 && accepts != 0;
}

/* A name may stand for several addresses, and the manager may have bound any of them. */
static bool fits_tcp(int fd, const struct config_address *address, struct error_text *error)
{
    const struct dial_wait wait = {.cancel_fd = -1};
    struct addrinfo *found = NULL;
    const char *why = resolve_host(address->host, address->port, AI_PASSIVE, &wait,
                                   clock_deadline_ms(LISTENER_LOOKUP_MS), &found);
    if (why)
        return error_set(error, "cannot resolve %s: %s", address->text, why);
    bool fits = false;
    for (const struct addrinfo *each = found; each && !fits; each = each->ai_next)
        fits = bound_to(fd, each->ai_addr, each->ai_addrlen);
    freeaddrinfo(found);
    return fits;
}

bool inherited_fits(int fd, const struct config_address *address, struct error_text *error)
{
    struct sockaddr_un wanted;
    if (address->kind != CONFIG_ADDRESS_UNIX)
        return fits_tcp(fd, address, error);
    socklen_t size = unix_address_make(address->path, &wanted);
    return size > 0 && bound_to(fd, (const struct sockaddr *)&wanted, size);
}

/* The socket with that name from index *i on, or NULL. *i is then the index behind it. */
static struct socket_passed *find(struct inherited *inherited, const char *name, int *i)
{
    while (*i < inherited->count) {
        struct socket_passed *passed = &inherited->sockets[(*i)++];
        if (passed->fd >= 0 && strcmp(passed->name, name) == 0)
            return passed;
    }
    return NULL;
}

int inherited_take(struct inherited *inherited, const char *service,
                   const struct config_address *address, struct error_text *error)
{
    int i = 0;
    struct socket_passed *passed = find(inherited, service, &i);
    while (passed && !(listens(passed->fd) && inherited_fits(passed->fd, address, error))) {
        if (error->text[0] != '\0')
            return -1;
        passed = find(inherited, service, &i);
    }
    int fd = passed ? passed->fd : -1;
    if (passed)
        passed->fd = -1;
    return fd;
}

static bool explain(const struct socket_passed *passed, const struct config_listen *listen,
                    struct error_text *error)
{
    char bound[BOUND_TEXT];
    if (!listens(passed->fd))
        return error_set(error, "the socket that the service manager passes is not a listening "
                                "stream socket: write ListenStream= and Accept=no in the socket "
                                "unit");
    bound_print(passed->fd, bound);
    return error_set(error,
                     "the socket that the service manager passes listens on %s and does not "
                     "listen on %s%s: write the same addresses in ListenStream= of the socket unit "
                     "and in the configuration",
                     bound, listen->addresses[0].text,
                     listen->count > 1 ? " or another address of the service" : "");
}

bool inherited_explain(struct inherited *inherited, const char *service,
                       const struct config_listen *listen, struct error_text *error)
{
    bool any = false;
    int i = 0;
    for (struct socket_passed *passed = find(inherited, service, &i); passed;
         passed = find(inherited, service, &i)) {
        passed->refused = any = true;
        (void)explain(passed, listen, error);
    }
    return any;
}
