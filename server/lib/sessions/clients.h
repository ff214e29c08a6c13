/* The table of sessions that we may resume as client, by peer. Bounded: the oldest are dropped
 * first. A TLS 1.3 ticket is used once (RFC 8446 appendix C.4), a TLS 1.2 session until it expires.
 * Any thread. */
#ifndef ACTPASS_SERVER_SESSIONS_CLIENTS_H
#define ACTPASS_SERVER_SESSIONS_CLIENTS_H

#include "server/lib/sessions/store.h"

enum { CLIENTS_MAX = 512, CLIENTS_MAX_TICKETS = 4 }; /* in all; for one peer */

struct clients;

struct clients *clients_new(void); /* NULL: no memory */
void clients_free(struct clients *clients);

/* Keeps a copy for LIFETIME_S seconds. A session that may be used more than ONCE replaces all
 * others of that key. Not kept if there is no memory or it is larger than STORE_RECORD. */
void clients_put(struct clients *clients, const struct store_key *key, const void *data,
                 size_t size, bool once, int64_t lifetime_s);

/* Copies the newest session to a buffer of STORE_RECORD bytes. Returns its size; 0: there is none.
 */
size_t clients_take(struct clients *clients, const struct store_key *key, void *buffer);

/* Drops all sessions of that key, after a handshake with one of them failed. */
void clients_forget(struct clients *clients, const struct store_key *key);

#endif
