#include "server/lib/dial/socket.h"

#include "server/lib/dial/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ADDRESS_TEXT = 160 };

void dial_report(const struct dial *dial, const struct candidate *to, const char *why)
{
    char address[ADDRESS_TEXT];
    candidate_print(to, address, sizeof(address));
    dial->observer.failed(dial->observer.arg, address, why);
}

/* ---- Sockets ------------------------------------------------------------------------------- */

static int set_option(int fd, int level, int name)
{
    int on = 1;
    return setsockopt(fd, level, name, &on, sizeof(on));
}

/* We may have used a fixed port a moment ago. Any other port need be free only for this peer, so
 * the kernel chooses it in connect (ip(7)). Returns 0 or an errno. */
static int bind_to(int fd, const struct addrinfo *local, bool fixed)
{
    if (fixed && set_option(fd, SOL_SOCKET, SO_REUSEADDR) != 0)
        return errno;
    if (!fixed) /* a kernel without it chooses now */
        (void)set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
    return bind(fd, local->ai_addr, local->ai_addrlen) == 0 ? 0 : errno;
}

/* Returns false after a report to the observer. */
static bool bind_from(const struct dial *dial, int fd, const struct candidate *to)
{
    const struct config_address *from = dial->from;
    struct addrinfo *local = NULL;
    char why[2 * ADDRESS_TEXT] = "";
    const char *wrong = resolve_host(from->host, from->port, AI_NUMERICHOST, &dial->wait,
                                     dial->deadline_us, &local);
    if (!wrong && local->ai_family != to->address.ss_family) {
        (void)snprintf(why, sizeof(why), "left out, because dial_from (%s) is of another family",
                       from->text);
    } else {
        int error = wrong ? 0 : bind_to(fd, local, from->port != 0);
        wrong = error != 0 ? strerror(error) : wrong;
        if (wrong)
            (void)snprintf(why, sizeof(why), "cannot dial from %s: %s", from->text, wrong);
    }
    if (local)
        freeaddrinfo(local);
    if (why[0] != '\0')
        dial_report(dial, to, why);
    return why[0] == '\0';
}

/* The same for all of the source. */
static bool prepare_tcp(const struct dial *dial, int fd, const struct candidate *to)
{
    struct error_text error = {.text = ""};
    bool bound = dial->from && dial->from->kind == CONFIG_ADDRESS_TCP;
    if (!source_apply(&dial->source, fd, to->address.ss_family, &error)) {
        dial_report(dial, to, error.text);
        return false;
    }
    return !bound || bind_from(dial, fd, to);
}

int dial_socket(const struct dial *dial, const struct candidate *to)
{
    int family = to->address.ss_family;
    bool tcp = family != AF_UNIX;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || (tcp && (set_option(fd, IPPROTO_TCP, TCP_NODELAY) != 0 ||
                           set_option(fd, SOL_SOCKET, SO_KEEPALIVE) != 0)))
        dial_report(dial, to, strerror(errno));
    else if (!tcp || prepare_tcp(dial, fd, to))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}
