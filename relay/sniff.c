/* SNIFF: the wait for the peer's first bytes, and the verdict. */
#include "relay/clock.h"
#include "relay/hello.h"
#include "relay/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

static void decide(struct relay *relay, enum role role, enum cause cause)
{
    relay->verdict.role = role;
    relay->verdict.cause = cause;
    relay->verdict.decided_us = clock_now_us() - relay->accepted_us;
    relay_set_state(relay, RELAY_OPEN);
    wait_wake(relay);
}

static void decide_late(struct relay *relay)
{
    if (relay->first.length) {
        decide(relay, ROLE_NONE, CAUSE_HELLO_INCOMPLETE);
        return;
    }
    glare_begin(relay);
    decide(relay, ROLE_CLIENT, CAUSE_SILENCE);
}

/* A guess: glare makes up for a wrong one. */
static void decide_by_hint(struct relay *relay, enum role role)
{
    if (role == ROLE_CLIENT)
        glare_begin(relay);
    decide(relay, role, CAUSE_HINT);
}

void sniff_begin(struct relay *relay)
{
    const struct relay_options *options = &relay->options;
    relay->verdict = (struct verdict){.role = ROLE_AUTO,
                                      .accepted_us = relay->accepted_us,
                                      .decided_us = -1,
                                      .first_byte_us = -1};
    if (options->role != ROLE_AUTO)
        decide(relay, options->role, CAUSE_CONFIGURED);
    else if (options->hint != ROLE_AUTO)
        decide_by_hint(relay, options->hint);
    else if (options->initial_data_timeout_ms == 0)
        decide_late(relay);
    else if (options->initial_data_timeout_ms < 0)
        relay->hello_deadline_us = DEADLINE_NEVER;
    else
        relay->hello_deadline_us = relay->accepted_us + options->initial_data_timeout_ms * 1000;
}

void sniff_check_time(struct relay *relay)
{
    if (relay->state != RELAY_SNIFF)
        return;
    if (relay->cancelled)
        decide(relay, ROLE_NONE, CAUSE_UNDECIDED);
    else if (clock_now_us() >= relay->hello_deadline_us)
        decide_late(relay);
}

static void judge(struct relay *relay)
{
    switch (hello_classify(relay->first.data, relay->first.length)) {
    case HELLO_PARTIAL:
        break;
    case HELLO_CLIENT:
        decide(relay, ROLE_SERVER, CAUSE_CLIENT_HELLO);
        break;
    case HELLO_PEER_ANSWERS_AS_SERVER:
        relay->verdict.answerable = true;
        decide(relay, ROLE_NONE, CAUSE_PEER_ANSWERS_AS_SERVER);
        break;
    case HELLO_ALERT:
        decide(relay, ROLE_NONE, CAUSE_ALERT_FIRST);
        break;
    case HELLO_OTHER_RECORD:
        relay->verdict.answerable = true;
        decide(relay, ROLE_NONE, CAUSE_NOT_TLS);
        break;
    case HELLO_NOT_TLS:
        decide(relay, ROLE_NONE, CAUSE_NOT_TLS);
        break;
    }
}

/* Room for more first bytes: starts at the size of a common hello, at most HELLO_MOST. */
static bool make_room(struct first_bytes *first)
{
    if (first->length < first->capacity)
        return true;
    size_t larger = first->capacity ? first->capacity * 2 : 2048;
    if (larger > HELLO_MOST)
        larger = HELLO_MOST;
    uint8_t *data = realloc(first->data, larger);
    if (!data)
        return false;
    first->data = data;
    first->capacity = larger;
    return true;
}

ssize_t sniff_read(struct relay *relay)
{
    struct first_bytes *first = &relay->first;
    if (!make_room(first)) {
        pump_received(relay, -1, ENOMEM);
        return 0;
    }
    size_t size = pump_capped(relay, first->capacity - first->length);
    relay_unlock(relay);
    ssize_t got = recv(relay->fd, first->data + first->length, size, MSG_DONTWAIT);
    int error = errno;
    relay_lock(relay);
    pump_received(relay, got, error);
    if (got <= 0)
        return 0;
    first->length += (size_t)got;
    return got;
}

void sniff_receive(struct relay *relay)
{
    bool begins = relay->first.length == 0;
    if (sniff_read(relay)) {
        if (begins) /* the rest of the hello has the handshake's time */
            relay->hello_deadline_us = clock_deadline_ms(relay->options.handshake_timeout_ms);
        judge(relay);
    } else if (relay->input_dead) {
        decide(relay, ROLE_NONE, begins ? CAUSE_CLOSED_BEFORE_FIRST_BYTE : CAUSE_HELLO_INCOMPLETE);
    }
}
