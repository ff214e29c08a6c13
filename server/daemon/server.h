/* The server: configuration, services with their listeners, pools of threads, open connections.
 *
 *   main.c → server.c (load, listen, run, drain) → acceptor.c → listener.c, conversation.c
 *          → handlers/ → report.c (what the log says of a connection)
 *   where we dial:  acceptor.c or persistent.c → dial_service.c → lib/dial/dial.c, conversation.c
 *
 * Threads: one accepts for all services (the one in actpass_server_run); each connection with the
 * relay transport has a relay thread; each connection whose role is decided has a conversation
 * thread, which for connections that we open is the one that dials; each persistent service has one
 * all the time. */
#ifndef ACTPASS_SERVER_SERVER_H
#define ACTPASS_SERVER_SERVER_H

#include "config/config.h"
#include "relay/threads.h"
#include "server/daemon/admission.h"
#include "server/daemon/capacity.h"
#include "server/daemon/episode.h"
#include "server/daemon/listener.h"
#include "server/daemon/log.h"
#include "server/daemon/registry.h"
#include "server/include/actpass.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

struct service {
    size_t number; /* in the configuration, from 0 */
    const struct config_service *config;
    actpass_config *settings;  /* guarded by the server's settings_lock: server_settings */
    struct hints *hints;       /* NULL: none are wanted */
    struct listener *listener; /* for "listen" or "listen_plain"; NULL when not listening */

    struct capacity capacity; /* constant once loaded: max_connections, or what descriptors allow */
    uint64_t undecided_limit; /* constant once loaded: of one address */

    /* Of the accepting thread. */
    struct rates *rates; /* NULL: any rate */
    bool waiting;        /* it has no room, so its listener is not polled */
    bool full_logged;
    int64_t retry_us; /* when it is worth looking for room again */
    int64_t pause_ms, paused_until_us;
    struct episode shortage;
    struct episode refusing[REFUSAL_COUNT];

    struct episode dropping; /* connections that no thread was to be had for; any thread */
};

/* Since the start; any thread. */
struct counters {
    atomic_ullong accepted;
    atomic_ullong trimmed_at; /* so many were accepted when memory was last given back */
    atomic_ullong dialed;     /* connections that we opened */
    atomic_ullong numbers;    /* of connections in the log; a dial may need several */
    atomic_ullong closed_before_first_byte; /* port scans, health checks */
    atomic_ullong no_role;                  /* the other connections without a role */
    atomic_ullong dropped;                  /* for want of memory, descriptors or threads */
    atomic_ullong refused[REFUSAL_COUNT];   /* closed at once, by cause */
    atomic_ullong made_way; /* not established when room was needed, so they were aborted */
};

struct actpass_server {
    /* Constant once loaded. */
    struct config *config;
    struct log *log;
    struct threads *relays, *conversations;
    struct registry *registry;
    struct service *services;
    size_t service_count;
    struct pollfd *polls; /* of the accepting thread; service_count and SERVER_OWN_POLLS */
    int stop_fd;          /* an eventfd: readable after actpass_server_stop */
    int stopping_fd; /* the same, and never read: readable once no dial may go on, and who idles is
                        to end */
    struct own_keys *own_keys; /* of all services, now and before a reload */
    struct peers *unfit;       /* addresses that do not get along with TCP Fast Open */

    pthread_mutex_t settings_lock;
    atomic_uint stops; /* how often that was called */
    struct counters counters;
};

enum { SERVER_OWN_POLLS = 2 };

/* Reads FILE and loads what it names, certificates too; opens nothing. The report is initialised
 * here, gets all errors and warnings, and is the caller's. NULL when it has errors. */
actpass_server *server_load(const char *file, struct config_report *report);

/* Opens all listeners, or none: then false, with what is wrong added to the report's errors. */
bool server_listen(actpass_server *server, struct config_report *report);

/* A service's settings as they are now; the caller gives them up with actpass_config_free. Any
 * thread. */
actpass_config *server_settings(actpass_server *server, struct service *service);

/* Writes what has been counted so far into the log, in total and for each service. Any thread. */
void server_log_status(actpass_server *server);

/* Adds a line to a list that config_report_free frees; when memory is short, it is left out. */
void server_report(struct config_strings *list, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
