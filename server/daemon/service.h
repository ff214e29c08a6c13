/* One configured service while the server runs: its settings, listener, limits and counters. A
 * reload makes a new one of the same name. Counted references: the generation holds one, and each
 * connection, which so ends with the settings and the handler with which it began. */
#ifndef ACTPASS_SERVER_SERVICE_H
#define ACTPASS_SERVER_SERVICE_H

#include "config/config.h"
#include "server/daemon/admin/stats.h"
#include "server/daemon/admission.h"
#include "server/daemon/capacity.h"
#include "server/daemon/handlers/handler.h"
#include "server/daemon/hints.h"
#include "server/daemon/listeners.h"
#include "server/daemon/log.h"
#include "server/daemon/registry.h"
#include "server/daemon/route.h"
#include "server/include/actpass.h"
#include "server/lib/base/error.h"
#include "server/lib/base/rate.h"

#include <pthread.h>
#include <stdatomic.h>

struct keeper;

/* A configuration that is in use. Counted references, and any thread. */
struct held_config {
    atomic_uint references;
    struct config *config;
};

/* Takes the configuration, also on failure. NULL: out of memory. */
struct held_config *held_config_new(struct config *config);
void held_config_release(struct held_config *held); /* accepts NULL */

/* What is done with the service's connections in one role, or of one route. */
struct service_handler {
    const struct handler *handler; /* NULL: the service never takes that role */
    const struct config_handler *what;
    void *loaded;      /* for handler->unload */
    const char *route; /* its name or number, for the log; NULL: it is no route's */
};

struct service_route {
    struct route_conditions conditions;
    struct service_handler handler;
    struct service_handler refusal; /* of peers that are for no other route, and not for this one */
    char number[24];
};

struct service {
    atomic_uint references;

    /* Constant once loaded; any thread. */
    size_t number; /* position in the configuration, from 0 */
    struct held_config *held;
    const struct config_service *config;
    char *written; /* config_service_text: what a reload compares */
    struct log *log;
    struct service_stats *stats;          /* NULL: there is no admin listener */
    struct registry_service *connections; /* this service's, whichever reload they began before */
    struct listeners listeners;           /* none: not listening */
    struct hints *hints;                  /* NULL: the service uses no hints */
    struct capacity capacity;
    struct service_handler as_server, as_client;
    struct redis_place *registry; /* "share": where the registry is; else NULL */
    struct service_route *routes; /* in the order of the configuration */
    size_t route_count;
    struct rates *rates;      /* NULL: the rate of an address is not limited */
    uint64_t undecided_limit; /* connections of one address whose handshake is not done */

    struct config_strings *notes; /* while the server loads it: takes what the library has to say;
                                     NULL: that is logged */
    pthread_mutex_t settings_lock;
    actpass_config *settings; /* guarded by settings_lock; see service_settings */

    /* The thread that reloads: what is in the files of "tls" (fingerprint.h). */
    uint64_t fingerprint;
    uint64_t failed_fingerprint; /* when they could not be loaded last; 0: never since */

    /* The accept thread's. */
    struct keeper *keepers; /* dial for it; NULL: none, or they are not this service's any more */
    struct rate rate;       /* of all addresses together; burst 0: not limited */
    int64_t rate_full_us;   /* its state */
    bool waiting;           /* there is no room, so no listener is polled */
    size_t turn;            /* the listener that comes first the next time */
    bool full_logged;
    int64_t retry_us; /* when to look for room again */
    int64_t pause_ms, paused_until_us;
    struct log_limit shortage;

    /* Any thread. */
    struct log_limit refusing[REFUSAL_COUNT];
    struct log_limit dropping; /* connections that were dropped for a shortage */
};

/* Makes the service of that number. NULL: out of memory. */
struct service *service_new(struct held_config *held, size_t number, struct log *log);

struct service *service_hold(struct service *service);

/* The last reference frees it, which may take a while: its session store is closed. Any thread of
 * ours. Accepts NULL. */
void service_release(struct service *service);

/* Loads the handlers of both roles and of the routes, and the registry of "share". False with one
 * sentence in ERROR; service_release frees what was loaded. */
bool service_load_handlers(struct service *service, struct error_text *error);

/* Its handlers take over what those of the service of before, which may go on, know: which backends
 * have failed. To be called once its own are loaded, before the first connection. */
void service_follow(struct service *service, const struct service *before);

/* What is done with a connection whose handshake is complete: by the first route that takes it, or
 * by the role. Any thread. */
const struct service_handler *service_choose(const struct service *service, actpass_conn *conn,
                                             const actpass_info_t *info);

/* Loads certificates, keys, CRLs and OCSP responses, for the first time or again. Connections that
 * are open keep the settings with which they began. All services share with SHARED
 * (actpass_config_share). On failure the old settings stay; returns false with one sentence in
 * ERROR. Any thread. */
bool service_load_settings(struct service *service, actpass_config *shared,
                           struct error_text *error);

/* The current settings; the caller releases them with actpass_config_free. Any thread. */
actpass_config *service_settings(struct service *service);

#endif
