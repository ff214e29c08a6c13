#include "server/daemon/control/wire.h"

#include "relay/clock.h"
#include "server/lib/dial/unix_address.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { SEND_MS = 5000 };

/* Room for descriptors beside the text of one message. */
union room {
    struct cmsghdr header; /* for its alignment */
    char bytes[CMSG_SPACE(WIRE_DESCRIPTORS_MAX * sizeof(int))];
};

void wire_begin(struct wire *wire, int fd)
{
    *wire = (struct wire){.fd = fd};
}

int wire_connect(struct wire *wire, const char *path)
{
    struct sockaddr_un where;
    wire_begin(wire, -1);
    socklen_t size = unix_address_make(path, &where);
    if (size == 0)
        return ENAMETOOLONG;
    wire->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (wire->fd >= 0 && connect(wire->fd, (const struct sockaddr *)&where, size) == 0)
        return 0;
    int error = errno;
    wire_end(wire);
    return error;
}

void wire_end(struct wire *wire)
{
    if (wire->fd >= 0)
        close(wire->fd);
    for (size_t i = 0; i < wire->count; i++)
        close(wire->descriptors[i]);
    *wire = (struct wire){.fd = -1};
}

/* False at the deadline, or if that is not possible any more. */
static bool wait_for(int fd, short events, int64_t deadline_us)
{
    struct pollfd set = {.fd = fd, .events = events};
    struct timespec left;
    int ready;
    do {
        ready = ppoll(&set, 1, clock_left(deadline_us, &left), NULL);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* ---- Send ---------------------------------------------------------------------------------- */

static void attach(struct msghdr *message, union room *room, int descriptor)
{
    if (descriptor < 0)
        return;
    memset(room, 0, sizeof(*room));
    message->msg_control = room->bytes;
    message->msg_controllen = CMSG_SPACE(sizeof(descriptor));
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(descriptor));
    memcpy(CMSG_DATA(header), &descriptor, sizeof(descriptor));
}

/* The descriptor goes with the first byte. */
static bool send_all(int fd, const char *text, size_t length, int descriptor)
{
    int64_t deadline_us = clock_deadline_ms(SEND_MS);
    while (length > 0) {
        union room room;
        struct iovec part = {.iov_base = (char *)(uintptr_t)text, .iov_len = length};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        attach(&message, &room, descriptor);
        ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno != EAGAIN || !wait_for(fd, POLLOUT, deadline_us)))
            return false;
        if (sent < 0)
            continue;
        text += sent;
        length -= (size_t)sent;
        descriptor = -1;
    }
    return true;
}

bool wire_send(const struct wire *wire, int descriptor, const char *format, ...)
{
    char line[WIRE_LINE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof(line) - 1, format, arguments);
    va_end(arguments);
    if (length < 0)
        return false;
    size_t size = (size_t)length < sizeof(line) - 2 ? (size_t)length : sizeof(line) - 2;
    for (char *at = memchr(line, '\n', size); at; at = memchr(line, '\n', size))
        *at = ' ';
    line[size++] = '\n';
    return send_all(wire->fd, line, size, descriptor);
}

/* ---- Receive ------------------------------------------------------------------------------- */

/* Those that find no place are closed. */
static void keep_descriptors(struct wire *wire, struct msghdr *message)
{
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
            if (wire->count < WIRE_DESCRIPTORS_MAX)
                wire->descriptors[wire->count++] = fd;
            else
                close(fd);
        }
    }
}

/* More text. The kernel returns no more than one message with descriptors at once. */
static enum wire_result receive(struct wire *wire)
{
    union room room;
    struct iovec part = {.iov_base = wire->text + wire->length,
                         .iov_len = sizeof(wire->text) - wire->length};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = room.bytes,
                             .msg_controllen = sizeof(room.bytes)};
    if (part.iov_len == 0)
        return WIRE_ENDED; /* no line of ours is so long */
    ssize_t got = recvmsg(wire->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? WIRE_NOTHING : WIRE_ENDED;
    keep_descriptors(wire, &message);
    wire->length += (size_t)got;
    return got == 0 ? WIRE_ENDED : WIRE_LINE;
}

enum wire_result wire_take(struct wire *wire, char line[WIRE_LINE_MAX])
{
    char *end = memchr(wire->text, '\n', wire->length);
    while (!end) {
        enum wire_result result = receive(wire);
        if (result != WIRE_LINE)
            return result;
        end = memchr(wire->text, '\n', wire->length);
    }
    size_t length = (size_t)(end - wire->text);
    memcpy(line, wire->text, length);
    line[length] = '\0';
    wire->length -= length + 1;
    memmove(wire->text, end + 1, wire->length);
    return WIRE_LINE;
}

enum wire_result wire_await(struct wire *wire, char line[WIRE_LINE_MAX], int64_t deadline_us)
{
    enum wire_result result = wire_take(wire, line);
    while (result == WIRE_NOTHING && wait_for(wire->fd, POLLIN, deadline_us))
        result = wire_take(wire, line);
    return result;
}

int wire_take_descriptor(struct wire *wire)
{
    if (wire->count == 0)
        return -1;
    int fd = wire->descriptors[0];
    wire->count--;
    memmove(wire->descriptors, wire->descriptors + 1, wire->count * sizeof(fd));
    return fd;
}
