/* TCP Fast Open, the client's side (RFC 7413): the first flight, a ClientHello and so nothing
 * secret, travels in the SYN. The socket is not connected before its first send. */
#include "relay/internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* For a kernel that does not have or allow Fast Open. */
static int connect_plainly(const struct relay *relay)
{
    const struct relay_options *options = &relay->options;
    if (connect(relay->fd, (const struct sockaddr *)&options->fast_open, options->fast_open_size))
        return errno;
    return EINPROGRESS;
}

/* Without a cookie the kernel begins to connect but does not queue the data (hazard 34): it stays
 * in the transport until the socket can be written to. */
ssize_t fastopen_send(struct relay *relay, const void *data, size_t size)
{
    const struct relay_options *options = &relay->options;
    ssize_t sent = sendto(relay->fd, data, size, MSG_FASTOPEN | MSG_NOSIGNAL | MSG_DONTWAIT,
                          (const struct sockaddr *)&options->fast_open, options->fast_open_size);
    if (sent >= 0)
        return sent;
    int error = errno;
    if (error == EOPNOTSUPP || error == EINVAL || error == ENOPROTOOPT)
        error = connect_plainly(relay);
    errno = error == EINPROGRESS ? EAGAIN : error;
    return -1;
}

bool relay_connected(struct relay *relay)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof(peer);
    relay_lock(relay);
    int fd = relay->fd;
    relay_unlock(relay);
    return getpeername(fd, (struct sockaddr *)&peer, &size) == 0;
}

/* As the kernel reports it: the peer acknowledged data that was in the SYN (tcp(7), TCP_INFO). */
bool relay_syn_data(struct relay *relay)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    relay_lock(relay);
    int fd = relay->fd; /* stays open for as long as the caller may call */
    relay_unlock(relay);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
           (info.tcpi_options & TCPI_OPT_SYN_DATA);
}
