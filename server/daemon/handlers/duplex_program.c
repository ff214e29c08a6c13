/* A program at the plain side of a duplex: that its socket is closed does not say how it has
 * ended. */
#include "server/daemon/handlers/duplex_internal.h"

#include "relay/clock.h"

#include <errno.h>

/* How long the status of a program is waited for that has closed its descriptors. */
enum { EXIT_MS = 1000 };

void duplex_take_exit(struct duplex *duplex)
{
    if (duplex_exit_of(duplex) == DUPLEX_EXIT_NONE)
        return;
    duplex->in =
        (struct duplex_direction){.buffer = duplex->in.buffer, .ended = true, .closed = true};
    duplex->readable = true;
    duplex->gone = true;
}

static bool has_hung_up(const struct duplex *duplex)
{
    struct pollfd plain = {.fd = duplex->plain};
    return poll(&plain, 1, 0) == 1 && (plain.revents & POLLHUP) != 0;
}

bool duplex_must_wait_for_exit(struct duplex *duplex)
{
    if (!duplex->program || duplex_exit_of(duplex) != DUPLEX_EXIT_NONE || !has_hung_up(duplex))
        return false;
    if (duplex->exit_us == 0)
        duplex->exit_us = clock_deadline_ms(EXIT_MS);
    return clock_now_us() < duplex->exit_us;
}

ssize_t duplex_length_of_program(const struct duplex *duplex, ssize_t length)
{
    if (!duplex->program || length >= 0)
        return length;
    bool over = duplex_exit_of(duplex) != DUPLEX_EXIT_NONE && !duplex->program->copied;
    bool nothing = errno == EAGAIN || errno == EWOULDBLOCK;
    return errno == ECONNRESET || errno == EPIPE || (nothing && over) ? 0 : length;
}
