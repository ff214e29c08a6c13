#include "server/daemon/spawner/message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { HEADER = offsetof(struct message, text) };

/* Room for the descriptor; one more than there may be shows that there were too many. */
union room {
    struct cmsghdr header; /* for its alignment */
    char bytes[CMSG_SPACE(2 * sizeof(int))];
};

void message_begin(struct message *message, enum message_kind kind, uint64_t id)
{
    memset(message, 0, HEADER);
    message->kind = kind;
    message->id = id;
}

void message_set_text(struct message *message, const char *text)
{
    size_t size = strnlen(text, MESSAGE_TEXT_MAX - 1);
    memcpy(message->text, text, size);
    message->size = (uint32_t)size;
}

/* ---- Send ---------------------------------------------------------------------------------- */

static void attach(struct msghdr *packet, union room *room, int descriptor)
{
    if (descriptor < 0)
        return;
    memset(room, 0, sizeof(*room));
    packet->msg_control = room->bytes;
    packet->msg_controllen = CMSG_SPACE(sizeof(descriptor));
    struct cmsghdr *header = CMSG_FIRSTHDR(packet);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(descriptor));
    memcpy(CMSG_DATA(header), &descriptor, sizeof(descriptor));
}

int message_send(int fd, const struct message *message, int descriptor, int flags)
{
    union room room;
    struct iovec part = {.iov_base = (void *)(uintptr_t)message, .iov_len = HEADER + message->size};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t sent;
    attach(&packet, &room, descriptor);
    do {
        sent = sendmsg(fd, &packet, MSG_NOSIGNAL | flags);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? errno : 0;
}

/* ---- Receive ------------------------------------------------------------------------------- */

/* Takes the first descriptor; further ones are closed. */
static int take_descriptor(struct msghdr *packet)
{
    int taken = -1;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(packet); header;
         header = CMSG_NXTHDR(packet, header)) {
        bool ours = header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS;
        size_t count = ours ? (header->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
            if (taken < 0)
                taken = fd;
            else
                close(fd);
        }
    }
    return taken;
}

static bool is_whole(const struct message *message, const struct msghdr *packet, size_t size)
{
    return (packet->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && size >= HEADER &&
           message->kind < MESSAGE_KINDS && message->size == size - HEADER;
}

int message_receive(int fd, struct message *message, int *descriptor, int flags)
{
    union room room;
    struct iovec part = {.iov_base = message, .iov_len = sizeof(*message) - 1};
    struct msghdr packet = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = room.bytes,
                            .msg_controllen = sizeof(room.bytes)};
    ssize_t got;
    *descriptor = -1;
    do {
        got = recvmsg(fd, &packet, MSG_CMSG_CLOEXEC | flags);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == ECONNRESET ? EPIPE : errno;
    *descriptor = take_descriptor(&packet);
    if (got > 0 && is_whole(message, &packet, (size_t)got)) {
        message->text[message->size] = '\0';
        return 0;
    }
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
    return got == 0 ? EPIPE : EPROTO;
}
