/* One connection's bytes between the socket and OpenSSL.
 *
 * The relay owns the socket from relay_new to the end. Bytes go through a BIO pair (transport pair)
 * or straight from SSL to the socket (transport direct); everything else is the same for both.
 *
 * Threads that enter: the relay's own thread (transport pair only; it goes back to the pool while
 * the conversation stays in a call), the conversation's one or two, and anybody in relay_abort. One
 * mutex guards all state and is never held across a system call but a futex. It is the only lock
 * here; a caller may hold no lock of its own that is taken in on_verdict.
 *
 * The pump - poll, receive, send - is run by one thread at a time: a conversation thread that must
 * wait anyway, or, while the conversation is elsewhere, the relay thread. */
#ifndef ACTPASS_RELAY_RELAY_H
#define ACTPASS_RELAY_RELAY_H

#include "relay/threads.h"
#include "relay/verdict.h"

#include <openssl/bio.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct relay;

enum relay_transport { RELAY_PAIR, RELAY_DIRECT };

/* Who may run the pump. AUTO is the one for use; the others are for tests. */
enum relay_driver { DRIVER_AUTO, DRIVER_RELAY, DRIVER_CONVERSATION, DRIVER_RANDOM };

struct relay_options {
    enum relay_transport transport;
    enum role role; /* ROLE_AUTO: decide by the first bytes */
    enum role hint; /* ROLE_AUTO: decide for this one at once; ROLE_AUTO: there is none */
    int64_t initial_data_timeout_ms; /* negative: never */
    int64_t handshake_timeout_ms;    /* for the rest of a hello that has begun */
    int64_t write_timeout_ms;        /* for output that makes no progress */
    bool glare; /* ROLE_AUTO: as client by silence, withhold our ClientHello and resolve glare. The
                   verdict's role may then change until the handshake is done: READABLE becomes
                   true, and a new relay_bio goes with a new SSL object */
    size_t inbound_size; /* ring sizes in bytes, at least 1; 0: default */
    size_t outbound_size;
    size_t io_cap; /* the most bytes of one receive or send; 0: no cap */
    enum relay_driver driver;
    struct sockaddr_storage
        fast_open; /* with a size: the socket is not connected yet, and the first output */
    socklen_t fast_open_size; /*   goes there in the SYN. Pair and ROLE_CLIENT only */
    struct threads *threads;  /* for the relay thread; outlives the relay */
    /* Called once, on the thread that found the verdict, with no lock held; NULL: nobody asks. The
     * relay is alive during the call at least. */
    void (*on_verdict)(void *arg);
    void *arg;
};

#define RELAY_DEFAULT_RING 131072

enum relay_state { RELAY_SNIFF, RELAY_OPEN, RELAY_DRAIN, RELAY_DONE };

/* What a wait came to. */
enum relay_wait { WAIT_READY, WAIT_TIMEOUT, WAIT_CANCELLED };

/* What a conversation may wait for. READABLE is also true at the end of the stream and after an
 * error, WRITABLE and FLUSHED after an error: the next call or relay_status tells. ENDED is true
 * once the socket's input has ended, read or not. ARRIVED is READABLE for who reads aside
 * (relay_note). */
enum relay_want {
    RELAY_READABLE = 1,
    RELAY_WRITABLE = 2,
    RELAY_FLUSHED = 4,
    RELAY_ENDED = 8,
    RELAY_ARRIVED = 16
};

/* Takes the socket, also on failure. The time of acceptance is now. NULL with errno. */
struct relay *relay_new(int fd, const struct relay_options *options);

/* Starts the relay thread (transport pair; nothing otherwise). 0, or the errno of pthread_create.
 */
int relay_start(struct relay *relay);

/* Blocks until the role is decided. The verdict's role is ROLE_NONE where there is none. */
enum relay_wait relay_wait_verdict(struct relay *relay, struct verdict *verdict);

/* The verdict as it stands; ROLE_AUTO while undecided. Any thread. */
struct verdict relay_verdict(struct relay *relay);

/* Is there glare to be expected, so that our ClientHello has to offer the binding of the one that
 * is dropped? As client, until the peer's first bytes are judged. */
bool relay_may_glare(struct relay *relay);

/* The SHA-256 of the ClientHello that glare has dropped: the peer's where we won, ours where we
 * lost. False: there was no glare. */
bool relay_dropped_hello(struct relay *relay, uint8_t digest[32]);

/* The peer's answer showed that it knows no rule for glare: a cause of GLARE_WON or GLARE_LOST
 * becomes GLARE_UNSUPPORTED. True if it was one of them. */
bool relay_glare_failed(struct relay *relay);

/* A new BIO over the conversation's side, for SSL_set_bio; the relay must outlive it. */
BIO *relay_bio(struct relay *relay);

/* With blocking true the BIO waits inside its reads and writes, until deadline (read) or the write
 * timeout, and reports failure as -1 with errno ETIMEDOUT, ECANCELED or the transport's (hazard 5).
 * With false it asks for a retry. */
void relay_set_blocking(struct relay *relay, bool blocking, int64_t read_timeout_ms);

/* Waits until one of WANT is true, one of the extra descriptors has something (revents are set),
 * the deadline passes, or the relay is aborted. Output is sent meanwhile. WAIT_READY for both of
 * the first. WANT may be 0 with extra descriptors, at most four. From one wait for READABLE to the
 * next SSL gets 128 KiB at most, and then asks for a retry; once the deadline has passed, no more:
 * WAIT_TIMEOUT. */
enum relay_wait relay_wait(struct relay *relay, unsigned want, struct pollfd *extra, nfds_t extras,
                           int64_t deadline_us);

/* What the conversation's threads tell each other: it holds input for a reader, so READABLE is true
 * whatever the transport has; it is busy with what a writer must wait for, so WRITABLE is not; it
 * has no room for input to be read aside, so ARRIVED is not. */
enum relay_notes { NOTE_HOLDS = 1, NOTE_BUSY = 2, NOTE_FULL = 4 };
void relay_note(struct relay *relay, unsigned notes);

/* Is one of WANT true at this moment? */
bool relay_is(struct relay *relay, unsigned want);

/* Brackets the time in which a conversation thread waits nowhere but in this relay's calls, so that
 * the relay thread need not be woken between two of them. May nest; each enter has its leave. */
void relay_enter(struct relay *relay);
void relay_leave(struct relay *relay);

/* Sends what can be sent now and leaves the rest to the pump: a call that wrote ends with this. */
void relay_flush(struct relay *relay);

/* What the transport has seen, for the mapping of a failed SSL call to an end. */
struct relay_status {
    enum relay_state state;
    int error;      /* first errno of the transport, latched; 0: none */
    bool eof;       /* the peer's FIN was received and everything before it was read */
    bool cancelled; /* relay_abort was called */
    bool timed_out; /* output made no progress for the write timeout */
    bool syn_sent;  /* data was given to the SYN; relay_syn_data says whether it was taken there */
    uint64_t received, sent;
};
struct relay_status relay_status(struct relay *relay);

/* Did data travel in the SYN, ours or the peer's? Until relay_close. */
bool relay_syn_data(struct relay *relay);

/* Is the socket connected by now? With fast_open it is not at first. Until relay_close. */
bool relay_connected(struct relay *relay);

/* Sends what is left, then FIN, until the deadline. Reading goes on. */
enum relay_wait relay_finish_output(struct relay *relay, int64_t deadline_us);

/* Reads and discards raw bytes until the peer's end, an error or the deadline, at most MOST bytes
 * (hazard 17). */
void relay_discard(struct relay *relay, uint64_t most, int64_t deadline_us);

/* Gives back memory and the control pipe, which a connection without traffic does not need, until
 * its next wait but one. For the conversation's only thread, between two waits in one call. */
void relay_release(struct relay *relay);

/* Ends it at once: wakes every wait, and resets the connection when closed. Any thread. */
void relay_abort(struct relay *relay);

/* Closes the socket (RST if aborted or output is left) and lets the relay thread go. No
 * conversation thread may be in a call. After it only relay_status, relay_verdict and relay_free
 * are allowed. */
void relay_close(struct relay *relay);

/* Closes if need be, and gives up the caller's reference. NULL is fine. */
void relay_free(struct relay *relay);

const char *role_name(enum role role);
const char *cause_name(enum cause cause);

#endif
