/* What the files of the connection share.
 *
 *   conn_life.c   life and info     conn_handshake.c   role and TLS     conn_io.c   read, write, waits
 *   conn_certificate.c   the peer's certificate, also on demand
 *   conn_renegotiate.c   as client: the server's renegotiations    conn_early.c   what is read
 * meanwhile conn_end.c   how it ended: the one place that maps a failed SSL call      conn_close.c
 */
#ifndef ACTPASS_SERVER_CONN_INTERNAL_H
#define ACTPASS_SERVER_CONN_INTERNAL_H

#include "server/lib/conn.h"
#include "server/lib/settings.h"
#include "server/lib/tls/binding.h"

#include <openssl/ssl.h>

/* So many messages of the handshake protocol in a row without application data are an attack
 * (hazard 14). */
#define CONN_MOST_MESSAGES 32

/* In all a peer may send so many of them, and one more for each 256 bytes of application data and
 * each 10 ms. That is more than any use of TLS needs, and costs us less than a hundredth of a
 * processor. */
#define CONN_MOST_UNPAID_MESSAGES 1024

/* What a client may send between our request for its certificate and its answer; and what a writer
 * reads aside while a server renegotiates. */
#define CONN_MOST_EARLY 65536

/* What was read while a handshake on the open connection was waited for, and is the next to be
 * given out. */
struct early {
    uint8_t *data; /* NULL: none */
    size_t start, end;
};

/* The request for a client's certificate. */
enum asking { ASKING_NOTHING, ASKING_WAITS, ASKING_ANSWERED };

struct actpass_conn {
    /* Constant from conn_new on. */
    actpass_config *config;
    struct relay *relay;
    struct conn_options options;
    char peer_address[80];
    bool opened;       /* we opened the connection */
    char *dialed;      /* the address, where we opened the connection; NULL: the peer did */
    char *dialed_name; /* its host, if that is a name */
    bool renegotiable; /* from the handshake on: a server that asks for another one gets it */

    void (*on_idle)(void *arg); /* belongs to the conversation's thread */
    void *on_idle_arg;

    pthread_mutex_t lock; /* guards ssl and all that follows up to the end */
    SSL *ssl;
    struct binding binding; /* its share in glare */
    bool handshaken;
    bool proven; /* the peer has a certificate, has proven that it has the key, and is accepted */
    bool connected; /* the transport is, or was */
    bool syn_data;  /* data travelled in the SYN */
    bool resumed;
    bool close_notify_sent;
    bool peer_closed;    /* the peer's close_notify was read */
    bool closed;         /* actpass_close is done */
    unsigned read_want;  /* what the last read that could not go on needs */
    unsigned write_want; /* the same for a write */
    unsigned messages; /* of the handshake protocol, after it, in a row without data (hazard 14), */
    unsigned messages_unpaid; /*   and those that neither data nor time has paid for */
    uint64_t unpaid_bytes;    /* data that does not pay for a whole one yet */
    int64_t paid_us;          /* so far time has paid */
    unsigned record_size;     /* of the record that is being read */
    enum asking asking;
    struct early early;
    bool renegotiating;        /* the server's renegotiation is due or under way, */
    int64_t settle_by_us;      /*   and to be done by then */
    unsigned renegotiations;   /* that were begun */
    unsigned notes;            /* as the relay was told */
    unsigned updates_asked;    /* KeyUpdates that we asked for and did not get yet */
    int alert_got, alert_sent; /* the last fatal one's description; 0: none */
    const char *protocol, *cipher;
    char alpn[256];
    char *subject;
    char fingerprint[65];

    /* Set once: the text first, then the end. Read by any thread. */
    pthread_mutex_t end_lock;
    bool role_told; /* the event was sent */
    _Atomic actpass_end end;
    char error[512];
};

/* What an SSL call came to. */
enum outcome { OUTCOME_DONE, OUTCOME_AGAIN, OUTCOME_CLOSED, OUTCOME_FAILED };

/* To be called before each SSL call: no error, and no wish of the BIO's, is left from an earlier
 * one (hazard 6). */
void conn_prepare(actpass_conn *conn);

/* Maps the result of an SSL call that was prepared so; with AGAIN, *want says what to wait
 * for. FAILED gives the connection its end. conn->lock is held. */
enum outcome conn_outcome(actpass_conn *conn, int result, unsigned *want);

/* Early data: as many bytes as there are and SIZE allows, or 0. conn->lock is held, as below. */
size_t conn_take_early(actpass_conn *conn, void *buffer, size_t size);
void conn_drop_early(actpass_conn *conn); /* its memory, once all is taken */
bool conn_room_for_early(
    actpass_conn *conn); /* false: no memory; then the connection has its end */
enum outcome conn_read_early(actpass_conn *conn, unsigned *want); /* one SSL_read, into that room */

/* A server's renegotiation. Before any SSL call but SSL_read it must be settled: DONE, AGAIN (wait
 * for WRITABLE), or FAILED. Reads early data. conn->lock is held. */
enum outcome conn_settle(actpass_conn *conn);
void conn_note_read(actpass_conn *conn);  /* after each SSL_read, and after early data was taken */
void conn_note_hello(actpass_conn *conn); /* our ClientHello was sent on the open connection */
bool conn_must_begin(
    const actpass_conn *conn); /* it is due: SSL_read is to be called, input or not */

/* For a wait: who waits to write meanwhile has to read, and a renegotiation has a deadline, which
 * is returned if it is the earlier. conn->lock is not held. */
int64_t conn_meanwhile(actpass_conn *conn, unsigned *want, int64_t deadline_us);
bool conn_settles_late(actpass_conn *conn); /* that time has passed: gives the connection its end */

/* Has actpass_info tell of it; once in a connection's life. conn->lock is held. */
void conn_note_certificate(actpass_conn *conn, X509 *certificate);

/* The end of a connection without a role. */
void conn_end_without_role(actpass_conn *conn, const struct verdict *verdict);

/* Has a TLS server answer a beginning that made no role but is TLS: with an alert, as soon as its
 * record is whole. How the connection ended is said already. */
void conn_answer(actpass_conn *conn, int64_t deadline_us);

/* Refuses the peer; where memory was too short to judge him, the connection is cancelled instead.
 */
void conn_refuse(actpass_conn *conn, const struct tls_error *why);

/* What the transport has seen becomes the end: for failures without an SSL call. */
void conn_end_of_transport(actpass_conn *conn);

/* A fatal alert becomes the end, if there was one: for SSL calls that others made. */
void conn_end_of_alert(actpass_conn *conn);

/* Waits until there is room for it. 0, or -1 with an end. */
int conn_send_close_notify(actpass_conn *conn, int64_t deadline_us);

void conn_tell(actpass_conn *conn, actpass_event event);
void conn_tell_role(actpass_conn *conn);

#endif
