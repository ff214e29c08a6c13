/* A pool: connections of devices that wait to be used (*offers*), each under the names of its
 * certificate, and clients that wait for a name (*callers*). A caller gets the freshest offer of
 * its name: that one has shown most recently that it works, and the oldest ones are those that a
 * NAT on the way may have forgotten. Callers of one name are served in the order in which they
 * came.
 *
 * A join has two steps, since the two belong to different tasks:
 *   1. The pool gives the caller's request to an offer: the offer is *wanted*, under no name any
 *      more, and its task is woken.
 *   2. The offer's task looks whether its connection still works, and accepts (pool_accept): it now
 *      has the caller's descriptor. Or it leaves (pool_leave): then the caller gets the next offer,
 *      or waits again at its old place.
 * Between the two the caller may give up (pool_cancel): then the offer is parked again.
 *
 * Threads: any; a lock for each pool, under which nothing is called but bell_ring and the observer
 * (fleet.h). An offer or a caller is inside its owner's memory, and belongs to one task. */
#ifndef ACTPASS_SERVER_FLEET_POOL_H
#define ACTPASS_SERVER_FLEET_POOL_H

#include "server/daemon/gate/protocol.h"
#include "server/daemon/handlers/bell.h"
#include "server/daemon/handlers/duplex.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct pool;
struct pool_name;

enum {
    POOL_NAME_MAX = GATE_NAME_MAX,
    POOL_SERVICE_MAX = 64 /* a service's name */
};

/* ---- What a caller brings -------------------------------------------------------------------- */

/* All that an offer's task needs for the join. */
struct pool_request {
    char name[POOL_NAME_MAX + 1]; /* in small letters */
    int fd;                       /* non-blocking, to be joined with the device; the caller's until
                                     an offer accepts, then that offer's to close */
    struct duplex_link *link;  /* FD is one end of a socketpair: what its ends share; a reference,
                                  which goes with FD. NULL: FD is the client itself */
    struct gate_answer answer; /* to be sent to FD before anything else */
    uint64_t number;           /* of the caller's connection in the log */
    char service[POOL_SERVICE_MAX + 1]; /* the gate */
    const char *by;                     /* "connect", "socks5", ...: constant */
    bool passed_on;                     /* by another collector: so it gets no POOL_ONLY_WANTED */
    /* Of the client's connection to the gate: its address, and the gate's. Both are AF_UNSPEC if
     * they are not known, or no IP addresses. */
    struct sockaddr_storage source, destination;
};

/* ---- Offers ---------------------------------------------------------------------------------- */

enum pool_offer_state {
    POOL_OUT,      /* not in the pool */
    POOL_PARKED,   /* waits under all of its names */
    POOL_WANTED,   /* a caller wants it: accept or leave */
    POOL_DISPLACED /* the name has too many, and this one was the oldest: leave */
};

/* One name of an offer. */
struct pool_link {
    struct pool_offer *offer;
    struct pool_name *name;
    struct pool_link *fresher, *older; /* of this name; only while PARKED */
};

struct pool_caller;

/* All zero at first. The members are the pool's. */
struct pool_offer {
    struct pool *pool;
    struct bell *bell;
    enum pool_offer_state state;
    struct pool_caller *caller; /* WANTED: who */
    struct pool_link *links;
    size_t count;
    uint64_t per_name;
    uint64_t number; /* of its connection in the log */
    int64_t since_us;
};

/* How an offer is parked. */
enum { POOL_ONLY_WANTED = 0 };
struct pool_terms {
    const char *const *names; /* in small letters and each only once */
    size_t count;             /* at least one */
    /* How many may be parked under one name: beyond that the oldest is displaced. POOL_ONLY_WANTED:
     * it is through another collector, and displaced itself if no caller waits for it who may have
     * that. */
    uint64_t per_name;
    uint64_t number; /* of its connection in the log */
};

/* Parks an offer, or gives it to a caller that waits for one of its names. BELL is rung when the
 * state has changed. The offer must stay alive until pool_leave, and the bell as well. False: out
 * of memory. */
bool pool_park(struct pool *pool, struct pool_offer *offer, const struct pool_terms *terms,
               struct bell *bell);

/* Was it parked under just the names of TERMS, in their order? */
bool pool_has_names(const struct pool_offer *offer, const struct pool_terms *terms);

enum pool_offer_state pool_offer_state(struct pool_offer *offer);

/* WANTED: takes over what the caller has brought, and leaves the pool. False: the caller has given
 * up meanwhile, and the offer is parked again, or wanted by another one: look at its state. */
bool pool_accept(struct pool_offer *offer, struct pool_request *request);

/* Leaves the pool, in any state; the caller that wants it gets another one. Frees what the offer
 * holds, and makes it all zero. */
void pool_leave(struct pool_offer *offer);

/* ---- Callers --------------------------------------------------------------------------------- */

enum pool_caller_state {
    POOL_NOT_HERE, /* not in the pool */
    POOL_WAITS,    /* there is no offer of this name */
    POOL_GIVEN,    /* an offer is wanted, and may accept */
    POOL_JOINED    /* an offer has accepted */
};

struct pool_caller {
    struct pool_request request; /* the owner's before pool_call; from JOINED on its fd is -1 */
    /* The pool's. */
    struct pool *pool;
    struct bell *bell;
    enum pool_caller_state state;
    struct pool_offer *offer; /* GIVEN: which */
    uint64_t joined_number;   /* JOINED: the number of the device's connection */
    struct pool_name *name;
    uint64_t turn; /* the order of callers */
    int64_t since_us;
    struct pool_caller *before, *after; /* of this name; only while WAITS */
};

/* Calls for request.name. BELL is rung when it has joined. The caller must stay alive until it has
 * joined and seen that, or until pool_cancel. False: out of memory. */
bool pool_call(struct pool *pool, struct pool_caller *caller, struct bell *bell);

enum pool_caller_state pool_caller_state(struct pool_caller *caller);

/* Gives up. True: it does not wait any more, and request.fd is the owner's. False: it has joined
 * already. */
bool pool_cancel(struct pool_caller *caller);

/* ---- Joins (pool_view.c) --------------------------------------------------------------------- */

/* One that lasts: for those who look. Constant but the links, which the pool's lock guards. */
struct pool_join {
    struct pool *pool;
    struct pool_name *name;          /* by which the device was reached */
    struct pool_join *newer, *older; /* of this name */
    uint64_t device, client;         /* the numbers of both connections in the log */
    char gate[POOL_SERVICE_MAX + 1]; /* the client's service */
    const char *by;                  /* "connect", "socks5", ...: constant */
    int64_t since_us;
};

/* Notes that the connection DEVICE was joined to the caller of REQUEST. NULL: out of memory, and it
 * is not noted. The owner ends it with the join. */
struct pool_join *pool_join_begin(struct pool *pool, const struct pool_request *request,
                                  uint64_t device);
void pool_join_end(struct pool_join *join); /* NULL is fine */

/* Counts what came of a client of a gate of this pool. */
void pool_note_outcome(struct pool *pool, enum gate_outcome outcome);

/* ---- A look at all of it --------------------------------------------------------------------- */

struct pool_counts {
    size_t offers;   /* parked */
    size_t names;    /* that have an offer, a caller or a join */
    size_t callers;  /* that wait, or to whom an offer is given */
    size_t joins;    /* that last */
    uint64_t joined; /* since the start */
    uint64_t displaced;
    uint64_t given_up; /* callers that were cancelled */
    uint64_t outcomes[GATE_OUTCOMES];
};
struct pool_counts pool_count(struct pool *pool);

/* A name that has offers, callers or joins. */
struct pool_seen {
    const char *name;
    size_t offers, callers, joined;
    int64_t since_us;              /* since when the oldest offer is parked; -1: there is none */
    const struct pool_join *joins; /* the newest, with others at ->older */
};

/* Calls SEE, with the lock held, for up to COUNT names: first those with callers or joins. What it
 * gets is valid during the call only. */
void pool_look(struct pool *pool, size_t count,
               void (*see)(const struct pool_seen *seen, void *arg), void *arg);

const char *pool_title(const struct pool *pool); /* its name */

/* Has the name an offer that is parked? */
bool pool_has(struct pool *pool, const char *name);

/* Is there a caller who waits for it, to whom no offer is given, and whose request was not passed
 * on? */
bool pool_wants(struct pool *pool, const char *name);

/* How many such callers are there? */
size_t pool_count_waiting(struct pool *pool, const char *name);

#endif
