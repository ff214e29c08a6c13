/* The state of a running server, shared by its threads. This header declares no functions: server.h
 * has what main needs, service.h what concerns one service. */
#ifndef ACTPASS_SERVER_STATE_H
#define ACTPASS_SERVER_STATE_H

#include "config/config.h"
#include "server/daemon/admin/stats.h"
#include "server/daemon/crew/crew.h"
#include "server/daemon/generation.h"
#include "server/daemon/handover.h"
#include "server/daemon/log.h"
#include "server/daemon/notify.h"
#include "server/daemon/registry.h"
#include "server/daemon/retired.h"
#include "server/daemon/sandbox/sandbox.h"
#include "server/daemon/watch.h"
#include "server/daemon/watchdog.h"

#include <pthread.h>
#include <stdatomic.h>

/* Counts since the start; any thread. */
struct counters {
    atomic_ullong accepted;
    atomic_ullong trimmed_at; /* the value of `accepted` when freed memory was last given back */
    atomic_ullong dialed;     /* connections that we dialed */
    atomic_ullong numbers;    /* numbers given to connections in the log; a dial may need several */
    atomic_ullong closed_before_first_byte; /* port scans, health checks */
    atomic_ullong no_role;                  /* all other connections without a role */
    atomic_ullong dropped;                  /* for a shortage of memory, descriptors or threads */
    atomic_ullong refused[REFUSAL_COUNT];   /* closed right after accept, by cause */
    atomic_int last_end;                    /* actpass_end of the connection that has closed last */
    atomic_ullong made_way;                 /* aborted before they were established, to make room */
};

struct admin;
struct control;
struct fleet;
struct handed;
struct programs;
struct shares;

struct server {
    /* Constant once loaded. */
    char *file;            /* the configuration's */
    int64_t began_wall_ms; /* by the wall clock, since 1970 */
    struct log *log;
    struct crew *crew;           /* runs the connections */
    struct log_limit no_thread;  /* the system gives the crew no thread; any thread */
    struct log_limit joins_full; /* clients are refused for want of descriptors; any thread */
    actpass_config *shared;      /* of all services' settings, now and before a reload */
    struct stats *stats;         /* NULL: there is no admin listener */
    struct admin *admin;         /* the same */
    struct registry *registry;
    struct fleet *fleet;       /* the pools of connections that are offered */
    struct shares *shares;     /* those that other collectors share */
    struct control *control;   /* NULL: there is no control socket */
    struct programs *programs; /* of "exec"; NULL: none was configured at the start */
    struct handed *handed; /* what it gets from the process that it replaces; NULL: that is done */
    struct handover *reloads; /* struct change, from the thread that reloads */
    int stop_fd;              /* eventfd; readable after server_stop */
    actpass_cancel *dialing;  /* cancelled once the server stops */
    int stopping_fd;          /* its descriptor: readable then, which ends other dials */
    struct notify *notify;    /* NULL: no service manager */
    struct sandbox *sandbox;  /* NULL: not confined; constant once the threads run */

    /* What is served. Only the accept thread changes it, while the thread that reloads waits for
     * that: these two read it as it is, all others by server_generation. */
    struct generation *generation;
    pthread_mutex_t generation_lock; /* guards that pointer where others read it */

    /* The thread that reloads: files of "tls" (refresh.h). */
    struct watch *watch; /* NULL: they cannot be watched */
    int64_t refresh_us;  /* when to look at them */

    struct retired *retired;   /* the accept thread's: services that are gone */
    struct watchdog *watchdog; /* the accept thread's; NULL: the manager wants none */

    atomic_uint stops;    /* how often server_stop was called */
    atomic_bool replaced; /* another process is the manager's main one now */
    atomic_bool stopping; /* no more dialing, and idle connections must close */
    struct counters counters;
};

#endif
