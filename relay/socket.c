/* One receive or send, without the lock, and its result. */
#include "relay/clock.h"
#include "relay/internal.h"

#include <errno.h>
#include <sys/socket.h>

/* ---- Input -------------------------------------------------------------------------------- */

static void note_first_byte(struct relay *relay)
{
    if (relay->input.received > 0 || relay->verdict.first_byte_us >= 0)
        return;
    relay->verdict.first_byte_us = clock_now_us() - relay->accepted_us;
    relay->verdict.peer_spoke_first = relay->output.sent == 0;
}

void socket_fail_input(struct relay *relay, int error)
{
    state_set_input(relay, INPUT_FAILED);
    state_latch(relay, error);
}

/* SIZE is the room that there was. */
static void note_received(struct relay *relay, ssize_t got, size_t size, int error)
{
    struct input *input = &relay->input;
    bool empty = got < 0 && (error == EAGAIN || error == EWOULDBLOCK);
    /* epoll(7): edge-triggered, a short read has taken all. */
    bool taken = input->socket == SOCKET_DATA && got >= 0 && (size_t)got < size;
    if (empty || taken)
        input->socket = SOCKET_DRY;
    if (got > 0) {
        note_first_byte(relay);
        relay->input.received += (uint64_t)got;
    } else if (got == 0) {
        /* After an error, 0 only means that the reset was consumed (hazard 18). */
        state_set_input(relay, relay->error ? INPUT_FAILED : INPUT_ENDED);
    } else if (error != EAGAIN && error != EWOULDBLOCK && error != EINTR) {
        socket_fail_input(relay, error);
    }
}

size_t socket_receive(struct relay *relay, void *buffer, size_t size)
{
    size = state_io_size(relay, size);
    wake_unlock(relay);
    ssize_t got = recv(relay->fd, buffer, size, MSG_DONTWAIT);
    int error = errno;
    relay_lock(relay);
    note_received(relay, got, size, error);
    return got > 0 ? (size_t)got : 0;
}

void socket_discard(struct relay *relay)
{
    uint8_t scratch[4096];
    wake_unlock(relay);
    ssize_t got = recv(relay->fd, scratch, sizeof(scratch), MSG_DONTWAIT);
    int error = errno;
    relay_lock(relay);
    note_received(relay, got, sizeof(scratch), error);
}

void socket_note_error(struct relay *relay)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(relay->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0)
        socket_fail_input(relay, error);
}

/* Is there nothing between the peer and SSL, and will be nothing? */
static bool is_drained(struct relay *relay)
{
    struct input *input = &relay->input;
    char byte;
    if (input->receiving != RECEIVING_NOT || input->first.taken < input->first.length ||
        relay->rings.inbound.held > 0)
        return false;
    ssize_t got = recv(relay->fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT);
    if (got == 0) {
        state_set_input(relay, INPUT_ENDED);
    } else if (got < 0 && errno == EAGAIN) {
        input->ready = false; /* direct: it was only perhaps so */
        input->socket = SOCKET_DRY;
    } else if (got < 0 && errno != EINTR) {
        socket_fail_input(relay, errno);
    }
    return state_input_over(relay);
}

short socket_unasked_events(const struct relay *relay)
{
    struct pollfd socket = {.fd = relay->fd};
    (void)poll(&socket, 1, 0); /* no event if it fails */
    return socket.revents;
}

bool socket_has_lost_peer(struct relay *relay)
{
    short seen = 0;
    if (relay->error == 0)
        seen = socket_unasked_events(relay);
    if (seen & POLLERR)
        socket_note_error(relay);
    relay->driver.hung = relay->driver.hung || (seen & POLLHUP);
    return relay->error != 0 || is_drained(relay);
}

/* ---- Output ------------------------------------------------------------------------------- */

static int note_unsent(struct relay *relay, int error)
{
    if (error == EINTR)
        return EINTR;
    if (error == EAGAIN || error == EWOULDBLOCK)
        return EAGAIN;
    state_latch(relay, error);
    state_set_output(relay, OUTPUT_FAILED);
    return error;
}

/* The FIN that follows at once takes the last bytes along: one packet less (MSG_MORE, send(2)). */
static int send_flags(const struct relay *relay)
{
    return MSG_NOSIGNAL | MSG_DONTWAIT | (relay->state == RELAY_DRAIN ? MSG_MORE : 0);
}

int socket_send(struct relay *relay, const void *data, size_t size, size_t *sent)
{
    bool connects = relay->output.connect == CONNECT_ON_SEND;
    int flags = send_flags(relay);
    size = state_io_size(relay, size);
    wake_unlock(relay);
    ssize_t taken =
        connects ? fastopen_send(relay, data, size) : send(relay->fd, data, size, flags);
    int error = taken == 0 ? EAGAIN : errno;
    relay_lock(relay);
    if (connects)
        state_set_connect(relay, taken > 0 ? CONNECTED_BY_SYN : CONNECTED);
    *sent = taken > 0 ? (size_t)taken : 0;
    relay->output.sent += *sent;
    return taken > 0 ? 0 : note_unsent(relay, error);
}
