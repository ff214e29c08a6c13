/* SNIFF: the wait for the peer's first bytes, and the verdict. */
#include "relay/clock.h"
#include "relay/hello.h"
#include "relay/internal.h"

#include <errno.h>
#include <stdlib.h>

static void decide(struct relay *relay, enum role role, enum cause cause)
{
    state_set_verdict(relay, role, cause);
    relay->verdict.decided_us = clock_now_us() - relay->accepted_us;
    state_set(relay, RELAY_OPEN);
    wake_poller(relay); /* its deadline and events are those of the old state */
    wake_waiters(relay);
}

static void decide_late(struct relay *relay)
{
    if (relay->input.first.length) {
        decide(relay, ROLE_NONE, CAUSE_HELLO_INCOMPLETE);
        return;
    }
    glare_begin(relay);
    decide(relay, ROLE_CLIENT, CAUSE_SILENCE);
}

/* A hint may be wrong: the rule for glare corrects that. */
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
    switch (hello_classify(relay->input.first.data, relay->input.first.length)) {
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

/* Grows the buffer from the size of a common hello up to HELLO_MAX. Returns false without memory.
 */
static bool make_room(struct first_bytes *first)
{
    if (first->length < first->capacity)
        return true;
    size_t larger = first->capacity ? first->capacity * 2 : 2048;
    if (larger > HELLO_MAX)
        larger = HELLO_MAX;
    uint8_t *data = realloc(first->data, larger);
    if (!data)
        return false;
    first->data = data;
    first->capacity = larger;
    return true;
}

size_t sniff_read(struct relay *relay)
{
    struct first_bytes *first = &relay->input.first;
    if (!make_room(first)) {
        socket_fail_input(relay, ENOMEM);
        return 0;
    }
    size_t got =
        socket_receive(relay, first->data + first->length, first->capacity - first->length);
    first->length += got;
    return got;
}

void sniff_receive(struct relay *relay)
{
    bool begins = relay->input.first.length == 0;
    if (sniff_read(relay)) {
        if (begins) /* the rest of the hello has the handshake timeout */
            relay->hello_deadline_us = clock_deadline_ms(relay->options.handshake_timeout_ms);
        judge(relay);
    } else if (state_input_over(relay)) {
        decide(relay, ROLE_NONE, begins ? CAUSE_CLOSED_BEFORE_FIRST_BYTE : CAUSE_HELLO_INCOMPLETE);
    }
}
