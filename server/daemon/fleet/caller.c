#include "server/daemon/fleet/caller.h"

#include "relay/clock.h"
#include "server/daemon/current.h"
#include "server/daemon/gate/connect.h"
#include "server/daemon/gate/socks5.h"

#include <stdio.h>
#include <string.h>

void caller_init(struct caller *caller, struct conversation *conversation,
                 const struct config_reach *reach)
{
    *caller = (struct caller){.conversation = conversation,
                              .reach = reach,
                              .outcome = GATE_REACHED,
                              .deadline_us = clock_deadline_ms(CALLER_NAME_MS),
                              .pooled.request.fd = -1};
    if (reach->by == CONFIG_REACH_CONNECT)
        caller->protocol = &gate_connect;
    else if (reach->by == CONFIG_REACH_SOCKS5)
        caller->protocol = &gate_socks5;
}

void caller_note_addresses(struct caller *caller, const struct caller_addresses *addresses)
{
    sa_family_t family = addresses->source.ss_family;
    if ((family == AF_INET || family == AF_INET6) && addresses->destination.ss_family == family)
        caller->addresses = *addresses;
}

static const char *way_name(const struct caller *caller)
{
    if (caller->protocol)
        return caller->protocol->name;
    return caller->reach->by == CONFIG_REACH_NAME ? "name" : "server_name";
}

bool caller_take_name(struct caller *caller, const char *server_name)
{
    bool fixed = caller->reach->by == CONFIG_REACH_NAME;
    const char *name = fixed ? caller->reach->name : server_name;
    if (gate_take_name(&caller->talk.request, name, strlen(name)))
        return true;
    caller->outcome = GATE_UNKNOWN;
    return false;
}

static bool is_allowed(const struct caller *caller, caller_allowed *allowed, void *arg)
{
    const struct config_reach *reach = caller->reach;
    const char *name = caller->talk.request.name;
    for (size_t i = 0; i < reach->allow_count; i++) {
        const struct config_allow *allow = &reach->allow[i];
        if ((config_names_cover(&allow->names, CONFIG_NAME_DNS, name) ||
             config_names_cover(&allow->names, CONFIG_NAME_COMMON, name)) &&
            allowed && allowed(allow, i, arg))
            return true;
    }
    return reach->allow_count == 0;
}

/* Who is not allowed does not learn which names there are. */
bool caller_may_reach(struct caller *caller, caller_allowed *allowed, void *arg)
{
    const struct config *config = conversation_service(caller->conversation)->held->config;
    const struct gate_request *request = &caller->talk.request;
    caller->began_us = clock_now_us();
    if (!is_allowed(caller, allowed, arg))
        caller->outcome = GATE_NOT_ALLOWED;
    else if (request->is_address ||
             !config_pool_may_have(config, caller->reach->pool, request->name))
        caller->outcome = GATE_UNKNOWN;
    return caller->outcome == GATE_REACHED;
}

static void fill_request(struct caller *caller, int fd, struct duplex_link *link,
                         enum caller_answer answer)
{
    struct pool_request *request = &caller->pooled.request;
    const struct report *report = conversation_report(caller->conversation);
    caller_fill_answer(caller);
    *request = (struct pool_request){.fd = fd,
                                     .link = link,
                                     .number = report->number,
                                     .by = way_name(caller),
                                     .passed_on = caller->talk.request.passed_on,
                                     .source = caller->addresses.source,
                                     .destination = caller->addresses.destination};
    if (answer == OFFER_ANSWERS)
        request->answer = caller->talk.answer;
    memcpy(request->name, caller->talk.request.name, sizeof(request->name));
    (void)snprintf(request->service, sizeof(request->service), "%s", report->service);
}

/* So that the descriptor that goes to the offer is never one that another connection counts on. */
static bool take_join(struct caller *caller)
{
    struct server *server = conversation_server(caller->conversation);
    struct generation *generation = server_generation(server);
    uint64_t max = generation->joins;
    generation_release(generation);
    if (fleet_take_join(server->fleet, max))
        return true;
    caller->outcome = GATE_FULL;
    if (log_limit_note(&server->joins_full))
        report_joins_full(conversation_report(caller->conversation), max);
    return false;
}

bool caller_call(struct caller *caller, int fd, struct duplex_link *link, enum caller_answer answer)
{
    struct fleet *fleet = conversation_server(caller->conversation)->fleet;
    struct pool *pool = fleet_pool(fleet, caller->reach->pool);
    if (!take_join(caller))
        return false;
    fill_request(caller, fd, link, answer);
    caller->deadline_us = clock_deadline_ms(caller->reach->wait_ms);
    if (!pool || !pool_call(pool, &caller->pooled, conversation_bell(caller->conversation))) {
        fleet_end_join(fleet);
        caller->outcome = GATE_FAILED;
        return false;
    }
    if (pool_caller_state(&caller->pooled) == POOL_WAITS && !caller->talk.request.passed_on)
        fleet_wanted(fleet, pool, caller->talk.request.name, 0);
    return true;
}

enum caller_next caller_give_up(struct caller *caller, enum gate_outcome outcome)
{
    if (!pool_cancel(&caller->pooled))
        return CALLER_JOINED;
    fleet_end_join(conversation_server(caller->conversation)->fleet);
    caller->outcome = outcome;
    return CALLER_FAILED;
}

/* An offer that is wanted is given the time to accept, once: with "wait": "0s", too. */
static bool is_late(struct caller *caller, enum pool_caller_state state)
{
    enum { ACCEPT_MS = 1000 };
    if (clock_now_us() < caller->deadline_us)
        return false;
    if (state != POOL_GIVEN || caller->prolonged)
        return true;
    caller->prolonged = true;
    caller->deadline_us = clock_deadline_ms(ACCEPT_MS);
    return false;
}

enum caller_next caller_look(struct caller *caller)
{
    enum pool_caller_state state = pool_caller_state(&caller->pooled);
    if (state == POOL_JOINED)
        return CALLER_JOINED;
    if (conversation_is_stopping(caller->conversation))
        return caller_give_up(caller, GATE_BUSY);
    return is_late(caller, state) ? caller_give_up(caller, GATE_NONE_CAME) : CALLER_WAITS;
}

void caller_count(const struct caller *caller)
{
    struct fleet *fleet = conversation_server(caller->conversation)->fleet;
    struct pool *pool = fleet_pool(fleet, caller->reach->pool);
    if (pool)
        pool_note_outcome(pool, caller->outcome);
}

void caller_fill_answer(struct caller *caller)
{
    if (caller->protocol)
        caller->protocol->answer(&caller->talk, caller->outcome);
    else
        caller->talk.answer.size = 0;
}

const char *caller_outcome_name(enum gate_outcome outcome)
{
    static const char *const names[GATE_OUTCOMES] = {
        [GATE_REACHED] = "reached",    [GATE_NOT_ALLOWED] = "not_allowed",
        [GATE_UNKNOWN] = "unknown",    [GATE_FAILED] = "failed",
        [GATE_BUSY] = "stopping",      [GATE_FULL] = "full",
        [GATE_NONE_CAME] = "none_came"};
    return names[outcome];
}

void caller_explain(const struct caller *caller, struct error_text *text)
{
    static const char *const why[GATE_OUTCOMES] = {
        [GATE_REACHED] = "it was reached",
        [GATE_NOT_ALLOWED] = "this client may not reach it (allow)",
        [GATE_UNKNOWN] = "no device of the pool can have this name (peer_names)",
        [GATE_FAILED] = "the client left, or memory or descriptors were short",
        [GATE_BUSY] = "the service stops",
        [GATE_FULL] = "the process has no descriptor for one more join (ulimit -Hn, LimitNOFILE=)",
        [GATE_NONE_CAME] = "no device of this name came in time (wait)"};
    const char *name = caller->talk.request.name;
    if (name[0] == '\0')
        (void)error_set(text, "the client said no name that could be reached");
    else
        (void)error_set(text, "\"%s\" was not reached: %s", name, why[caller->outcome]);
}
