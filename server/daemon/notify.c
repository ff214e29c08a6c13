#include "server/daemon/notify.h"

#include "relay/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { WATCHDOG_SHARE = 4, MESSAGE_MAX = 512 };

struct notify {
    int fd;
    struct sockaddr_un manager;
    socklen_t manager_length;
    int64_t watchdog_us;
};

/* An abstract name begins with '@' in text, and with a NUL byte in the socket's address. */
static bool read_socket(struct notify *notify, const char *text, struct error_text *error)
{
    size_t length = strlen(text);
    if ((text[0] != '/' && text[0] != '@') || text[1] == '\0')
        return error_set(error, "NOTIFY_SOCKET must be an absolute path, or '@' and a name");
    if (length >= sizeof(notify->manager.sun_path))
        return error_set(error, "NOTIFY_SOCKET must be shorter than %zu bytes",
                         sizeof(notify->manager.sun_path));
    notify->manager.sun_family = AF_UNIX;
    memcpy(notify->manager.sun_path, text, length);
    if (text[0] == '@')
        notify->manager.sun_path[0] = '\0';
    notify->manager_length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (text[0] == '/' ? 1 : 0));
    return true;
}

/* A decimal number greater than 0, or 0 if the text is none. */
static int64_t read_number(const char *text)
{
    char *end;
    errno = 0;
    int64_t number = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && number > 0 ? number : 0;
}

static bool read_watchdog(struct notify *notify, const struct notify_environment *environment,
                          struct error_text *error)
{
    const char *pid = environment->watchdog_pid;
    if (!environment->watchdog_usec || (pid && read_number(pid) != getpid()))
        return true;
    int64_t usec = read_number(environment->watchdog_usec);
    if (usec < WATCHDOG_SHARE)
        return error_set(error, "WATCHDOG_USEC must be a number of microseconds, at least %d",
                         (int)WATCHDOG_SHARE);
    notify->watchdog_us = usec / WATCHDOG_SHARE;
    return true;
}

static bool open_socket(struct notify *notify, struct error_text *error)
{
    const struct timeval patience = {.tv_sec = 1};
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (notify->fd >= 0 &&
        setsockopt(notify->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0)
        return true;
    return error_set(error, "cannot make a socket for NOTIFY_SOCKET: %s", strerror(errno));
}

struct notify *notify_new(const struct notify_environment *environment, struct error_text *error)
{
    const char *text = environment->notify_socket;
    if (!text || text[0] == '\0')
        return NULL;
    struct notify *notify = calloc(1, sizeof(*notify));
    if (!notify) {
        (void)error_set(error, "out of memory");
        return NULL;
    }
    notify->fd = -1;
    if (read_socket(notify, text, error) && read_watchdog(notify, environment, error) &&
        open_socket(notify, error))
        return notify;
    notify_free(notify);
    return NULL;
}

void notify_free(struct notify *notify)
{
    if (notify && notify->fd >= 0)
        close(notify->fd);
    free(notify);
}

/* Without a connection, so that a manager that has been restarted is found again. */
static int send_text(const struct notify *notify, const char *text, int flags)
{
    ssize_t sent;
    do {
        sent = sendto(notify->fd, text, strlen(text), MSG_NOSIGNAL | flags,
                      (const struct sockaddr *)&notify->manager, notify->manager_length);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? errno : 0;
}

__attribute__((format(printf, 2, 3))) static int send_lines(const struct notify *notify,
                                                            const char *format, ...)
{
    char text[MESSAGE_MAX];
    va_list arguments;
    if (!notify)
        return 0;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return send_text(notify, text, 0);
}

int notify_ready(struct notify *notify, const char *status)
{
    return send_lines(notify, "READY=1\nSTATUS=%s", status);
}

/* With the time, so that Type=notify-reload knows which reload is meant. */
int notify_reloading(struct notify *notify, const char *status)
{
    return send_lines(notify, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=%s", clock_now_us(),
                      status);
}

int notify_stopping(struct notify *notify, const char *status)
{
    return send_lines(notify, "STOPPING=1\nSTATUS=%s", status);
}

int notify_main_pid(struct notify *notify, pid_t pid)
{
    return send_lines(notify, "MAINPID=%ld", (long)pid);
}

int64_t notify_watchdog_us(const struct notify *notify)
{
    return notify ? notify->watchdog_us : 0;
}

int notify_alive(struct notify *notify)
{
    return notify ? send_text(notify, "WATCHDOG=1", MSG_DONTWAIT) : 0;
}
