/* Reach: a gate with TLS. The client says which name it wants, and is joined to a connection of
 * that device: its half, and the offer's half, are two duplexes with a socketpair between them. */
#include "relay/clock.h"
#include "server/daemon/fleet/caller.h"
#include "server/daemon/gate/over_tls.h"
#include "server/daemon/handlers/client_addresses.h"
#include "server/daemon/handlers/duplex.h"
#include "server/daemon/handlers/handler.h"
#include "server/lib/parsed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum phase { PHASE_NAME, PHASE_WAIT, PHASE_JOINED };

/* job->outer. */
struct reaching {
    struct caller caller;
    enum phase phase;
    int pair[2]; /* ours, and the offer's; -1: there is none, or it is the offer's now */
    struct duplex_link *link;
    unsigned char *input; /* GATE_INPUT_MAX bytes: what the client has sent, and nobody has used;
                             NULL: there is a duplex, which has it */
    size_t size;
    bool ended; /* the client sends no more */
};

_Static_assert((int)GATE_INPUT_MAX <= (int)DUPLEX_EARLY_MAX, "the duplex takes all input");

/* ---- Who may reach what: one policy for each item of "allow" --------------------------------- */

struct policies {
    size_t count;
    actpass_policy *items[];
};

static void unload(void *loaded)
{
    struct policies *policies = loaded;
    for (size_t i = 0; policies && i < policies->count; i++)
        actpass_policy_free(policies->items[i]);
    free(policies);
}

static bool load(const struct config_handler *what, void **loaded, struct error_text *error)
{
    const struct config_reach *reach = &what->reach;
    struct policies *policies =
        calloc(1, sizeof(*policies) + reach->allow_count * sizeof(policies->items[0]));
    if (!policies)
        return error_set(error, "out of memory for \"allow\"");
    for (; policies->count < reach->allow_count; policies->count++) {
        const struct config_allow *allow = &reach->allow[policies->count];
        actpass_policy *policy = parsed_policy(&allow->peer_names, &allow->peer_pins, error);
        if (!policy) {
            unload(policies);
            return false;
        }
        policies->items[policies->count] = policy;
    }
    *loaded = policies;
    return true;
}

static bool allows(const struct config_allow *allow, size_t index, void *arg)
{
    const struct handler_job *job = arg;
    const struct policies *policies = job->loaded;
    (void)allow;
    return actpass_peer_matches(job->conn, policies->items[index], NULL, 0) == 1;
}

/* ---- Begin and end --------------------------------------------------------------------------- */

static void note_addresses(struct caller *caller, const struct handler_job *job)
{
    struct caller_addresses addresses;
    if (client_addresses(job, &addresses.source, &addresses.destination))
        caller_note_addresses(caller, &addresses);
}

static bool begin(struct handler_job *job)
{
    struct reaching *reaching = calloc(1, sizeof(*reaching));
    if (reaching)
        reaching->input = malloc(GATE_INPUT_MAX);
    if (!reaching || !reaching->input) {
        free(reaching);
        actpass_fail(job->conn, ACTPASS_CANCELLED, "out of memory for the handler");
        return false;
    }
    caller_init(&reaching->caller, job->conversation, &job->what->reach);
    note_addresses(&reaching->caller, job);
    reaching->pair[0] = reaching->pair[1] = -1;
    job->outer = reaching;
    return true;
}

static enum handler_next end(struct handler_job *job)
{
    struct reaching *reaching = job->outer;
    bool joined = reaching->phase == PHASE_JOINED;
    if (!joined && reaching->caller.outcome == GATE_REACHED)
        reaching->caller.outcome = GATE_FAILED; /* it said no name */
    if (!joined)
        caller_count(&reaching->caller);
    for (size_t i = 0; i < 2; i++)
        if (reaching->pair[i] >= 0)
            close(reaching->pair[i]);
    duplex_link_release(reaching->link);
    if (!joined) /* the offer's reference is ours, too */
        duplex_link_release(reaching->link);
    free(reaching->input);
    free(reaching);
    job->outer = NULL;
    job->deadline_us = DEADLINE_NEVER;
    return HANDLER_DONE;
}

/* Says so in the client's protocol. Without one it must not look like the end of a message. */
static enum handler_next refuse(struct handler_job *job)
{
    struct reaching *reaching = job->outer;
    struct caller *caller = &reaching->caller;
    caller_explain(caller, &job->problem);
    caller_fill_answer(caller);
    gate_send(job->conn, &caller->talk.answer);
    if (caller->talk.answer.size == 0) {
        bool refused = caller->outcome == GATE_NOT_ALLOWED || caller->outcome == GATE_UNKNOWN;
        actpass_fail(job->conn, refused ? ACTPASS_REFUSED : ACTPASS_CANCELLED, job->problem.text);
        actpass_abort(job->conn);
    }
    return end(job);
}

/* ---- The name -------------------------------------------------------------------------------- */

/* Reads what the client has sent, as far as there is room. False: its connection has failed. */
static bool read_input(struct handler_job *job)
{
    struct reaching *reaching = job->outer;
    while (reaching->size < GATE_INPUT_MAX && !reaching->ended) {
        int64_t length = actpass_read(job->conn, reaching->input + reaching->size,
                                      GATE_INPUT_MAX - reaching->size);
        if (length == ACTPASS_AGAIN)
            return true;
        if (length < 0)
            return false;
        reaching->ended = length == 0;
        reaching->size += (size_t)length;
    }
    return true;
}

static bool make_pair(struct reaching *reaching)
{
    reaching->link = duplex_link_new();
    return reaching->link &&
           socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, reaching->pair) == 0;
}

static bool call(struct handler_job *job)
{
    struct reaching *reaching = job->outer;
    struct caller *caller = &reaching->caller;
    if (!caller_may_reach(caller, allows, job))
        return false;
    if (!make_pair(reaching)) {
        caller->outcome = GATE_FAILED;
        return false;
    }
    reaching->phase = PHASE_WAIT;
    return caller_call(caller, reaching->pair[1], reaching->link, CALLER_ANSWERS);
}

static enum handler_next wait_for_join(struct handler_job *job);

static enum handler_next find_name(struct handler_job *job)
{
    struct reaching *reaching = job->outer;
    struct caller *caller = &reaching->caller;
    if (!caller->protocol) {
        actpass_info_t info;
        actpass_info(job->conn, &info);
        bool named = caller_take_name(caller, info.server_name);
        return named && call(job) ? wait_for_join(job) : refuse(job);
    }
    switch (
        gate_read(caller->protocol, &caller->talk, job->conn, reaching->input, &reaching->size)) {
    case GATE_NAMED:
        return call(job) ? wait_for_join(job) : refuse(job);
    case GATE_WRONG:
        (void)error_set(&job->problem, "%s", caller->talk.why);
        gate_send(job->conn, &caller->talk.answer);
        return end(job);
    default:
        break;
    }
    job->deadline_us = caller->deadline_us;
    if (clock_now_us() < caller->deadline_us && !job->stopping && !reaching->ended)
        return HANDLER_WAIT;
    (void)error_set(&job->problem, "the client did not say which name it wants to reach");
    return end(job);
}

/* ---- The join -------------------------------------------------------------------------------- */

static enum handler_next serve(struct handler_job *job)
{
    bool in_order;
    struct reaching *reaching = job->outer;
    enum handler_next next = duplex_step(job, &in_order);
    if (next != HANDLER_DONE)
        return next;
    if (!in_order)
        atomic_store(&reaching->link->cut, true);
    return end(job);
}

static enum handler_next join(struct handler_job *job)
{
    struct reaching *reaching = job->outer;
    struct caller *caller = &reaching->caller;
    const struct pool_request *request = &caller->pooled.request;
    reaching->phase = PHASE_JOINED;
    caller_count(caller);
    reaching->pair[1] = -1; /* the offer has it */
    caller_fill_answer(caller);
    const struct duplex_early early = {.in = reaching->input,
                                       .in_size = reaching->size,
                                       .out = caller->talk.answer.bytes,
                                       .out_size = caller->talk.answer.size,
                                       .link = reaching->link};
    const char *name = conversation_note_join(job->conversation, request->name, request->by,
                                              caller->pooled.joined_number);
    bool begun = duplex_begin_with(job, reaching->pair[0], "the device ", name, &early);
    free(reaching->input);
    reaching->input = NULL;
    if (begun)
        return serve(job);
    atomic_store(&reaching->link->cut, true);
    return end(job);
}

/* A client that waits for an answer and has ended is gone; without a protocol it may have said
 * all. */
static bool has_left(const struct reaching *reaching)
{
    return reaching->ended && reaching->caller.protocol;
}

static enum handler_next wait_for_join(struct handler_job *job)
{
    struct reaching *reaching = job->outer;
    struct caller *caller = &reaching->caller;
    bool up = read_input(job);
    enum caller_next next =
        up && !has_left(reaching) ? caller_look(caller) : caller_give_up(caller, GATE_FAILED);
    switch (next) {
    case CALLER_JOINED:
        return join(job);
    case CALLER_FAILED:
        return refuse(job);
    case CALLER_WAITS:
        break;
    }
    job->deadline_us = caller->deadline_us;
    return HANDLER_WAIT;
}

static enum handler_next reach(struct handler_job *job)
{
    if (!job->outer && !begin(job))
        return HANDLER_DONE;
    const struct reaching *reaching = job->outer;
    switch (reaching->phase) {
    case PHASE_NAME:
        return read_input(job) ? find_name(job) : end(job);
    case PHASE_WAIT:
        return wait_for_join(job);
    case PHASE_JOINED:
        break;
    }
    return serve(job);
}

const struct handler reach_handler = {
    .name = "reach", .descriptors = 2, .load = load, .unload = unload, .step = reach};
