/* Share: a connection to another collector's gate, on which that is asked for one name by HTTP
 * CONNECT (pass_on.h). The collector's certificate was judged in the handshake, so its word counts:
 * what it joins to this connection is the device of that name. */
#include "relay/clock.h"
#include "server/daemon/conversation.h"
#include "server/daemon/fleet/errand.h"
#include "server/daemon/fleet/offered.h"
#include "server/daemon/handlers/handler.h"
#include "server/lib/dial/http_connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 500, PORT = 443, READ_MAX = 4096 };

_Static_assert((int)READ_MAX <= (int)OFFERED_EARLY_MAX, "the device's first bytes may fill it");

/* job->state until the collector has answered. */
struct asking {
    struct proxy_request request;
    size_t sent;
    struct http_connect http;
};

/* ---- The request ----------------------------------------------------------------------------- */

/* Max-Forwards: the other collector looks for the device at itself only (RFC 9110 section 7.6.2).
 * The port is not the gate's to judge, and must be one. */
static struct asking *begin(struct handler_job *job)
{
    static const struct credentials none;
    const struct errand *errand = conversation_errand(job->conversation);
    struct asking *asking = calloc(1, sizeof(*asking));
    char name[sizeof(errand->name)];
    if (!asking) {
        (void)error_set(&job->problem, "out of memory to ask another collector");
        return NULL;
    }
    memcpy(name, errand->name, sizeof(name));
    const struct config_address to = {.kind = CONFIG_ADDRESS_TCP, .host = name, .port = PORT};
    http_connect_begin(&asking->http, &to, &none, &asking->request);
    http_connect_add(&asking->request, "Max-Forwards: 0");
    job->state = asking;
    return asking;
}

static enum handler_next end(struct handler_job *job)
{
    free(job->state);
    job->state = NULL;
    job->deadline_us = DEADLINE_NEVER;
    return HANDLER_DONE;
}

static enum handler_next fail(struct handler_job *job, const char *why)
{
    const struct errand *errand = conversation_errand(job->conversation);
    (void)error_set(&job->problem, "the collector %s was asked for \"%s\": %s", errand->to.text,
                    errand->name, why);
    return end(job);
}

/* False: the connection has failed. */
static bool send_request(struct handler_job *job)
{
    struct asking *asking = job->state;
    while (asking->sent < asking->request.size) {
        int64_t taken = actpass_write_some(job->conn, asking->request.bytes + asking->sent,
                                           asking->request.size - asking->sent);
        if (taken == ACTPASS_AGAIN)
            return true;
        if (taken <= 0)
            return false;
        asking->sent += (size_t)taken;
    }
    return true;
}

/* ---- The answer ------------------------------------------------------------------------------ */

/* What is behind the head is the device's. */
static enum handler_next park(struct handler_job *job, const unsigned char *behind, size_t size)
{
    const struct errand *errand = conversation_errand(job->conversation);
    const char *const names[] = {errand->name};
    const struct pool_terms terms = {.names = names,
                                     .count = 1,
                                     .per_name = POOL_ONLY_WANTED,
                                     .number = conversation_report(job->conversation)->number};
    (void)end(job);
    bool parked = offered_begin(job, errand->pool, &terms, behind, size);
    return parked ? offered_step(job) : HANDLER_DONE;
}

/* What advice there is in a proxy's refusal is not for collectors. */
static enum handler_next refuse(struct handler_job *job)
{
    const struct asking *asking = job->state;
    char why[64];
    int code = http_connect_code(&asking->http);
    (void)snprintf(why, sizeof(why), code >= 300 ? "it answered %d" : "it does not answer in HTTP",
                   code);
    return fail(job, why);
}

/* HANDLER_WAIT: there is no whole answer yet. */
static enum handler_next receive_head(struct handler_job *job)
{
    struct asking *asking = job->state;
    struct error_text why;
    unsigned char bytes[READ_MAX];
    enum proxy_answer answer = PROXY_MORE;
    size_t used = 0, size = 0;
    while (answer == PROXY_MORE) {
        int64_t length = actpass_read(job->conn, bytes, sizeof(bytes));
        if (length == ACTPASS_AGAIN)
            return HANDLER_WAIT;
        if (length <= 0)
            return fail(job, "the connection ended");
        size = (size_t)length;
        answer = http_connect_take(&asking->http, bytes, size, &used, &why);
    }
    return answer == PROXY_UP ? park(job, bytes + used, size - used) : refuse(job);
}

static enum handler_next ask(struct handler_job *job)
{
    const struct errand *errand = conversation_errand(job->conversation);
    const struct asking *asking = job->state;
    bool wanted = !job->stopping && pool_wants(errand->pool, errand->name);
    if (!wanted && asking->sent == 0)
        return fail(job, "nobody waits for it any more");
    if (!send_request(job))
        return fail(job, "the connection ended");
    enum handler_next next = receive_head(job);
    if (next != HANDLER_WAIT || job->outer) /* parked: the offer waits */
        return next;
    if (!wanted)
        return fail(job, "nobody waits for it any more");
    job->deadline_us = clock_deadline_ms(LOOK_MS);
    return HANDLER_WAIT;
}

static enum handler_next share(struct handler_job *job)
{
    if (job->outer)
        return offered_step(job);
    if (!job->state && !begin(job))
        return HANDLER_DONE;
    return ask(job);
}

const struct handler share_handler = {.name = "share", .descriptors = 1, .step = share};
