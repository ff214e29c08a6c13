#include "server/daemon/bound.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

enum { HOST_TEXT = INET6_ADDRSTRLEN + 16, PORT_TEXT = 8 }; /* room for a scope, too */

static bool is_same_tcp(const struct sockaddr_storage *bound, const struct sockaddr *wanted)
{
    if (wanted->sa_family == AF_INET) {
        const struct sockaddr_in *have = (const void *)bound;
        const struct sockaddr_in *want = (const void *)wanted;
        return have->sin_addr.s_addr == want->sin_addr.s_addr &&
               (want->sin_port == 0 || have->sin_port == want->sin_port);
    }
    const struct sockaddr_in6 *have = (const void *)bound;
    const struct sockaddr_in6 *want = (const void *)wanted;
    return memcmp(&have->sin6_addr, &want->sin6_addr, sizeof(have->sin6_addr)) == 0 &&
           (want->sin6_port == 0 || have->sin6_port == want->sin6_port);
}

/* The bytes of an abstract name; 0: it is a path, or there is none. */
static size_t abstract_size(const struct sockaddr_un *address, socklen_t size)
{
    size_t begin = offsetof(struct sockaddr_un, sun_path);
    return size > begin && address->sun_path[0] == '\0' && address->sun_path[1] != '\0'
               ? size - begin
               : 0;
}

static bool is_same_unix(const struct sockaddr_un *have, socklen_t have_size,
                         const struct sockaddr_un *want, socklen_t want_size)
{
    size_t length = abstract_size(want, want_size);
    if (length != abstract_size(have, have_size))
        return false;
    return length > 0 ? memcmp(have->sun_path, want->sun_path, length) == 0
                      : strcmp(have->sun_path, want->sun_path) == 0;
}

bool bound_to(int fd, const struct sockaddr *where, socklen_t size)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof(bound);
    memset(&bound, 0, sizeof(bound));
    if (getsockname(fd, (struct sockaddr *)&bound, &length) != 0 ||
        bound.ss_family != where->sa_family)
        return false;
    return where->sa_family == AF_UNIX
               ? is_same_unix((const void *)&bound, length, (const void *)where, size)
               : is_same_tcp(&bound, where);
}

static void print_unix(const struct sockaddr_un *address, socklen_t size, char text[BOUND_TEXT])
{
    size_t length = abstract_size(address, size);
    if (length > 0)
        (void)snprintf(text, BOUND_TEXT, "unix:@%.*s", (int)length - 1, address->sun_path + 1);
    else
        (void)snprintf(text, BOUND_TEXT, "unix:%s", address->sun_path);
}

void bound_print(int fd, char text[BOUND_TEXT])
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof(bound);
    char host[HOST_TEXT] = "?";
    char port[PORT_TEXT] = "?";
    memset(&bound, 0, sizeof(bound));
    if (getsockname(fd, (struct sockaddr *)&bound, &length) == 0) {
        if (bound.ss_family == AF_UNIX) {
            print_unix((const void *)&bound, length, text);
            return;
        }
        (void)getnameinfo((struct sockaddr *)&bound, length, host, sizeof(host), port, sizeof(port),
                          NI_NUMERICHOST | NI_NUMERICSERV);
    }
    (void)snprintf(text, BOUND_TEXT, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}
