/* An actpass_conn on one side and a socket_peer on the other. The calls below are those of a
 * well-behaved application, with one thread or two. */
#ifndef ACTPASS_TESTS_SUPPORT_CONN_RIG_H
#define ACTPASS_TESTS_SUPPORT_CONN_RIG_H

#include "relay/relay.h"
#include "server/include/actpass.h"
#include "tests/support/certs.h"
#include "tests/support/drivers.h"
#include "tests/support/socket_peer.h"

/* What all rigs of a test share. */
struct conn_world {
    struct test_pair *pair;
    SSL_CTX *theirs[2]; /* TLS 1.2 and 1.3 */
};
void conn_world_init(struct conn_world *world);
void conn_world_free(struct conn_world *world);

/* How the application waits. */
enum conn_loop {
    LOOP_NONE,  /* its calls block */
    LOOP_POLL,  /* poll, and actpass_note_events is never called */
    LOOP_TOLD,  /* actpass_wait */
    LOOP_EDGES, /* edge-triggered epoll */
    CONN_LOOPS
};

struct conn_rig_options {
    enum conn_loop loop;
    actpass_role role;
    actpass_transport transport;
    enum relay_driver driver;
    size_t ring, io_cap; /* of both directions; 0: default, no cap */
    int64_t initial_data_ms, handshake_ms, idle_ms, write_ms, close_ms;
    int version; /* the peer's: 0: TLS 1.2; 1: TLS 1.3 */
    struct socket_peer_options peer;
    actpass_config *config; /* shared by many rigs, and the caller's; NULL: made of these options */
    bool unix_sockets;
    bool client_auth; /* as server we require the peer's certificate */
    bool on_demand;   /* or we may ask for it later */
    void (*on_event)(actpass_conn *conn, actpass_event event, void *arg);
    void *on_event_arg;
};

extern const actpass_role conn_roles[2]; /* client, server */

/* Our role is ROLE, the peer's the other one; the timeouts are ten seconds (close: five), the peer
 * is well behaved. */
struct conn_rig_options conn_defaults(actpass_role role, int version, actpass_transport transport);

/* The settings alone, for what needs no peer. */
actpass_config *conn_config(const struct conn_world *world, const struct conn_rig_options *options);

struct conn_rig {
    actpass_config *config;
    bool shared; /* it is not ours to free */
    actpass_conn *conn;
    int fd; /* the connection's, until it is closed */
    struct socket_peer *peer;
    enum conn_loop loop;
    int epoll; /* LOOP_EDGES; else -1 */
    char failure[256];
};
void conn_rig_init(struct conn_rig *rig, const struct conn_world *world,
                   const struct conn_rig_options *options,
                   void (*script)(struct socket_peer *peer, void *arg), void *arg);
void conn_rig_free(struct conn_rig *rig);

/* actpass_handshake, actpass_read, ...: where they return ACTPASS_AGAIN, these wait as the rig's
 * loop does and call again. */
int loop_handshake(struct conn_rig *rig);
int64_t loop_read(struct conn_rig *rig, void *buffer, size_t size);
int loop_write(struct conn_rig *rig, const void *data, size_t size);
int loop_shutdown_write(struct conn_rig *rig);
actpass_end loop_close(struct conn_rig *rig);

/* Each false with the failure set. */
bool conn_rig_read(struct conn_rig *rig, uint64_t size, unsigned seed);
bool conn_rig_write(struct conn_rig *rig, uint64_t size, unsigned seed, size_t piece);

/* One thread reads while the other writes. */
bool conn_rig_exchange(struct conn_rig *rig, const struct socket_peer_plan *plan);

/* One thread with conn_read_some, conn_write_some and conn_wait_until. */
bool conn_rig_exchange_at_once(struct conn_rig *rig, const struct socket_peer_plan *plan);

/* Reads to close_notify, then closes. */
bool conn_rig_end_in_order(struct conn_rig *rig);

/* How it stands, in a buffer that lives until the next call on this rig. */
const char *conn_rig_says(struct conn_rig *rig);

/* Common scripts; the argument is NULL. */
void peer_does_nothing(struct socket_peer *peer, void *arg);
void peer_shakes_hands(struct socket_peer *peer, void *arg);          /* and stays silent */
void peer_shakes_hands_and_ends(struct socket_peer *peer, void *arg); /* in order */
void peer_echoes(struct socket_peer *peer, void *arg); /* until close_notify, then in order */

#endif
