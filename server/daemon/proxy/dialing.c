#include "server/daemon/proxy/dialing.h"

#include "relay/clock.h"
#include "server/daemon/handlers/dialed.h"
#include "server/lib/dial/race.h"
#include "server/lib/dial/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct proxy_dialing {
    const struct proxy_rules *rules;
    const char *target; /* job->target */
    char host[GATE_NAME_MAX + 1];
    struct config_address address;
    bool by_name;   /* the name is allowed, or everything */
    bool left_out;  /* an address of the name, since it is not allowed */
    bool permitted; /* another one */
    struct error_text reason;
    struct sockaddr_storage client; /* the peer's address, if the source is "transparent" */
    struct dial dial;
    struct race race;
};

/* ---- What is dialed -------------------------------------------------------------------------- */

static bool permits(void *arg, const struct candidate *to)
{
    struct proxy_dialing *dialing = arg;
    bool allowed = proxy_rules_have_address(dialing->rules,
                                            (const struct sockaddr *)(const void *)&to->address,
                                            dialing->address.port, dialing->by_name);
    dialing->left_out = dialing->left_out || !allowed;
    dialing->permitted = dialing->permitted || allowed;
    return allowed;
}

static void prepare(struct proxy_dialing *dialing, struct handler_job *job,
                    const struct gate_request *request)
{
    (void)snprintf(dialing->host, sizeof(dialing->host), "%s", request->name);
    dialing->rules = job->loaded;
    dialing->target = job->target;
    dialing->by_name = proxy_rules_have_name(
        dialing->rules, request->is_address ? NULL : request->name, request->port);
    dialing->address = (struct config_address){.kind = CONFIG_ADDRESS_TCP,
                                               .text = job->target,
                                               .host = dialing->host,
                                               .port = request->port};
    dialing->dial =
        (struct dial){.addresses = &dialing->address,
                      .count = 1,
                      .deadline_us = clock_deadline_ms(job->what->proxy.connect_timeout_ms),
                      .limit_name = "connect_timeout",
                      .lookup_flags = RESOLVE_FOR_PEER,
                      .wait = {.cancel_fd = -1},
                      .observer = {.failed = dialed_keep_reason, .arg = &dialing->reason},
                      .filter = {.permits = permits, .arg = dialing}};
}

/* "example.com:443", "[2001:db8::1]:443" */
static char *target_text(const struct gate_request *request)
{
    char *text = NULL;
    bool ipv6 = strchr(request->name, ':');
    int length = asprintf(&text, "%s%s%s:%u", ipv6 ? "[" : "", request->name, ipv6 ? "]" : "",
                          (unsigned)request->port);
    return length < 0 ? NULL : text;
}

static void say_not_allowed(struct handler_job *job)
{
    (void)error_set(&job->problem, "the peer may not connect to %s: \"allow\" has no item for it",
                    job->target);
}

struct proxy_dialing *proxy_dialing_begin(struct handler_job *job,
                                          const struct gate_request *request,
                                          enum gate_outcome *outcome)
{
    struct proxy_dialing *dialing = calloc(1, sizeof(*dialing));
    *outcome = GATE_FAILED;
    job->target = target_text(request);
    job->backend = job->target;
    if (!dialing || !job->target) {
        (void)error_set(&job->problem, "cannot connect for the peer: out of memory");
        free(dialing);
        return NULL;
    }
    if (!proxy_rules_may_dial(job->loaded, request->is_address ? NULL : request->name,
                              request->port)) {
        *outcome = GATE_NOT_ALLOWED;
        say_not_allowed(job);
        free(dialing);
        return NULL;
    }
    prepare(dialing, job, request);
    dialed_set_source(&dialing->dial, &job->what->proxy.source, job->conn, &dialing->client);
    race_begin(&dialing->race, &dialing->dial);
    return dialing;
}

/* ---- What came of it ------------------------------------------------------------------------- */

static enum gate_outcome outcome_of(const struct proxy_dialing *dialing)
{
    if (dialing->left_out && !dialing->permitted)
        return GATE_NOT_ALLOWED;
    switch (dialing->race.error) {
    case ECONNREFUSED:
        return GATE_REFUSED;
    case ENETUNREACH:
        return GATE_NO_NETWORK;
    case ETIMEDOUT:
        return GATE_NO_ANSWER;
    case EHOSTUNREACH:
        return GATE_NO_HOST;
    case 0: /* the name was not resolved, or there is no descriptor left */
        return dialing->permitted ? GATE_FAILED : GATE_NO_HOST;
    default:
        return GATE_FAILED;
    }
}

static enum gate_outcome failed(const struct proxy_dialing *dialing, struct handler_job *job)
{
    enum gate_outcome outcome = outcome_of(dialing);
    const char *reason = dialing->reason.text;
    if (outcome == GATE_NOT_ALLOWED)
        (void)error_set(&job->problem,
                        "the peer may not connect to %s: no network in \"allow\" has the addresses "
                        "that it stands for",
                        dialing->target);
    else
        (void)error_set(&job->problem, "cannot connect to %s for the peer: %s", dialing->target,
                        reason[0] != '\0' ? reason : "it has not answered in time");
    return outcome;
}

bool proxy_dialing_step(struct proxy_dialing *dialing, struct handler_job *job, int *fd,
                        enum gate_outcome *outcome)
{
    struct candidate winner;
    switch (race_step(&dialing->race, &winner, fd)) {
    case RACE_WAITS:
        job->deadline_us = race_wait(&dialing->race, &job->own);
        return false;
    case RACE_WON:
        dialed_note_address(job, &winner, job->target);
        *outcome = GATE_REACHED;
        return true;
    case RACE_FAILED:
        break;
    }
    *outcome = failed(dialing, job);
    return true;
}

void proxy_dialing_end(struct proxy_dialing *dialing, struct handler_job *job)
{
    if (!dialing)
        return;
    job->own = (struct pollfd){.fd = -1};
    job->deadline_us = DEADLINE_NEVER;
    race_end(&dialing->race, 0);
    free(dialing);
}
