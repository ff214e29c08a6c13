/* A relay with an SSL object on one side and a socket_peer on the other: for tests of relay/
 * without server/. For one thread. */
#ifndef ACTPASS_TESTS_SUPPORT_RIG_H
#define ACTPASS_TESTS_SUPPORT_RIG_H

#include "relay/relay.h"
#include "tests/support/certs.h"
#include "tests/support/socket_peer.h"

/* What all rigs of a test share. */
struct rig_world {
    struct test_pair *pair;
    SSL_CTX *ours[2], *theirs[2]; /* TLS 1.2 and 1.3 */
    struct threads *threads;
};
void rig_world_init(struct rig_world *world);
void rig_world_free(struct rig_world *world); /* all its relay threads have ended after it */

struct rig_options {
    struct relay_options
        relay; /* threads is filled in; a role of AUTO stays, ours below is fixed otherwise */
    struct socket_peer_options peer;
    int version;        /* 0: TLS 1.2; 1: TLS 1.3 */
    bool blocking;      /* SSL blocks inside the BIO; otherwise rig_* wait with relay_wait */
    bool small_buffers; /* of the sockets */
    bool unix_sockets;
};

struct rig {
    struct rig_world *world;
    struct rig_options options;
    struct relay *relay;
    SSL *ssl;
    struct socket_peer *peer;
    int64_t deadline_us; /* for waits of the non-blocking way */
    char failure[256];
};

/* Reasonable options: both roles fixed, timeouts of half a minute. */
struct rig_options rig_defaults(enum role role, int version);

/* Makes and starts both ends; SSL comes with the verdict, in rig_handshake. */
void rig_init(struct rig *rig, struct rig_world *world, const struct rig_options *options,
              void (*script)(struct socket_peer *peer, void *arg), void *arg);

/* Frees the relay, joins the peer. */
void rig_free(struct rig *rig);

/* Each false with failure set. */
bool rig_handshake(struct rig *rig);
bool rig_exchange(struct rig *rig, const struct socket_peer_plan *plan);
bool rig_end_in_order(struct rig *rig);

/* Non-blocking SSL calls with waits: as SSL_read and SSL_write, with the wait's result apart. */
int rig_read(struct rig *rig, void *buffer, int size);
int rig_write(struct rig *rig, const void *data, int size);

#endif
