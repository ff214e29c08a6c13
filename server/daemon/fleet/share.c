/* Share: a connection to another collector's gate, on which that is asked for one name by HTTP
 * CONNECT (pass_on.h). The collector's certificate was judged in the handshake, so its word counts:
 * what it joins to this connection is the device of that name. */
#include "relay/clock.h"
#include "server/daemon/conversation.h"
#include "server/daemon/fleet/errand.h"
#include "server/daemon/fleet/offered.h"
#include "server/daemon/handlers/handler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 500, REQUEST_MAX = 1024, HEAD_MAX = 4096 };

_Static_assert((int)HEAD_MAX <= (int)OFFERED_EARLY_MAX, "the device's first bytes come behind it");

/* job->state until the collector has answered. */
struct asking {
    char request[REQUEST_MAX];
    size_t length, sent;
    char head[HEAD_MAX + 1];
    size_t size;
};

/* ---- The request ----------------------------------------------------------------------------- */

/* Max-Forwards: the other collector looks for the device at itself only (RFC 9110 section 7.6.2).
 * The port is not the gate's to judge, and must be one. */
static struct asking *begin(struct handler_job *job)
{
    const struct errand *errand = conversation_errand(job->conversation);
    struct asking *asking = calloc(1, sizeof(*asking));
    if (!asking) {
        (void)error_set(&job->problem, "out of memory to ask another collector");
        return NULL;
    }
    int length = snprintf(asking->request, sizeof(asking->request),
                          "CONNECT %s:443 HTTP/1.1\r\nHost: %s:443\r\nMax-Forwards: 0\r\n\r\n",
                          errand->name, errand->name);
    asking->length = (size_t)length;
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
    while (asking->sent < asking->length) {
        int64_t taken = actpass_write_some(job->conn, asking->request + asking->sent,
                                           asking->length - asking->sent);
        if (taken == ACTPASS_AGAIN)
            return true;
        if (taken <= 0)
            return false;
        asking->sent += (size_t)taken;
    }
    return true;
}

/* ---- The answer ------------------------------------------------------------------------------ */

/* False: the connection has ended. */
static bool receive_head(struct handler_job *job)
{
    struct asking *asking = job->state;
    while (asking->size < HEAD_MAX) {
        int64_t length =
            actpass_read(job->conn, asking->head + asking->size, HEAD_MAX - asking->size);
        if (length == ACTPASS_AGAIN)
            return true;
        if (length <= 0)
            return false;
        asking->size += (size_t)length;
        asking->head[asking->size] = '\0';
        if (strstr(asking->head, "\r\n\r\n"))
            return true;
    }
    return true;
}

/* What is behind the head is the device's. */
static enum handler_next park(struct handler_job *job, const char *behind)
{
    const struct errand *errand = conversation_errand(job->conversation);
    struct asking *asking = job->state;
    const char *const names[] = {errand->name};
    const struct pool_terms terms = {.names = names,
                                     .count = 1,
                                     .per_name = POOL_ONLY_WANTED,
                                     .number = conversation_report(job->conversation)->number};
    job->state = NULL;
    job->deadline_us = DEADLINE_NEVER;
    bool parked = offered_begin(job, errand->pool, &terms, behind,
                                (size_t)(asking->head + asking->size - behind));
    free(asking);
    return parked ? offered_step(job) : HANDLER_DONE;
}

/* "HTTP/1.1 200 ...": any other status is a refusal. */
static enum handler_next take_head(struct handler_job *job, const char *behind)
{
    struct asking *asking = job->state;
    bool http = strncmp(asking->head, "HTTP/1.", 7) == 0 && asking->head[8] == ' ';
    if (http && strncmp(asking->head + 9, "200", 3) == 0 &&
        (asking->head[12] == ' ' || asking->head[12] == '\r'))
        return park(job, behind);
    char why[64];
    (void)snprintf(why, sizeof(why), http ? "it answered %.3s" : "it does not answer in HTTP",
                   asking->head + 9);
    return fail(job, why);
}

static enum handler_next ask(struct handler_job *job)
{
    const struct errand *errand = conversation_errand(job->conversation);
    struct asking *asking = job->state;
    bool wanted = !job->stopping && pool_wants(errand->pool, errand->name);
    if (!wanted && asking->sent == 0)
        return fail(job, "nobody waits for it any more");
    if (!send_request(job) || !receive_head(job))
        return fail(job, "the connection ended");
    const char *end_of_head = strstr(asking->head, "\r\n\r\n");
    if (end_of_head)
        return take_head(job, end_of_head + 4);
    if (asking->size >= HEAD_MAX)
        return fail(job, "its answer is too long");
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
