/* The peer of a connection under test: plain OpenSSL on a socket, in a thread of its own, as TLS
 * client or server, well behaved or not.
 *
 * The test gives the thread a script, which calls the functions below one after the other. SSL
 * works on memory BIOs and never blocks; socket_peer_* move the bytes as the options say. So a peer
 * can read and write at once, send slowly, stall, and cut the stream at any byte. Every wait ends
 * after half a minute (PEER_STUCK), so that no script hangs. The test's thread calls
 * socket_peer_new, start, join and free; only the script's thread calls the rest. */
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
    int64_t pause_us;             /* after each send */
    size_t hello_piece; /* as client: its ClientHello is sent in records of this size; 0: in one */
    bool cuts;          /* ends the stream after cut_after bytes of it */
    uint64_t cut_after;
    bool cut_by_reset; /* with RST instead of FIN */
};

/* How the stream ended, as the peer has seen it. */
enum socket_peer_end {
    PEER_OPEN,
    PEER_EOF,   /* FIN */
    PEER_RESET, /* RST, or another error of the socket */
    PEER_TLS,   /* OpenSSL failed: see failure */
    PEER_CUT,   /* we cut it ourselves */
    PEER_STUCK  /* a wait took too long */
};

struct socket_peer {
    int fd;
    SSL *ssl;
    struct socket_peer_options options;
    int64_t deadline_us;
    uint64_t sent, received; /* bytes on the wire */
    enum socket_peer_end end;
    bool close_notify; /* we have read the other side's */
    bool deaf;         /* we do not read from the socket now */
    char failure[256]; /* what the script or OpenSSL found wrong; or "" */
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
void socket_peer_join(struct socket_peer *peer); /* may be called again */
void socket_peer_free(struct socket_peer *peer); /* joins, closes; NULL is fine */

/* ---- For scripts ------------------------------------------------------------------------ */

/* Reports a failure of the script. The first text is kept. Returns false. */
bool socket_peer_fail(struct socket_peer *peer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

bool socket_peer_handshake(struct socket_peer *peer);

/* Returns the number of bytes read, at least one; 0 at close_notify; -1: see `end`. */
int socket_peer_read(struct socket_peer *peer, void *buffer, size_t size);
bool socket_peer_read_all(struct socket_peer *peer, void *buffer, size_t size);

/* Writes all of it and flushes it to the socket. */
bool socket_peer_write(struct socket_peer *peer, const void *data, size_t size);

/* Writes SEND bytes of pattern SEND_SEED and reads RECEIVE bytes of RECEIVE_SEED, both at once;
 * with write_first it reads only after all is written. */
struct socket_peer_plan {
    uint64_t send, receive;
    unsigned send_seed, receive_seed;
    bool write_first;
    uint64_t
        key_update_every; /* sends a KeyUpdate after so many bytes, and requests one; 0: none */
};
bool socket_peer_exchange(struct socket_peer *peer, const struct socket_peer_plan *plan);

/* Puts a KeyUpdate into the output (TLS 1.3); with REQUESTED the other side must answer. */
bool socket_peer_key_update(struct socket_peer *peer, bool requested);

bool socket_peer_send_raw(struct socket_peer *peer, const void *bytes, size_t size);
bool socket_peer_flush(struct socket_peer *peer);
bool socket_peer_close_notify(struct socket_peer *peer); /* sent, and flushed */
void socket_peer_fin(struct socket_peer *peer);
void socket_peer_reset(struct socket_peer *peer);

/* Reads up to close_notify, and then up to the FIN. False if either is missing. */
bool socket_peer_read_to_end(struct socket_peer *peer);

/* Sends pending output, then reads raw bytes up to the end of the TCP stream. */
enum socket_peer_end socket_peer_to_eof(struct socket_peer *peer);

/* Sends close_notify and FIN, then waits for the other side's. */
bool socket_peer_end_in_order(struct socket_peer *peer);

#endif
