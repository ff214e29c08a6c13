/* What is counted for each service, and the last connections that failed, for the admin listener. A
 * service is known by its name, so that its counters go on after a reload. Any thread.
 *
 * Without an admin listener there is no struct stats, and nothing is counted: all functions accept
 * NULL for it, and for the stats of a service. */
#ifndef ACTPASS_SERVER_ADMIN_STATS_H
#define ACTPASS_SERVER_ADMIN_STATS_H

#include "config/config.h"
#include "server/daemon/admin/snapshot.h"
#include "server/daemon/admission.h"
#include "server/include/actpass.h"

#include <stdatomic.h>

/* Events that are counted one by one. */
enum stats_event {
    STATS_ACCEPTED,
    STATS_DIALED,
    STATS_DIAL_FAILED,    /* no address has answered */
    STATS_ADDRESS_FAILED, /* one address of a dial has not; another one may have */
    STATS_DROPPED,        /* for a shortage of memory, descriptors or threads */
    STATS_MADE_WAY,       /* aborted before they were established, to make room */
    STATS_PROGRAM_STARTED,
    STATS_PROGRAM_FAILED, /* it could not be started */
    STATS_PROGRAM_ENDED,
    STATS_REFUSED, /* and from here on one for each enum refusal; REFUSED_NOT never happens */
    STATS_EVENTS = STATS_REFUSED + REFUSAL_COUNT
};

/* Where a session came from that was resumed: as server one of enum config_sessions_kind, as client
 * the memory of the client. */
enum { STATS_STORE_CLIENT = CONFIG_SESSIONS_REDIS + 1, STATS_STORES };

enum stats_version { STATS_TLS_1_2, STATS_TLS_1_3, STATS_VERSIONS };
enum stats_role { STATS_SERVER, STATS_CLIENT, STATS_NO_ROLE, STATS_ROLES };

enum { STATS_CAUSES = ACTPASS_CAUSE_HINT + 1, STATS_ENDS = ACTPASS_UNUSED + 1 };

/* How long handshakes took. A bucket holds those that took at most its bound, and longer than the
 * bound before it; the last one those beyond all bounds. */
enum { STATS_BOUNDS = 13, STATS_BUCKETS = STATS_BOUNDS + 1 };
extern const int64_t stats_bounds_us[STATS_BOUNDS];

struct stats_handshakes {
    atomic_ullong buckets[STATS_BUCKETS];
    atomic_ullong sum_us;
};

struct service_stats {
    /* Constant. */
    struct service_stats *next; /* which was made before it */
    size_t index;               /* counts from 0 in the order of making */
    char *name;

    atomic_ullong events[STATS_EVENTS];
    atomic_ullong received, sent; /* bytes on the wire */
    atomic_ullong resumed[STATS_VERSIONS][STATS_STORES];
    atomic_ullong closed[STATS_ROLES][STATS_CAUSES][STATS_ENDS];
    struct stats_handshakes handshakes[2]; /* as server, as client */
    atomic_ullong dialing, unused, used;   /* of the connections that it keeps up */
};

struct stats;

struct stats *stats_new(void);        /* NULL: out of memory */
void stats_free(struct stats *stats); /* nothing may count any more */

/* The counters of the service NAME, which live as long as STATS. NULL: out of memory, or
 * STATS is NULL. */
struct service_stats *stats_of(struct stats *stats, const char *name);

/* The one that was made last, with all others behind it; NULL: there is none. */
struct service_stats *stats_first(struct stats *stats);

void stats_count(struct service_stats *service, enum stats_event event);

/* A handshake is complete; SESSIONS is where the service keeps sessions as server. */
void stats_handshake(struct service_stats *service, const actpass_info_t *info,
                     enum config_sessions_kind sessions);

/* A connection has closed. */
void stats_closed(struct service_stats *service, const actpass_info_t *info);

/* Adds what was received and sent since the last call for this connection. Not by two threads at
 * once for the same COUNTED. */
struct stats_bytes {
    uint64_t received, sent;
};
void stats_bytes(struct service_stats *service, const actpass_info_t *info,
                 struct stats_bytes *counted);

/* Of connections that are kept up (callhome/): how many are being dialed, up and used by nobody,
 * and used. Replaces what was SHOWN before by NOW. Not by two threads at once for the same SHOWN.
 */
struct stats_kept {
    uint64_t dialing, unused, used;
};
void stats_kept(struct service_stats *service, const struct stats_kept *now,
                struct stats_kept *shown);

/* ---- Those that failed ----------------------------------------------------------------------- */

enum { STATS_FAILURES = 200 };

/* Is this end worth to be kept? Not a clean one, nor a peer that closed before its first byte. */
bool stats_is_failure(const actpass_info_t *info);

/* Keeps a copy, in place of the oldest. */
void stats_keep_failure(struct stats *stats, const struct snapshot *snapshot);

/* Copies them to LIST, the newest first. Returns how many there are. */
size_t stats_failures(struct stats *stats, struct snapshot list[STATS_FAILURES]);

#endif
