/* The parts of a connection that its source files share:
 *
 *   conn_life.c         creation, release, information
 *   conn_handshake.c    the role and the TLS handshake
 *   conn_messages.c     the messages and records of TLS: what is noted, how many a peer may send
 *   conn_io.c           reads and writes
 *   conn_wait.c         waits, in calls that block and in event loops
 *   conn_certificate.c  the peer's certificate, also on demand
 *   conn_peer.c         what the handshake has shown: chain, exporter, addresses, negotiated names
 *   conn_renegotiate.c  as client: renegotiations that the server asks for
 *   conn_early.c        data that is read during another operation
 *   conn_end.c          the close reason: the only place that maps a failed SSL call
 *   conn_close.c        the orderly close
 *   conn_session.c      a client's session, exported and imported
 *   conn_call.c         what the calls begin and end with
 *
 * No two of them call each other in a circle. */
#ifndef ACTPASS_SERVER_CONN_INTERNAL_H
#define ACTPASS_SERVER_CONN_INTERNAL_H

#include "server/lib/base/error.h"
#include "server/lib/conn.h"
#include "server/lib/ocsp/ocsp.h"
#include "server/lib/settings.h"
#include "server/lib/tls/binding.h"
#include "server/lib/tls/peer_hello.h"

#include <openssl/ssl.h>

/* Max. messages of the handshake protocol in a row without application data; more are an attack
 * (hazard 14). */
#define CONN_MESSAGES_MAX 32

/* Max. of them in total, beside one for each 256 bytes of application data and one for each 10 ms.
 * That is more than any use of TLS needs, and costs less than a hundredth of a processor. */
#define CONN_UNPAID_MESSAGES_MAX 1024

/* Max. bytes that a client may send between our request for its certificate and its answer, and
 * that a writer keeps for the reader while a server renegotiates. */
#define CONN_EARLY_MAX 65536

/* Data that was read during a handshake on the open connection. The next reads return it. */
struct early {
    uint8_t *data; /* NULL: none */
    size_t start, end;
};

/* An exported session that the user gave for the handshake. */
struct imported {
    uint8_t *data; /* NULL: none */
    size_t size;
};

/* The request for a client's certificate. */
enum asking { ASKING_NOTHING, ASKING_WAITS, ASKING_ANSWERED };

/* Do calls block? */
enum conn_mode { CONN_BLOCKING, CONN_NONBLOCKING };

/* What a call that returned AGAIN waits for. */
enum conn_waiter { CONN_READER, CONN_WRITER, CONN_WAITERS };
struct conn_waits {
    unsigned want;       /* 0: nothing but the time */
    int64_t deadline_us; /* 0: call again at once */
};

/* How far the handshake has come. */
enum conn_stage { STAGE_ROLE, STAGE_TLS, STAGE_DONE };

/* How far the close has come. */
enum conn_closing {
    CLOSING_NOT,
    CLOSING_NOTIFY,  /* sends close_notify */
    CLOSING_FLUSH,   /* sends all output, then FIN */
    CLOSING_READ,    /* reads to the peer's close_notify */
    CLOSING_ANSWER,  /* there is no role: lets TLS answer with an alert */
    CLOSING_ALERT,   /* sends what is left after a failure, then FIN */
    CLOSING_DISCARD, /* discards until the peer's FIN */
    CLOSING_SOCKET,  /* nothing is left but to close the socket */
    CLOSING_DONE
};

struct actpass_conn {
    /* Constant from conn_new on. */
    actpass_config *config;
    struct relay *relay;
    struct conn_options options;
    char peer_address[80];
    bool opened;       /* we dialed */
    char *dialed;      /* the address that we dialed; NULL: the peer did */
    char *dialed_name; /* its host, if that is a name */
    _Atomic(void *) user_data;
    bool renegotiable; /* from the handshake on: a server may ask for another one */

    /* For the thread of the call only. */
    enum conn_mode mode;
    struct conn_waits waits[CONN_WAITERS];
    void (*wake)(void *arg); /* the caller's loop; NULL: it cannot be woken */
    void *wake_arg;
    bool given; /* actpass_ssl has given the SSL object away, whose calls do not say what they want
                 */
    int64_t idle_since_us; /* the first read without data after the last one with; 0: none yet */
    enum conn_stage stage;
    enum role role; /* of the SSL object */
    int64_t handshake_by_us;
    enum conn_closing closing;
    int64_t close_by_us;

    pthread_mutex_t lock; /* guards ssl and all that follows up to the end */
    SSL *ssl;
    struct binding binding; /* of the ClientHello that glare drops */
    bool handshaken;
    int64_t revocation_by_us; /* while a responder is asked about the peer: until when; else 0 */
    struct ocsp_waiter revocation; /* the same: how the connection is woken */
    bool proven; /* the peer has a certificate, has proven that it has the key, and is accepted */
    bool connected; /* the transport is, or was */
    bool close_notify_sent;
    bool peer_closed;    /* the peer's close_notify was read */
    unsigned read_want;  /* what the last read that returned CONN_AGAIN waits for */
    unsigned write_want; /* the same for a write */
    unsigned messages;   /* of the handshake protocol after the handshake, in a row without data
                            (hazard 14) */
    unsigned messages_unpaid; /* those that neither data nor time has paid for */
    uint64_t unpaid_bytes;    /* data that does not pay for a whole one yet */
    int64_t paid_us;          /* time up to here has paid */
    unsigned record_size;     /* of the record that is being read */
    enum asking asking;
    struct early early;
    struct imported imported;
    bool renegotiating;        /* the server's renegotiation is due or in progress */
    int64_t settle_by_us;      /* its deadline */
    unsigned renegotiations;   /* the number that were begun */
    unsigned notes;            /* the last argument of relay_note */
    unsigned updates_asked;    /* KeyUpdates that we have requested and not received yet */
    struct peer_hello hello;   /* until the handshake is done */
    uint8_t first[5];          /* the header of the peer's first record */
    size_t first_size;         /* 0: SSL has read none */
    int alert_got, alert_sent; /* the last fatal one's description; 0: none */

    /* What actpass_info shows: changed with both locks held, so that it need not wait for an SSL
     * call, which may sign, or ask a store of sessions. */
    pthread_mutex_t end_lock;
    bool syn_data; /* data travelled in the SYN */
    bool resumed;
    const char *protocol, *cipher;
    const char *group; /* "": none */
    const char *ocsp;  /* what a responder says of the peer; NULL: nothing yet */
    char *server_name; /* NULL: none */
    char alpn[256];
    char *subject;
    char fingerprint[65];

    /* From accept, set once; -1: not yet. Read by any thread. */
    _Atomic int64_t hello_us, handshake_us, first_data_us;

    /* Set once with end_lock held: the text first, then the close reason. Read by any thread. */
    _Atomic actpass_end end;
    struct error_text error;

    /* Guards `role_notified`, and is held while that event's callback runs: the relay's thread may
     * run it, and no later event overtakes it. */
    pthread_mutex_t role_lock;
    bool role_notified;
};

#define CONN_IDLE "the connection was idle for too long"

/* ---- Waits. Without conn->lock --------------------------------------------------------------- */

/* Notes what the first call, actpass_handshake, will wait for. */
void conn_wait_first(actpass_conn *conn);

/* Must be called first in each call that reads or writes: what an earlier call waited for does not
 * matter any more. */
void conn_begin(actpass_conn *conn, enum conn_waiter waiter);
void conn_done(actpass_conn *conn);

/* Like relay_wait if the connection blocks. Otherwise like relay_look, and what WAITER waits for is
 * noted for actpass_prepare_wait. */
enum relay_wait conn_await(actpass_conn *conn, enum conn_waiter waiter, unsigned want,
                           int64_t deadline_us);

/* The same for a call on the open connection, also during a renegotiation. After WAIT_CANCELLED the
 * connection has its close reason; after WAIT_TIMEOUT it goes on. */
enum relay_wait conn_wait_until(actpass_conn *conn, enum conn_waiter waiter, unsigned want,
                                int64_t deadline_us);

/* Lets a non-blocking call return AGAIN although it could go on, so that others have their turn.
 * Returns false if the connection blocks. */
bool conn_yields(actpass_conn *conn, enum conn_waiter waiter, unsigned *rounds);

/* relay_enter and relay_leave: bracket the time in which the conversation waits only in this
 * connection's calls. */
void conn_enter(actpass_conn *conn);
void conn_leave(actpass_conn *conn);

/* Makes the calls block, for a part that needs it; conn_unblock ends that with the value that
 * conn_block returned. */
enum conn_mode conn_block(actpass_conn *conn);
void conn_unblock(actpass_conn *conn, enum conn_mode before);

/* When the idle timeout passes, for a call that begins to wait now. */
int64_t conn_idle_deadline(actpass_conn *conn);

void conn_note_active(actpass_conn *conn); /* data was read or written */

/* The result of an SSL call. */
enum outcome { OUTCOME_DONE, OUTCOME_AGAIN, OUTCOME_CLOSED, OUTCOME_FAILED };

/* Must be called before each SSL call: clears the errors and retry flags of an earlier one (hazard
 * 6). */
void conn_prepare(actpass_conn *conn);

/* Maps the result of an SSL call after conn_prepare. With AGAIN, *WANT is what to wait for. FAILED
 * sets the close reason. conn->lock is held. */
enum outcome conn_outcome(actpass_conn *conn, int result, unsigned *want);

/* ---- Early data. conn->lock is held ---------------------------------------------------------- */

/* Returns how many bytes were copied: as many as there are and SIZE allows, or 0. */
size_t conn_take_early(actpass_conn *conn, void *buffer, size_t size);

void conn_drop_early(actpass_conn *conn); /* frees its memory, once all is taken */

/* Makes room to read into. Returns false, with a close reason, without memory. */
bool conn_room_for_early(actpass_conn *conn);

enum outcome conn_read_early(actpass_conn *conn, unsigned *want); /* one SSL_read, into that room */

/* ---- A session of the user's. conn->lock is held --------------------------------------------- */

void conn_offer_imported(const actpass_conn *conn, SSL *ssl); /* before the handshake, as client */
void conn_drop_imported(actpass_conn *conn);

/* ---- A server's renegotiation. conn->lock is held, but in the last two ----------------------- */

/* Must succeed before any SSL call but SSL_read: completes the renegotiation, and reads early data.
 * Returns DONE, AGAIN (wait for WRITABLE), or FAILED. */
enum outcome conn_settle(actpass_conn *conn);

void conn_note_read(actpass_conn *conn);  /* after each SSL_read, and after early data was taken */
void conn_note_hello(actpass_conn *conn); /* our ClientHello was sent on the open connection */

/* Is it due? Then SSL_read must be called even without input. */
bool conn_must_begin(const actpass_conn *conn);

/* Prepares a wait during the renegotiation: a thread that waits to write must read, too. Returns
 * the renegotiation's deadline if that is earlier than DEADLINE_US. */
int64_t conn_meanwhile(actpass_conn *conn, unsigned *want, int64_t deadline_us);

/* Sets the close reason if that deadline has passed. Returns true if it has. */
bool conn_end_late_renegotiation(actpass_conn *conn);

/* ---- The peer, and the close reason ---------------------------------------------------------- */

/* Keeps what actpass_info reports of the certificate; once in a connection's life. conn->lock is
 * held. */
void conn_note_certificate(actpass_conn *conn, X509 *certificate);

/* The same for the cipher, which another handshake on the open connection may change. */
void conn_note_cipher(actpass_conn *conn);

/* Keeps the server name that the client asked for in a handshake that has failed, unless it is very
 * long. conn->lock is held. */
void conn_note_offered_name(actpass_conn *conn);

/* Keeps the server name and the group that were agreed on, after the handshake; without memory it
 * gives the connection a close reason. conn->lock is held. */
void conn_note_negotiated(actpass_conn *conn);

/* Sets the close reason of a connection without a role. */
void conn_end_without_role(actpass_conn *conn, const struct verdict *verdict);

/* What a close reason says beside the text for its error. */
enum conn_detail {
    DETAIL_NONE,
    DETAIL_OPENSSL,
    DETAIL_REFUSAL,
    DETAIL_BINDING,
    DETAIL_NO_GLARE_RULE,
    DETAIL_FIRST_BYTES,
    /* conn_explain writes the rest: what was not in common, or was refused. */
    DETAIL_VERSIONS,
    DETAIL_CIPHERS,
    DETAIL_GROUPS,
    DETAIL_PROTOCOLS,
    DETAIL_SERVER_NAME,
    DETAIL_OWN_REFUSED
};

/* Writes one sentence about it, with what both sides had to offer. REASON is libssl's, which says
 * whether the peer has sent an alert. conn->lock is held; there is an SSL object. */
void conn_explain(const actpass_conn *conn, enum conn_detail detail, int reason,
                  struct error_text *why);

/* Writes HTTP's answer 400 if the peer sent a plain HTTP request to us as TLS server, or before
 * there is a role. The close reason is set already. Returns false if it wrote nothing. */
bool conn_answer_http(actpass_conn *conn);

/* Makes a TLS server that answers first bytes that are TLS but gave no role. The close reason is
 * set already. Returns false without memory. */
bool conn_begin_answer(actpass_conn *conn);

/* Lets it answer with an alert, as soon as their record is complete. Returns false if it waits. */
bool conn_answer(actpass_conn *conn, int64_t deadline_us);

/* Refuses the peer, or cancels the connection if memory was too short to judge it. */
void conn_refuse(actpass_conn *conn, const struct error_text *why);

/* Sets the close reason by what the transport has seen: for failures without an SSL call. */
void conn_end_of_transport(actpass_conn *conn);

/* Sets the close reason by a fatal alert, if there was one: for SSL calls that others made. */
void conn_end_of_alert(actpass_conn *conn);

/* Waits until there is room, and sends close_notify. Returns 0, -1 with a close reason, or
 * CONN_AGAIN. */
int conn_send_close_notify(actpass_conn *conn, int64_t deadline_us);

/* Notes the messages and records of this SSL object from now on. conn->lock is held then, as
 * during its calls. */
void conn_follow_messages(actpass_conn *conn, SSL *ssl);

/* Notes the present time, since the accept, if TIME_US, of the connection, has none yet. */
void conn_note_time(const actpass_conn *conn, _Atomic int64_t *time_us);

void conn_notify(actpass_conn *conn, actpass_event event);

/* The event of the role, if there is one, and it was not sent. It was, and its callback has
 * returned, when this returns. Without a lock. */
void conn_notify_role(actpass_conn *conn);

/* Is the peer, which is accepted by all else, revoked? (conn_revocation.c) Holds conn->lock.
 * PENDING: to be called again once RELAY_TOLD is true, or at conn_next_revocation_us. DEADLINE_US
 * is that of the whole. REFUSED with error. */
enum tls_revocation conn_judge_revocation(actpass_conn *conn, int64_t deadline_us,
                                          struct error_text *error);
int64_t conn_next_revocation_us(const actpass_conn *conn); /* DEADLINE_NEVER: nothing is asked */

/* What to wait for meanwhile: the answer, or a sign that the peer may have gone. */
unsigned conn_revocation_want(actpass_conn *conn);

/* Has it gone, so that no answer is of use? Then the connection has its close reason. A peer that
 * has half-closed behind a question waits for our answer. Holds conn->lock. */
bool conn_ends_unanswered(actpass_conn *conn);
void conn_end_revocation(actpass_conn *conn); /* it is not waited for any more */

#endif
