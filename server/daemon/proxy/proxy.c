/* Proxy: the peer says by SOCKS or HTTP CONNECT where it wants to go, inside TLS, and is joined to
 * a connection that goes there. */
#include "relay/clock.h"
#include "server/daemon/conversation.h"
#include "server/daemon/gate/connect.h"
#include "server/daemon/gate/over_tls.h"
#include "server/daemon/gate/socks4.h"
#include "server/daemon/gate/socks5.h"
#include "server/daemon/handlers/backend.h"
#include "server/daemon/handlers/duplex.h"
#include "server/daemon/handlers/handler.h"
#include "server/daemon/proxy/dialing.h"
#include "server/daemon/service.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What job->form says: job->outer belongs to the first two. */
enum form { FORM_TALK, FORM_DIAL, FORM_DUPLEX };

struct proxying {
    const struct gate_protocol *protocol; /* NULL until the first byte is there */
    struct gate_talk talk;
    struct proxy_dialing *dialing;
    int64_t deadline_us; /* for the request */
    size_t size;
    bool ended;                          /* the peer sends no more */
    unsigned char input[GATE_INPUT_MAX]; /* what nobody has used yet */
};

_Static_assert((int)GATE_INPUT_MAX <= (int)DUPLEX_EARLY_MAX, "the duplex takes all input");

/* ---- Begin and end --------------------------------------------------------------------------- */

/* A connection that we keep ready is not in a hurry before its first byte. */
static bool is_kept(const struct handler_job *job)
{
    return job->conversation &&
           config_dial_is_kept(&conversation_service(job->conversation)->config->dial);
}

static bool begin(struct handler_job *job)
{
    struct proxying *proxying = calloc(1, sizeof(*proxying));
    if (!proxying) {
        actpass_fail(job->conn, ACTPASS_CANCELLED, "out of memory for the handler");
        return false;
    }
    proxying->deadline_us =
        is_kept(job) ? DEADLINE_NEVER : clock_deadline_ms(job->start_timeout_ms);
    job->outer = proxying;
    return true;
}

static void free_talk(struct handler_job *job)
{
    struct proxying *proxying = job->outer;
    proxy_dialing_end(proxying->dialing, job);
    free(proxying);
    job->outer = NULL;
}

static enum handler_next end(struct handler_job *job)
{
    free_talk(job);
    job->deadline_us = DEADLINE_NEVER;
    return HANDLER_DONE;
}

/* Says so in the peer's protocol. */
static enum handler_next refuse(struct handler_job *job, enum gate_outcome outcome)
{
    struct proxying *proxying = job->outer;
    proxying->protocol->answer(&proxying->talk, outcome);
    gate_send(job->conn, &proxying->talk.answer);
    return end(job);
}

/* ---- The connection -------------------------------------------------------------------------- */

static enum handler_next serve(struct handler_job *job)
{
    bool in_order;
    int target = job->own.fd;
    enum handler_next next = duplex_step(job, &in_order);
    if (next == HANDLER_DONE) {
        job->own.fd = -1;
        close(target);
    }
    return next;
}

static enum handler_next join(struct handler_job *job, int target)
{
    struct proxying *proxying = job->outer;
    proxying->protocol->answer(&proxying->talk, GATE_REACHED);
    const struct duplex_early early = {.in = proxying->input,
                                       .in_size = proxying->size,
                                       .out = proxying->talk.answer.bytes,
                                       .out_size = proxying->talk.answer.size};
    proxy_dialing_end(proxying->dialing, job); /* before the descriptor is job->own */
    proxying->dialing = NULL;
    bool begun = duplex_begin_with(job, target, "the target ", job->target, &early);
    free_talk(job);
    if (!begun) {
        close(target);
        return HANDLER_DONE;
    }
    job->own.fd = target;
    job->form = FORM_DUPLEX;
    return serve(job);
}

static enum handler_next dial(struct handler_job *job)
{
    struct proxying *proxying = job->outer;
    enum gate_outcome outcome;
    int target = -1;
    if (backend_is_unwanted(job->conn))
        return end(job);
    if (!proxy_dialing_step(proxying->dialing, job, &target, &outcome))
        return HANDLER_WAIT;
    return target < 0 ? refuse(job, outcome) : join(job, target);
}

/* ---- The request ----------------------------------------------------------------------------- */

static bool may_speak(const struct config_strings *protocols, const char *name)
{
    for (size_t i = 0; i < protocols->count; i++)
        if (strcmp(protocols->items[i], name) == 0)
            return true;
    return protocols->count == 0;
}

/* By the first byte: 5, 4, or a letter of an HTTP method. NULL: none that there is. */
static const struct gate_protocol *protocol_of(unsigned char first)
{
    if (first == 5 || first == 4)
        return first == 5 ? &gate_socks5 : &gate_socks4;
    return first >= 'A' && first <= 'Z' ? &gate_connect : NULL;
}

/* One that is not listed is refused in its own terms: no method is acceptable, rejected, 403. */
static enum handler_next refuse_protocol(struct handler_job *job)
{
    static const unsigned char no_method[] = {5, 0xff};
    struct proxying *proxying = job->outer;
    const struct gate_protocol *protocol = protocol_of(proxying->input[0]);
    (void)error_set(&job->problem,
                    "the peer does not speak what \"protocols\" lists: its first "
                    "byte is 0x%02x",
                    proxying->input[0]);
    if (protocol == &gate_socks5)
        gate_set_answer(&proxying->talk, no_method, sizeof(no_method));
    else if (protocol)
        protocol->answer(&proxying->talk, GATE_NOT_ALLOWED);
    gate_send(job->conn, &proxying->talk.answer);
    return end(job);
}

/* False: the peer speaks none that we speak. */
static bool choose(struct handler_job *job)
{
    struct proxying *proxying = job->outer;
    const struct gate_protocol *protocol = protocol_of(proxying->input[0]);
    if (protocol && may_speak(&job->what->proxy.protocols, protocol->name))
        proxying->protocol = protocol;
    return proxying->protocol;
}

/* Reads once. False: nothing is there, or no room. */
static bool read_some(struct handler_job *job)
{
    struct proxying *proxying = job->outer;
    if (proxying->size == GATE_INPUT_MAX || proxying->ended)
        return false;
    int64_t length =
        actpass_read(job->conn, proxying->input + proxying->size, GATE_INPUT_MAX - proxying->size);
    if (length == ACTPASS_AGAIN)
        return false;
    if (length <= 0) {
        proxying->ended = true;
        return false;
    }
    if (proxying->deadline_us == DEADLINE_NEVER)
        proxying->deadline_us = clock_deadline_ms(job->start_timeout_ms);
    job->used = true;
    job->leave = false; /* somebody uses it */
    proxying->size += (size_t)length;
    return true;
}

static enum handler_next call(struct handler_job *job)
{
    struct proxying *proxying = job->outer;
    enum gate_outcome outcome;
    job->deadline_us = DEADLINE_NEVER;
    proxying->dialing = proxy_dialing_begin(job, &proxying->talk.request, &outcome);
    if (!proxying->dialing)
        return refuse(job, outcome);
    job->form = FORM_DIAL;
    return dial(job);
}

static enum handler_next wait_for_request(struct handler_job *job)
{
    const struct proxying *proxying = job->outer;
    bool late = clock_now_us() >= proxying->deadline_us;
    bool unused = !proxying->protocol;
    job->deadline_us = proxying->deadline_us;
    if (!late && !proxying->ended && !(job->leave && unused) && !job->stopping)
        return HANDLER_WAIT;
    if (late || !unused)
        (void)error_set(&job->problem,
                        late ? "the peer has not said within handshake_timeout where it wants to go"
                             : "the peer did not say where it wants to go");
    return end(job);
}

static enum handler_next find_request(struct handler_job *job)
{
    struct proxying *proxying = job->outer;
    while (read_some(job)) {
        if (!proxying->protocol && !choose(job))
            return refuse_protocol(job);
        switch (gate_read(proxying->protocol, &proxying->talk, job->conn, proxying->input,
                          &proxying->size)) {
        case GATE_NAMED:
            return call(job);
        case GATE_WRONG:
            (void)error_set(&job->problem, "%s", proxying->talk.why);
            gate_send(job->conn, &proxying->talk.answer);
            return end(job);
        default:
            break;
        }
    }
    return wait_for_request(job);
}

/* ---- All ------------------------------------------------------------------------------------- */

static enum handler_next proxy(struct handler_job *job)
{
    if (job->form == FORM_DUPLEX)
        return serve(job);
    if (!job->outer && !begin(job))
        return HANDLER_DONE;
    return job->form == FORM_TALK ? find_request(job) : dial(job);
}

static bool load(const struct config_handler *what, void **loaded, struct error_text *error)
{
    *loaded = proxy_rules_new(&what->proxy.allow, error);
    return *loaded;
}

static void unload(void *loaded)
{
    proxy_rules_free(loaded);
}

const struct handler proxy_handler = {
    .name = "proxy", .descriptors = 1, .load = load, .unload = unload, .step = proxy};
