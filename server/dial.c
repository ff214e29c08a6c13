/* Opening a connection: every address of the name in turn, within one deadline. */
#include "relay/clock.h"
#include "server/settings.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Waits for a connect under way. 0 or an errno. */
static int finish_connect(int fd, int64_t deadline_us)
{
    struct timespec left;
    struct pollfd set = {.fd = fd, .events = POLLOUT};
    int ready;
    while ((ready = ppoll(&set, 1, clock_left(deadline_us, &left), NULL)) < 0)
        if (errno != EINTR)
            return errno;
    if (ready == 0)
        return ETIMEDOUT;
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) ? errno : error;
}

static int connect_to(const struct sockaddr *address, socklen_t length, int64_t deadline_us,
                      int *error)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        *error = errno;
        return -1;
    }
    *error = connect(fd, address, length) == 0 ? 0 : errno;
    if (*error == EINPROGRESS || *error == EINTR)
        *error = finish_connect(fd, deadline_us);
    if (*error == 0)
        return fd;
    close(fd);
    return -1;
}

static int dial_unix(const char *path, int64_t deadline_us, int *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        *error = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path); /* it fits: seen above */
    return connect_to((struct sockaddr *)&address, sizeof address, deadline_us, error);
}

static int dial_tcp(const struct config_address *address, int64_t deadline_us, int *error,
                    const char **unresolved)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    char port[8];
    snprintf(port, sizeof port, "%u", (unsigned)address->port);
    int failed = getaddrinfo(address->host, port, &hints, &found);
    if (failed == EAI_NONAME || failed == EAI_ADDRFAMILY) {
        hints.ai_flags = 0; /* a machine with loopback only */
        failed = getaddrinfo(address->host, port, &hints, &found);
    }
    if (failed) {
        *unresolved = gai_strerror(failed);
        return -1;
    }
    int fd = -1;
    for (struct addrinfo *each = found; each && fd < 0; each = each->ai_next)
        fd = connect_to(each->ai_addr, each->ai_addrlen, deadline_us, error);
    freeaddrinfo(found);
    return fd;
}

int settings_dial(actpass_config *config, const char *text)
{
    struct config_address address;
    const char *wrong = config_address_parse(text, &address);
    char *error_text = config->error.text;
    size_t size = sizeof config->error.text;
    if (wrong) {
        snprintf(error_text, size, "%s: %s", text, wrong);
        return -1;
    }
    int error = 0, fd;
    int64_t deadline_us = clock_deadline_ms(config->connect_timeout_ms);
    if (address.kind == CONFIG_ADDRESS_UNIX)
        fd = dial_unix(address.path, deadline_us, &error);
    else
        fd = dial_tcp(&address, deadline_us, &error, &wrong);
    if (fd < 0)
        snprintf(error_text, size, "cannot connect to %s: %s", text,
                 wrong ? wrong : strerror(error));
    config_address_free(&address);
    return fd;
}
