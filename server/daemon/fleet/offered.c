/* What the device sends before (a server that speaks first) is kept for the client; beyond a buffer
 * it is left in TLS, so that the device has to wait. */
#include "server/daemon/fleet/offered.h"

#include "relay/clock.h"
#include "server/daemon/conversation.h"
#include "server/daemon/fleet/fleet.h"
#include "server/daemon/handlers/bridge.h"
#include "server/daemon/handlers/proxy_header.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* job->outer. */
struct offered {
    struct pool_offer offer;
    unsigned char *early; /* OFFERED_EARLY_MAX bytes; NULL: the device has sent nothing */
    size_t early_size;
    bool joined; /* then the rest is there, and job->state is the duplex */
    int fd;
    struct duplex_link *link;
    struct pool_join *noted; /* for /status; NULL: it is not */
};

/* ---- Before the join ------------------------------------------------------------------------- */

enum handler_next offered_end(struct handler_job *job)
{
    struct offered *offered = job->outer;
    pool_leave(&offered->offer);
    pool_join_end(offered->noted);
    free(offered->early);
    free(offered);
    job->outer = NULL;
    return HANDLER_DONE;
}

/* False: out of memory, which is the close reason. */
static bool keep(struct handler_job *job, const unsigned char *bytes, size_t size)
{
    struct offered *offered = job->outer;
    if (!offered->early)
        offered->early = malloc(OFFERED_EARLY_MAX);
    if (!offered->early) {
        actpass_fail(job->conn, ACTPASS_CANCELLED, "out of memory for the device's first bytes");
        return false;
    }
    memcpy(offered->early + offered->early_size, bytes, size);
    offered->early_size += size;
    return true;
}

/* Reads what the device has sent, as far as there is room for it. False: its connection has ended.
 */
static bool read_early(struct handler_job *job)
{
    const struct offered *offered = job->outer;
    unsigned char bytes[OFFERED_EARLY_MAX];
    while (offered->early_size < OFFERED_EARLY_MAX) {
        int64_t length = actpass_read(job->conn, bytes, OFFERED_EARLY_MAX - offered->early_size);
        if (length == ACTPASS_AGAIN)
            return true;
        if (length <= 0 || !keep(job, bytes, (size_t)length))
            return false;
    }
    return true;
}

/* Has the device gone without our having read that? A join with it would fail. */
static bool is_gone(actpass_conn *conn)
{
    struct pollfd tls;
    (void)actpass_prepare_wait(conn, &tls);
    if (actpass_ended(conn) != ACTPASS_OPEN || actpass_is_broken(conn))
        return true;
    tls.events = POLLRDHUP;
    return poll(&tls, 1, 0) > 0;
}

/* ---- The join -------------------------------------------------------------------------------- */

/* Closes the client. It was prepared so that this is a cut, unless it is in order. */
static void close_client(const struct handler_job *job, bool in_order)
{
    struct offered *offered = job->outer;
    if (offered->link && !in_order)
        atomic_store(&offered->link->cut, true);
    duplex_link_release(offered->link);
    bridge_close(offered->fd, in_order);
    fleet_end_join(conversation_server(job->conversation)->fleet);
}

/* Fills *SIZE with the length of the header that the device gets first; 0: none. False: it cannot
 * be written. */
static bool write_header(const struct handler_job *job, const struct pool_request *request,
                         unsigned char out[PROXY_HEADER_MAX], size_t *size)
{
    bool wanted = job->what->kind == CONFIG_HANDLER_OFFER && job->what->offer.send_proxy;
    const struct proxy_header header = {
        .command = PROXY_PROXY,
        .source = request->source,
        .destination = request->destination,
        .tlvs = {{PROXY_AUTHORITY, {request->name, strlen(request->name)}}},
        .tlv_count = 1};
    *size = wanted ? proxy_header_encode(&header, out, PROXY_HEADER_MAX) : 0;
    return !wanted || *size > 0;
}

/* False: it has failed, and the client is closed. */
static bool join(struct handler_job *job, struct offered *offered,
                 const struct pool_request *request)
{
    unsigned char in[DUPLEX_EARLY_MAX];
    size_t answer = request->answer.size;
    memcpy(in, request->answer.bytes, answer);
    if (offered->early_size > 0)
        memcpy(in + answer, offered->early, offered->early_size);
    unsigned char header[PROXY_HEADER_MAX];
    struct duplex_early early = {
        .in = in, .in_size = answer + offered->early_size, .out = header, .link = request->link};
    offered->fd = request->fd;
    offered->link = request->link;
    (void)conversation_note_join(job->conversation, request->name, request->by, request->number);
    if (write_header(job, request, header, &early.out_size) &&
        duplex_begin_with(job, request->fd, "the client", "", &early)) {
        offered->joined = true;
        free(offered->early);
        offered->early = NULL;
        return true;
    }
    close_client(job, false);
    return false;
}

static enum handler_next serve(struct handler_job *job)
{
    bool in_order;
    enum handler_next next = duplex_step(job, &in_order);
    if (next != HANDLER_DONE)
        return next;
    close_client(job, in_order);
    return offered_end(job);
}

static enum handler_next accept_caller(struct handler_job *job)
{
    struct offered *offered = job->outer;
    struct pool_request request;
    if (is_gone(job->conn))
        return offered_end(job);
    struct pool *pool = offered->offer.pool;
    if (!pool_accept(&offered->offer, &request))
        return HANDLER_MORE; /* its state has changed */
    pool_leave(&offered->offer);
    offered->noted =
        pool_join_begin(pool, &request, conversation_report(job->conversation)->number);
    return join(job, offered, &request) ? serve(job) : offered_end(job);
}

bool offered_begin(struct handler_job *job, struct pool *pool, const struct pool_terms *terms,
                   const void *early, size_t early_size)
{
    struct offered *offered = calloc(1, sizeof(*offered));
    job->outer = offered;
    if (offered && (early_size == 0 || keep(job, early, early_size)) &&
        pool_park(pool, &offered->offer, terms, conversation_bell(job->conversation)))
        return true;
    (void)error_set(&job->problem, "out of memory for the pool");
    if (offered)
        (void)offered_end(job);
    return false;
}

bool offered_rename(struct handler_job *job, const struct pool_terms *terms)
{
    struct offered *offered = job->outer;
    struct pool *pool = offered->offer.pool;
    if (offered->joined || pool_has_names(&offered->offer, terms))
        return true;
    pool_leave(&offered->offer);
    if (pool_park(pool, &offered->offer, terms, conversation_bell(job->conversation)))
        return true;
    (void)error_set(&job->problem, "out of memory for the pool");
    (void)offered_end(job);
    return false;
}

static const char *why_displaced(const struct pool_offer *offer)
{
    return offer->per_name == POOL_ONLY_WANTED
               ? "nobody waits for this device any more"
               : "the pool has newer connections of this device (per_name)";
}

enum handler_next offered_step(struct handler_job *job)
{
    struct offered *offered = job->outer;
    if (offered->joined)
        return serve(job);
    if (!read_early(job) || job->stopping)
        return offered_end(job);
    switch (pool_offer_state(&offered->offer)) {
    case POOL_WANTED:
        return accept_caller(job);
    case POOL_DISPLACED:
        actpass_fail(job->conn, ACTPASS_CANCELLED, why_displaced(&offered->offer));
        return offered_end(job);
    default:
        return HANDLER_WAIT;
    }
}
