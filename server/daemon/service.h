/* One configured service while the server runs: its settings, listener, limits and counters. The
 * accept thread owns it, except where a comment names other threads. */
#ifndef ACTPASS_SERVER_SERVICE_H
#define ACTPASS_SERVER_SERVICE_H

#include "config/config.h"
#include "server/daemon/admission.h"
#include "server/daemon/capacity.h"
#include "server/daemon/handlers/handler.h"
#include "server/daemon/hints.h"
#include "server/daemon/listener.h"
#include "server/daemon/log.h"
#include "server/include/actpass.h"
#include "server/lib/base/error.h"

#include <pthread.h>

/* What is done with the service's connections in one role. */
struct service_handler {
    const struct handler *handler; /* NULL: the service never takes that role */
    void *loaded;                  /* for handler->unload */
};

struct service {
    /* Constant once loaded; any thread. */
    size_t number; /* position in the configuration, from 0 */
    const struct config_service *config;
    struct log *log;
    struct hints *hints; /* NULL: the service uses no hints */
    struct capacity capacity;
    struct service_handler as_server, as_client;
    uint64_t undecided_limit; /* connections of one address whose handshake is not done */

    struct config_strings *notes; /* while the server loads it: takes what the library has to say;
                                     NULL: that is logged */
    pthread_mutex_t settings_lock;
    actpass_config *settings; /* guarded by settings_lock; see service_settings */

    struct listener *listener; /* NULL: not listening */
    struct rates *rates;       /* NULL: the rate is not limited */
    bool waiting;              /* there is no room, so the listener is not polled */
    bool full_logged;
    int64_t retry_us; /* when to look for room again */
    int64_t pause_ms, paused_until_us;
    struct log_limit shortage;
    struct log_limit refusing[REFUSAL_COUNT];

    struct log_limit dropping; /* connections that were dropped for a shortage; any thread */
};

/* Loads the handlers of both roles. False with one sentence in ERROR; service_release frees what
 * was loaded. */
bool service_load_handlers(struct service *service, struct error_text *error);

/* Initialises *SERVICE, which must be all zero. CONFIG must outlive it. False: out of memory; then
 * there is nothing to release. */
bool service_init(struct service *service, size_t number, const struct config_service *config);

/* Releases what *SERVICE holds. No connection of the service may be left. */
void service_release(struct service *service);

/* Loads certificates, keys, CRLs and OCSP responses, for the first time or again. Connections that
 * are open keep the settings with which they began. All services share with SHARED
 * (actpass_config_share). On failure the old settings stay; returns false with one sentence in
 * ERROR. Any thread. */
bool service_load_settings(struct service *service, actpass_config *shared,
                           struct error_text *error);

/* The current settings; the caller releases them with actpass_config_free. Any thread. */
actpass_config *service_settings(struct service *service);

#endif
