/* Sessions that we may resume as client, by whom they are for. Bounded; the oldest go first. A
 * TLS 1.3 ticket is used once (RFC 8446 appendix C.4), a TLS 1.2 session until it expires. Any
 * thread. */
#ifndef ACTPASS_SERVER_SESSIONS_CLIENTS_H
#define ACTPASS_SERVER_SESSIONS_CLIENTS_H

#include "server/lib/sessions/store.h"

enum { CLIENTS_MAX = 512, CLIENTS_MAX_TICKETS = 4 }; /* in all; for one peer */

struct clients;

struct clients *clients_new(void); /* NULL: no memory */
void clients_free(struct clients *clients);

/* Keeps a copy for LIFETIME_S seconds. One that is not for use ONCE takes the place of all others
 * of that key. Without memory, or larger than STORE_RECORD, it is not kept. */
void clients_put(struct clients *clients, const struct store_key *key, const void *data,
                 size_t size, bool once, int64_t lifetime_s);

/* Copies the newest to a buffer of STORE_RECORD bytes; its size, or 0: there is none. */
size_t clients_take(struct clients *clients, const struct store_key *key, void *buffer);

/* Forgets all of that key: the peer does not get on with them. */
void clients_forget(struct clients *clients, const struct store_key *key);

#endif
