/* The other end of a connection under test: plain OpenSSL on a socket, in a thread of its own, as
 * TLS client or server, well behaved or not.
 *
 * A test gives the thread a script, which calls the functions below one after the other. SSL works
 * on memory and never blocks; socket_peer_* move the bytes, under the manners asked for: so a peer
 * can write and read at once, dribble, stall, and cut the stream at any byte. Every wait ends after
 * half a minute at most (PEER_STUCK), so that no script hangs. One thread at a time, but for
 * socket_peer_new, start, join and free, which are the test's. */
#ifndef ACTPASS_TESTS_SUPPORT_SOCKET_PEER_H
#define ACTPASS_TESTS_SUPPORT_SOCKET_PEER_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A context for either role; version 0: any. The peer that it meets is not verified. */
SSL_CTX *socket_peer_context(int version, const char *certificate_file, const char *key_file);

struct socket_peer_options {
    bool server;
    size_t send_cap, receive_cap; /* bytes of one call; 0: no cap */
    int64_t pause_us;             /* after each send: it dribbles */
    size_t hello_piece; /* as client: its ClientHello in records of that size; 0: as it is */
    bool cuts;          /* ends the stream after so many bytes of it: */
    uint64_t cut_after;
    bool cut_by_reset; /* with RST instead of FIN */
};

/* How the peer's side of the stream ended, as far as it has seen. */
enum socket_peer_end {
    PEER_OPEN,
    PEER_EOF,   /* FIN */
    PEER_RESET, /* RST, or another error of the socket */
    PEER_TLS,   /* OpenSSL failed: see failure */
    PEER_CUT,   /* we cut it ourselves */
    PEER_STUCK  /* nothing came of a wait */
};

struct socket_peer {
    int fd;
    SSL *ssl;
    struct socket_peer_options options;
    int64_t deadline_us;
    uint64_t sent, received; /* bytes on the wire */
    enum socket_peer_end end;
    bool close_notify; /* the other side's was read */
    bool deaf;         /* it reads nothing from the socket now */
    char failure[256]; /* what a script found wrong, or OpenSSL; "" */
    pthread_t thread;
    bool started;
    void (*script)(struct socket_peer *peer, void *arg);
    void *arg;
};

/* Takes the socket. */
struct socket_peer *socket_peer_new(int fd, SSL_CTX *context,
                                    const struct socket_peer_options *options);
void socket_peer_start(struct socket_peer *peer,
                       void (*script)(struct socket_peer *peer, void *arg), void *arg);
void socket_peer_join(struct socket_peer *peer); /* again: does nothing */
void socket_peer_free(struct socket_peer *peer); /* joins, closes; NULL is fine */

/* ---- For scripts ------------------------------------------------------------------------------
 */

/* A script's verdict: the first text given stays. Always false. */
bool socket_peer_fail(struct socket_peer *peer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

bool socket_peer_handshake(struct socket_peer *peer);

/* At least one byte; 0 at close_notify; -1: see end. */
int socket_peer_read(struct socket_peer *peer, void *buffer, size_t size);
bool socket_peer_read_all(struct socket_peer *peer, void *buffer, size_t size);

/* All of it, out to the socket. */
bool socket_peer_write(struct socket_peer *peer, const void *data, size_t size);

/* Writes SEND bytes of pattern SEND_SEED and reads RECEIVE bytes of RECEIVE_SEED, both at once; or
 * reads only when all is written. */
struct socket_peer_plan {
    uint64_t send, receive;
    unsigned send_seed, receive_seed;
    bool write_first;
    uint64_t key_update_every; /* bytes sent; a requested one each time; 0: none */
};
bool socket_peer_exchange(struct socket_peer *peer, const struct socket_peer_plan *plan);

/* Puts a KeyUpdate into the output (TLS 1.3); with REQUESTED the other side must answer. */
bool socket_peer_key_update(struct socket_peer *peer, bool requested);

bool socket_peer_send_raw(struct socket_peer *peer, const void *bytes, size_t size);
bool socket_peer_flush(struct socket_peer *peer);
bool socket_peer_close_notify(struct socket_peer *peer); /* sent, and flushed */
void socket_peer_fin(struct socket_peer *peer);
void socket_peer_reset(struct socket_peer *peer);

/* Reads TLS to its end and then TCP to its end: false if there was no close_notify, or no FIN after
 * it. */
bool socket_peer_read_to_end(struct socket_peer *peer);

/* Sends what is there and reads raw bytes to the end of TCP, past TLS. */
enum socket_peer_end socket_peer_to_eof(struct socket_peer *peer);

/* close_notify and FIN, then the other side's. */
bool socket_peer_end_in_order(struct socket_peer *peer);

#endif
