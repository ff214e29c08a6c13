#include "server/daemon/handlers/start.h"

#include "relay/clock.h"
#include "server/daemon/handlers/proxy_header.h"

#include <stdlib.h>
#include <string.h>

/* A PROXY header that has begun: job->state. */
struct header {
    size_t size, wanted; /* bytes that are there, and that it has at least */
    int64_t deadline_us;
    uint8_t bytes[PROXY_HEADER_MAX];
};

/* Nothing more has come. */
static enum start_result wait_for_more(struct handler_job *job, int64_t deadline_us)
{
    if (job->leave)
        return START_ENDED;
    job->deadline_us = deadline_us;
    return START_WAITS;
}

/* ---- The first byte -------------------------------------------------------------------------- */

/* A connection on which nothing has come yet holds no memory for it. */
static enum start_result read_first(struct handler_job *job)
{
    uint8_t first[START_EARLY_MAX];
    int64_t length = actpass_read(job->conn, first, sizeof(first));
    if (length == ACTPASS_AGAIN)
        return wait_for_more(job, DEADLINE_NEVER);
    if (length <= 0)
        return START_ENDED;
    job->used = true;
    job->early = malloc((size_t)length);
    if (!job->early) {
        actpass_fail(job->conn, ACTPASS_CANCELLED, "out of memory for the first bytes");
        return START_ENDED;
    }
    memcpy(job->early, first, (size_t)length);
    job->early_size = (size_t)length;
    return START_READY;
}

/* ---- The PROXY header ------------------------------------------------------------------------ */

static enum start_result fail(struct handler_job *job, actpass_end end, const char *why)
{
    struct error_text text;
    (void)error_set(&text, "the PROXY header that \"start\" wants is wrong: %s", why);
    actpass_fail(job->conn, end, text.text);
    return START_ENDED;
}

/* It is allocated when the first byte is there. NULL: out of memory, which is the close reason. */
static struct header *begin(struct handler_job *job)
{
    struct header *header = calloc(1, sizeof(*header));
    if (!header) {
        actpass_fail(job->conn, ACTPASS_CANCELLED, "out of memory for the PROXY header");
        return NULL;
    }
    header->wanted = PROXY_HEADER_MIN;
    header->deadline_us = clock_deadline_ms(job->start_timeout_ms);
    job->state = header;
    job->used = true;
    return header;
}

/* Reads as much as the header has at least, and so nothing behind it. */
static int64_t read_some(struct handler_job *job)
{
    uint8_t bytes[PROXY_HEADER_MAX];
    struct header *header = job->state;
    size_t wanted = header ? header->wanted - header->size : (size_t)PROXY_HEADER_MIN;
    int64_t length = actpass_read(job->conn, bytes, wanted);
    if (length <= 0)
        return length;
    if (!header)
        header = begin(job);
    if (!header)
        return -1;
    memcpy(header->bytes + header->size, bytes, (size_t)length);
    header->size += (size_t)length;
    return length;
}

static enum start_result no_more(struct handler_job *job)
{
    const struct header *header = job->state;
    if (!header)
        return wait_for_more(job, DEADLINE_NEVER);
    if (clock_now_us() >= header->deadline_us)
        return fail(job, ACTPASS_TIMEOUT, "it was not complete within the handshake_timeout");
    return wait_for_more(job, header->deadline_us);
}

static enum start_result read_header(struct handler_job *job)
{
    for (;;) {
        struct proxy_header parsed;
        const char *why = NULL;
        int64_t length = read_some(job);
        struct header *header = job->state;
        if (length == ACTPASS_AGAIN)
            return no_more(job);
        if (length == 0 && header)
            return fail(job, ACTPASS_PROTOCOL, "it ends in the middle");
        if (length <= 0)
            return START_ENDED;
        switch (proxy_header_decode(header->bytes, header->size, &parsed, &header->wanted, &why)) {
        case PROXY_MORE:
            break;
        case PROXY_DONE:
            return START_READY;
        case PROXY_WRONG:
            return fail(job, ACTPASS_PROTOCOL, why);
        }
    }
}

/* ---- All ------------------------------------------------------------------------------------- */

static enum start_result start(struct handler_job *job)
{
    switch (job->start) {
    case CONFIG_START_FIRST_BYTE:
        return read_first(job);
    case CONFIG_START_PROXY:
        return read_header(job);
    case CONFIG_START_AT_ONCE:
        break;
    }
    return START_READY;
}

enum start_result start_step(struct handler_job *job)
{
    enum start_result result = start(job);
    if (result == START_WAITS)
        return result;
    free(job->state);
    job->state = NULL;
    job->deadline_us = DEADLINE_NEVER;
    return result;
}
