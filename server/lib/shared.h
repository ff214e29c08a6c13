/* What configurations of one program share (actpass_config_share). Counted references; any thread.
 *
 * Lock: its own, under which only threads_new, peers_new and ocsp_new are called. */
#ifndef ACTPASS_SERVER_LIB_SHARED_H
#define ACTPASS_SERVER_LIB_SHARED_H

#include <stdbool.h>

struct ocsp;
struct own_keys;
struct peers;
struct ring_pool;
struct shared;
struct threads;

struct shared *shared_new(void); /* NULL: no memory */
struct shared *shared_hold(struct shared *shared);
void shared_release(struct shared *shared); /* may be NULL */

/* The keys of our own certificates. */
struct own_keys *shared_own_keys(struct shared *shared);

/* Of all connections. */
struct ring_pool *shared_ring_pool(struct shared *shared);

/* Relay threads; and the addresses that do not work with TCP Fast Open. Made when they are first
 * asked for. NULL: no memory. */
struct threads *shared_threads(struct shared *shared);
struct peers *shared_unfit(struct shared *shared);
struct ocsp *shared_ocsp(struct shared *shared); /* OCSP in the background */

/* True once: the caller reports what is wrong with this version of OpenSSL. */
bool shared_may_warn(struct shared *shared);

#endif
