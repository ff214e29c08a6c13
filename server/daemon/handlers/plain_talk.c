#include "server/daemon/handlers/plain_talk.h"

#include "relay/clock.h"
#include "server/daemon/handlers/backend.h"
#include "server/daemon/handlers/hangup.h"
#include "server/daemon/handlers/mysql_login.h"
#include "server/lib/base/would_block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* job->state. */
struct plain_talk_state {
    struct starttls_talk talk;
    enum starttls_next next;  /* what follows when all is sent */
    const unsigned char *out; /* to be sent: what comes first, or the answer */
    size_t left;              /* of it */
    bool started;
    int plain;
    short seen; /* events of PLAIN */
    const char *name, *address;
    int64_t deadline_us;
    unsigned char first[];
};

bool plain_talk_is_wanted(const struct handler_job *job)
{
    return job->plain_talk || job->mysql_login;
}

bool plain_talk_begin(struct handler_job *job, int plain, const char *name, const char *address,
                      const void *first, size_t size)
{
    if (job->mysql_login)
        return mysql_login_begin(job, plain, name, address);
    struct plain_talk_state *state = calloc(1, sizeof(*state) + size);
    if (!state) {
        actpass_fail(job->conn, ACTPASS_CANCELLED, "out of memory for the greeting");
        return false;
    }
    *state = (struct plain_talk_state){.talk = {.protocol = job->plain_talk},
                                       .next = STARTTLS_SEND,
                                       .out = state->first,
                                       .left = size,
                                       .plain = plain,
                                       .name = name,
                                       .address = address,
                                       .deadline_us = clock_deadline_ms(job->start_timeout_ms)};
    memcpy(state->first, first, size);
    job->state = state;
    return true;
}

static enum plain_talk fail(struct handler_job *job, const char *why)
{
    const struct plain_talk_state *state = job->state;
    struct error_text text;
    (void)error_set(&text, "starttls (%s): %s%s: %s", job->plain_talk->name, state->name,
                    state->address, why);
    actpass_fail(job->conn, ACTPASS_CANCELLED, text.text);
    return PLAIN_TALK_FAILED;
}

/* PLAIN_TALK_DONE: all is sent. */
static enum plain_talk send_rest(struct handler_job *job)
{
    struct plain_talk_state *state = job->state;
    while (state->left > 0) {
        ssize_t sent = send(state->plain, state->out, state->left, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && !would_block())
            return fail(job, strerror(errno));
        if (sent < 0)
            return PLAIN_TALK_WAITS;
        state->out += sent;
        state->left -= (size_t)sent;
    }
    return PLAIN_TALK_DONE;
}

/* Takes what the protocol has used, which is there. */
static bool take(struct plain_talk_state *state, unsigned char *input)
{
    size_t used = state->talk.used;
    return used == 0 ||
           recv(state->plain, input, used, MSG_DONTWAIT | MSG_WAITALL) == (ssize_t)used;
}

/* What is there is a part, which nobody can complete who has closed. */
static enum plain_talk wait_for_more(struct handler_job *job, size_t size)
{
    const struct plain_talk_state *state = job->state;
    _Static_assert((int)STARTTLS_INPUT_MAX <= (int)HANGUP_PEEK_MAX, "all of it is seen again");
    return hangup_is_behind(state->plain, size)
               ? fail(job, "it has closed within its first message")
               : PLAIN_TALK_WAITS;
}

/* Bytes behind what is used stay in the socket: they are for the peer. */
static enum plain_talk read_input(struct handler_job *job)
{
    struct plain_talk_state *state = job->state;
    unsigned char input[STARTTLS_INPUT_MAX];
    ssize_t size =
        state->started ? recv(state->plain, input, sizeof(input), MSG_PEEK | MSG_DONTWAIT) : 0;
    if (size < 0 && would_block())
        return PLAIN_TALK_WAITS;
    if (size < 0 || (size == 0 && state->started))
        return fail(job, size < 0 ? strerror(errno) : "it has closed before its greeting");
    state->started = true;
    state->next = job->plain_talk->read(&state->talk, input, (size_t)size);
    if (state->next == STARTTLS_MORE && size > 0)
        return wait_for_more(job, (size_t)size);
    if (state->next == STARTTLS_MORE)
        return PLAIN_TALK_DONE;
    if (state->next == STARTTLS_WRONG)
        return fail(job, state->talk.why.text);
    if (!take(state, input))
        return fail(job, "its greeting could not be read");
    state->out = state->talk.answer.bytes;
    state->left = state->talk.answer.size;
    return PLAIN_TALK_DONE;
}

static enum plain_talk talk(struct handler_job *job)
{
    struct plain_talk_state *state = job->state;
    enum plain_talk result;
    do {
        result = send_rest(job);
        if (result != PLAIN_TALK_DONE || state->next == STARTTLS_DONE)
            return result;
        result = read_input(job);
    } while (result == PLAIN_TALK_DONE);
    return result;
}

static enum plain_talk wait_or_fail(struct handler_job *job)
{
    const struct plain_talk_state *state = job->state;
    if (backend_is_unwanted(job->conn))
        return PLAIN_TALK_FAILED;
    if (clock_now_us() >= state->deadline_us)
        return fail(job, "its greeting was not complete within the handshake_timeout");
    job->deadline_us = state->deadline_us;
    job->own = (struct pollfd){.fd = state->plain, .events = POLLIN | POLLOUT | POLLRDHUP};
    return PLAIN_TALK_WAITS;
}

static enum plain_talk log_in(struct handler_job *job)
{
    switch (mysql_login_step(job)) {
    case HANDLER_WAIT:
        return PLAIN_TALK_WAITS;
    case HANDLER_MORE:
        return PLAIN_TALK_DONE;
    case HANDLER_DONE:
        break;
    }
    return PLAIN_TALK_FAILED;
}

enum plain_talk plain_talk_step(struct handler_job *job)
{
    if (job->mysql_login)
        return log_in(job);
    struct plain_talk_state *state = job->state;
    state->seen = (short)(state->seen | job->own.revents);
    enum plain_talk result = talk(job);
    if (result == PLAIN_TALK_WAITS)
        result = wait_or_fail(job);
    if (result == PLAIN_TALK_WAITS)
        return result;
    job->own = (struct pollfd){.fd = -1, .revents = state->seen};
    free(state);
    job->state = NULL;
    job->deadline_us = DEADLINE_NEVER;
    return result;
}

bool plain_talk_join(struct handler_job *job, int plain, const char *name, const char *address,
                     const struct duplex_early *early)
{
    short seen = job->own.revents;
    if (!duplex_begin_with(job, plain, name, address, early))
        return false;
    job->own.revents = (short)(seen | POLLIN);
    return true;
}
