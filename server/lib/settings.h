/* actpass_config: a connection's settings, and what is made of them at their first use. Its
 * setters belong to one thread, the rest to any:
 *
 *   settings.c               life, first use, and sharing
 *   settings_errors.c        the last error of each thread
 *   settings_set.c           what setters are made of
 *   settings_connection.c    the setters of actpass.h: role, transport, dialing, timeouts
 *   settings_peer.c          the setters of actpass.h: identity, trust, negotiation
 *   settings_load.c          from JSON
 *   parsed.c                 from a service that was parsed already
 *   settings_tls.c           the setters of actpass_tls.h
 *   settings_certificates.c  certificates by server name
 *   settings_virtual.c       other settings by server name
 *   settings_identity.c      the setters of actpass_identity.h
 *   settings_loaded.c        what was loaded */
#ifndef ACTPASS_SERVER_SETTINGS_H
#define ACTPASS_SERVER_SETTINGS_H

#include "config/config.h"
#include "config/keys.h"
#include "relay/relay.h"
#include "server/include/actpass.h"
#include "server/lib/peers.h"
#include "server/lib/shared.h"
#include "server/lib/tls/context.h"

#include <pthread.h>
#include <stdatomic.h>

/* The last failure of one thread. */
struct settings_error {
    pthread_t thread;
    struct error_text error; /* only this thread reads and writes it */
    struct settings_error *next;
};

/* Other settings for clients that ask for one of these names. */
struct settings_virtual {
    struct config_strings names;
    actpass_config *config; /* a reference */
};

struct actpass_config {
    struct config_connection connection;
    const struct config_tls *tls_elsewhere; /* "tls" of a parsed service, until the first use: then
                                               connection.tls has only what settings_use needs;
                                               NULL: all is in connection.tls */
    char *service;                          /* its name, for sessions; NULL: none */
    struct settings_virtual *virtuals;
    size_t virtual_count;
    bool is_virtual; /* it is in such a list itself */
    int64_t connect_timeout_ms;
    struct config_address dial_from; /* NONE: any */
    struct config_source dial_source;
    struct config_through through; /* proxy.kind is NONE: directly */
    void (*on_event)(actpass_conn *conn, actpass_event event, void *arg);
    void *on_event_arg;
    struct tls_hooks hooks;
    void *user_data;            /* the first one of each connection */
    struct relay_options relay; /* ring sizes and hooks: tests set them; and who serves it */

    pthread_mutex_t lock; /* guards the making of what follows; constant once frozen */
    bool frozen;
    struct shared *shared; /* NULL: not needed yet */
    struct tls_context *tls;
    struct threads *threads;     /* shared's, for relay threads */
    struct ring_pool *ring_pool; /* shared's */
    struct peers *unfit;         /* shared's, where actpass_connect wants TCP Fast Open */

    atomic_uint references;

    pthread_mutex_t error_lock;    /* guards the list; taken last */
    struct settings_error *errors; /* one for each thread that failed; freed with all the rest */
    atomic_bool error_lost;        /* there was no memory for one */
};

/* Loads what is named and lets nothing be changed any more. False with config->error. */
bool settings_freeze(actpass_config *config);

/* Is it fit for connections that DIALER makes? Else it stays as it is, not frozen. False with
 * config->error. */
bool settings_use(actpass_config *config, enum config_dialer dialer);

/* Make the virtual contexts of config->tls, which was made of TLS; false with ERROR. And free the
 * settings for them. (settings_virtual.c) */
bool settings_load_virtuals(const actpass_config *config, struct tls_owner owner,
                            const struct config_tls *tls, struct error_text *error);
void settings_free_virtuals(actpass_config *config);

void settings_free_errors(actpass_config *config);

/* What setters are made of; each 0, or -1 with config->error. CHANGEABLE: it is not in use yet. */
int settings_fail(actpass_config *config, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* always -1 */
int settings_changeable(actpass_config *config);
/* Sets or adds to what OBJECT's key NAME stores in BASE, by the key's own checks; an error begins
 * with the key's name. NULL: removes the value, and is an error for a list. */
int settings_set(actpass_config *config, const struct key_object *object, const char *name,
                 const char *text, void *base);
int settings_set_tls(actpass_config *config, const char *name, const char *text);
/* Several keys: all or, unless memory runs out, none. FITS looks at the values of these keys alone
 * and refuses them with an error; NULL: there is nothing more to check. */
struct settings_text {
    const char *name, *text;
};
int settings_set_tls_all(actpass_config *config, const struct settings_text *texts, size_t count,
                         bool (*fits)(const struct config_tls *tried, struct error_text *error));
/* ON must be 0 or 1. */
int settings_set_flag(actpass_config *config, const char *name, int on, bool *flag);
/* Checks a certificate and its key as PEM texts, as far as that is possible without a passphrase,
 * and copies them. */
int settings_copy_identity(actpass_config *config, const char *certificate, const char *key,
                           char *copies[2]);
int settings_set_number(actpass_config *config, const struct key_object *object, const char *name,
                        int64_t number, void *base);
int settings_set_tls_number(actpass_config *config, const char *name, int64_t number);

#endif
