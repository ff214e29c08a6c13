#include "server/lib/ocsp/queue.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A responder that has questions in a lane. */
struct host {
    struct lane *lane;
    struct host *before, *behind;
    struct entry *first, *last; /* that wait */
    unsigned running;
    unsigned max;
    char name[]; /* host and port */
};

/* ---- Responders ------------------------------------------------------------------------------ */

static void append_host(struct lane *lane, struct host *host)
{
    host->before = lane->last;
    host->behind = NULL;
    *(lane->last ? &lane->last->behind : &lane->first) = host;
    lane->last = host;
}

static void remove_host(struct lane *lane, struct host *host)
{
    *(host->before ? &host->before->behind : &lane->first) = host->behind;
    *(host->behind ? &host->behind->before : &lane->last) = host->before;
}

static void free_if_unused(struct host *host)
{
    if (host->first || host->running > 0)
        return;
    remove_host(host->lane, host);
    free(host);
}

/* They are as few as the questions that wait or are asked. NULL: no memory. */
static struct host *host_of(struct lane *lane, const char *name)
{
    for (struct host *host = lane->first; host; host = host->behind)
        if (strcasecmp(host->name, name) == 0)
            return host;
    size_t size = strlen(name) + 1;
    struct host *host = calloc(1, sizeof(*host) + size);
    if (!host)
        return NULL;
    host->lane = lane;
    host->max = QUEUE_HOST_MIN;
    memcpy(host->name, name, size);
    append_host(lane, host);
    return host;
}

/* ---- Entries ------------------------------------------------------------------------------- */

static void remove_entry(struct entry *entry)
{
    struct host *host = entry->host;
    *(entry->before ? &entry->before->behind : &host->first) = entry->behind;
    *(entry->behind ? &entry->behind->before : &host->last) = entry->before;
    host->lane->waiting--;
}

bool queue_add(struct queue *queue, struct entry *entry, enum queue_lane which,
               struct error_text *error)
{
    struct lane *lane = &queue->lanes[which];
    if (which == QUEUE_PEERS && lane->waiting >= QUEUE_PEERS_MAX)
        return error_set(error, "too many other certificates are being asked about");
    struct host *host = host_of(lane, entry->question->url.address.text);
    if (!host)
        return error_set(error, "out of memory for OCSP");
    entry->host = host;
    entry->before = host->last;
    entry->behind = NULL;
    *(host->last ? &host->last->behind : &host->first) = entry;
    host->last = entry;
    lane->waiting++;
    return true;
}

void queue_withdraw(struct entry *entry)
{
    struct host *host = entry->host;
    remove_entry(entry);
    entry->host = NULL;
    free_if_unused(host);
}

/* ---- Turns --------------------------------------------------------------------------------- */

/* Passes over those that are being asked alone: not more than threads. */
static struct host *next_host(const struct lane *lane)
{
    struct host *host = lane->running < QUEUE_LANE_MAX ? lane->first : NULL;
    while (host && (!host->first || host->running >= host->max))
        host = host->behind;
    return host;
}

struct entry *queue_take(struct queue *queue)
{
    struct lane *own = &queue->lanes[QUEUE_OWN], *peers = &queue->lanes[QUEUE_PEERS];
    if (own->running + peers->running >= QUEUE_THREADS)
        return NULL;
    struct host *host = next_host(own);
    if (!host)
        host = next_host(peers);
    if (!host)
        return NULL;
    struct entry *entry = host->first;
    remove_entry(entry);
    host->running++;
    host->lane->running++;
    remove_host(host->lane, host);
    append_host(host->lane, host);
    return entry;
}

void queue_done(struct entry *entry, enum queue_result result, int64_t took_us)
{
    struct host *host = entry->host;
    if (result == QUEUE_FAILED || took_us > QUEUE_SOON_US)
        host->max = QUEUE_HOST_MIN;
    else if (host->max < QUEUE_HOST_MAX)
        host->max++;
    host->running--;
    host->lane->running--;
    entry->host = NULL;
    free_if_unused(host);
}

void queue_free(struct queue *queue)
{
    for (int i = 0; i < QUEUE_LANES; i++)
        for (struct host *host = queue->lanes[i].first, *next; host; host = next) {
            next = host->behind;
            free(host);
        }
    *queue = (struct queue){.lanes = {{.first = NULL}}};
}
