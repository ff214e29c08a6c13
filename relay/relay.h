/* One connection's bytes between the socket and OpenSSL.
 *
 * The relay owns the socket from relay_new on. Bytes go through a BIO pair (transport pair) or
 * straight from SSL to the socket (transport direct); everything else is the same for both.
 *
 * Threads: the relay's own thread (transport pair only; it goes back to the pool while the
 * conversation stays in a call), the one or two threads of the conversation, and any thread in
 * relay_abort. One mutex guards all state, and is not held across a system call other than a futex.
 * A caller must not hold a lock that on_verdict takes.
 *
 * The I/O loop (poll, receive, send) is run by one thread at a time: a conversation thread that
 * must wait anyway or, while the conversation is outside any call, the relay thread. README.md
 * shows the parts. */
#ifndef ACTPASS_RELAY_RELAY_H
#define ACTPASS_RELAY_RELAY_H

#include "relay/ring_pool.h"
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

/* What is to be done next, and by which thread. */
enum relay_turn { TURN_CONVERSATION_POLLS, TURN_CONVERSATION_SENDS, TURN_RELAY_POLLS };

/* What a test decides in place of the relay. Must stay valid until relay_free. Called with the
 * relay's lock held, by any thread. */
struct relay_hooks {
    bool (*may)(enum relay_turn turn); /* which thread polls and sends; NULL: the usual rule */
    int64_t look_us; /* with `may`: interval at which the relay thread asks again; 0: when woken */
    size_t io_cap;   /* max. bytes of one receive or send; 0: no cap */
    /* Each change of a part of the state ("output", from "open" to "blocked"). "verdict" gives role
     * and cause instead. NULL: none. */
    void (*trace)(const struct relay *relay, const char *part, const char *from, const char *to);
};

/* Who sees to it that bytes are moved while no call of the owner's is in progress. */
enum relay_served {
    RELAY_BY_THREAD, /* the relay thread, after relay_start */
    RELAY_BY_CALLER  /* nobody: the owner waits for the socket itself (relay_prepare) */
};

struct relay_options {
    enum relay_transport transport;
    enum relay_served served;
    enum role role; /* ROLE_AUTO: decide by the first bytes, resolve glare (below) */
    enum role hint; /* with ROLE_AUTO: the role to take at once; ROLE_AUTO: none */
    int64_t initial_data_timeout_ms; /* how long to wait for the first bytes; negative: no limit */
    int64_t handshake_timeout_ms;    /* for the rest of a hello that has begun */
    int64_t write_timeout_ms;        /* for output that makes no progress; negative: no limit */
    size_t inbound_size;             /* ring sizes in bytes, at least 1; 0: default */
    size_t outbound_size;
    struct sockaddr_storage
        fast_open;               /* where the first output is sent in the SYN: the socket is not */
    socklen_t fast_open_size;    /*   connected yet. 0: none. Pair and ROLE_CLIENT only */
    struct threads *threads;     /* for the relay thread; must outlive the relay */
    struct ring_pool *ring_pool; /* of BIO pairs; must outlive the relay; NULL: its own ones */
    /* Called once, on the relay thread, without a lock held, when the verdict is known; NULL: none.
     * The relay stays valid at least until the call returns. */
    void (*on_verdict)(void *arg);
    void *arg;
    const struct relay_hooks *hooks; /* for tests; NULL in production */
};
/* Glare (GLARE.md): with ROLE_AUTO and the pair, a client by silence or by hint withholds its
 * ClientHello, and two ClientHellos are resolved. So the verdict's role may change until the
 * handshake is complete. READABLE becomes true at such a change; the new SSL object needs a new
 * relay_bio. */

#define RELAY_DEFAULT_RING 131072

enum relay_state {
    RELAY_SNIFF, /* waits for the first bytes: there is no verdict */
    RELAY_OPEN,
    RELAY_DRAIN, /* relay_finish_output was called: sends what is left, then FIN */
    RELAY_DONE   /* closed */
};

/* The result of a wait. AGAIN: not ready yet; from relay_look alone. */
enum relay_wait { WAIT_READY, WAIT_TIMEOUT, WAIT_CANCELLED, WAIT_AGAIN };

/* What a conversation may wait for. READABLE is also true at the end of the stream and after an
 * error, WRITABLE and FLUSHED after an error: the next call or relay_status reports which. ENDED is
 * true once the socket's input has ended, read or not. ARRIVED is like READABLE, for a writer that
 * must read to complete a renegotiation (relay_note). FAILED is true once the transport has failed,
 * by a reset for example, also while no input is received; input from before may still be there.
 * DECIDED is true once there is a verdict. LACKED is for relay_prepare alone: what the BIO's last
 * read or write did not find, for code that calls SSL_read and SSL_write itself. TOLD is true after
 * relay_tell. */
enum relay_want {
    RELAY_READABLE = 1,
    RELAY_WRITABLE = 2,
    RELAY_FLUSHED = 4,
    RELAY_ENDED = 8,
    RELAY_ARRIVED = 16,
    RELAY_FAILED = 32,
    RELAY_DECIDED = 64,
    RELAY_LACKED = 128,
    RELAY_TOLD = 256
};

/* Takes the socket, also on failure. The verdict's times count from this call. Returns NULL with
 * errno. */
struct relay *relay_new(int fd, const struct relay_options *options);

/* Starts the relay thread (transport pair; does nothing otherwise). Returns 0, or the errno of
 * pthread_create. */
int relay_start(struct relay *relay);

/* Blocks until the role is decided. The verdict's role is ROLE_NONE if none can be taken. */
enum relay_wait relay_wait_verdict(struct relay *relay, struct verdict *verdict);

/* The current verdict; its role is ROLE_AUTO while undecided. Any thread. */
struct verdict relay_verdict(struct relay *relay);

/* Is glare possible, so that our ClientHello must offer to bind the one that is dropped? True for a
 * client until the peer's first bytes are judged. */
bool relay_may_glare(struct relay *relay);

/* Copies the SHA-256 of the ClientHello that glare has dropped: the peer's if we won, ours if we
 * lost. Returns false if there was no glare. */
bool relay_dropped_hello(struct relay *relay, uint8_t digest[32]);

/* Was there glare, and was it resolved: is the cause GLARE_WON or GLARE_LOST? */
bool relay_has_resolved_glare(struct relay *relay);

/* The peer's answer shows that it does not know the rule for glare: a cause of GLARE_WON or
 * GLARE_LOST becomes GLARE_UNSUPPORTED. */
void relay_glare_failed(struct relay *relay);

/* Returns a new BIO over the conversation's side, for SSL_set_bio; the relay must outlive it.
 * Returns NULL without memory. */
BIO *relay_bio(struct relay *relay);

/* From now on the BIO waits inside its reads (for READ_TIMEOUT_MS; negative: no limit) and writes
 * (for the write timeout), and reports failure as -1 with errno ETIMEDOUT, ECANCELED or the
 * transport's (hazard 5). */
void relay_set_blocking(struct relay *relay, int64_t read_timeout_ms);

/* From now on the BIO asks for a retry instead, as it does at first. */
void relay_set_nonblocking(struct relay *relay);

/* Waits until one of WANT is true or one of the extra descriptors is ready (revents are set):
 * WAIT_READY; or until the deadline passes or the relay is aborted. Sends output meanwhile. WANT
 * may be 0 with extra descriptors, of which there are at most four. SSL gets at most 128 KiB from
 * one wait for READABLE to the next, and then asks for a retry. Once the deadline has passed it
 * gets no more: WAIT_TIMEOUT. */
enum relay_wait relay_wait(struct relay *relay, unsigned want, struct pollfd *extra, nfds_t extras,
                           int64_t deadline_us);

/* Lets SSL read as much as after a wait (see above), for a caller that has come anew and may not
 * wait. */
void relay_allow_input(struct relay *relay);

/* What the conversation's threads must know of each other. */
enum relay_notes {
    NOTE_HOLDS = 1, /* input is held for a reader: READABLE is true, whatever the transport has */
    NOTE_BUSY = 2,  /* a writer must wait for something that is in progress: WRITABLE is false */
    NOTE_FULL = 4   /* a writer has no room to read into: ARRIVED is false */
};

/* Replaces the notes, and wakes the waiting threads. */
void relay_note(struct relay *relay, unsigned notes);

/* Makes TOLD true, and wakes who waits for it: something has happened that is not the relay's. Any
 * thread. relay_untell makes it false; the conversation must look at what has happened after that,
 * not before it, or a wake-up is lost. */
void relay_tell(struct relay *relay);
void relay_untell(struct relay *relay);

/* Is one of WANT true at this moment? */
bool relay_is(struct relay *relay, unsigned want);

/* Has the transport failed? Also looks at the socket, since nothing is received while the input
 * that came before is not read. Does not block. */
bool relay_is_broken(struct relay *relay);

/* Has the transport failed, or the peer ended its output, with all of it read by SSL? Does not
 * block. Any input that is left may be a question to be answered: the peer has not gone then. */
bool relay_has_lost_peer(struct relay *relay);

/* Brackets the time in which a conversation thread waits only inside this relay's calls, so that
 * the relay thread need not be woken between two of them. May nest; each enter needs its leave. */
void relay_enter(struct relay *relay);
void relay_leave(struct relay *relay);

/* Sends what can be sent now, and leaves the rest to the I/O loop. Must follow writes that no wait
 * follows. */
void relay_flush(struct relay *relay);

/* What the transport has seen, to find the reason of a failed SSL call. */
struct relay_status {
    enum relay_state state;
    int error;               /* first errno of the transport; 0: none */
    bool eof;                /* the peer's FIN was received */
    bool cancelled;          /* relay_abort was called */
    bool timed_out;          /* output made no progress for the write timeout */
    bool flushed;            /* all output was sent, and FIN */
    bool syn_sent;           /* the first send was accepted with data; see relay_syn_data */
    uint64_t received, sent; /* bytes */
};
struct relay_status relay_status(struct relay *relay);

/* Copies the peer's first bytes, if there is no role for them: at most SIZE. Returns how many. */
size_t relay_first_bytes(struct relay *relay, uint8_t *buffer, size_t size);

/* As getsockname(2). Returns false after relay_close, or if the kernel does not know. Not while
 * another thread may close. */
bool relay_local_address(struct relay *relay, struct sockaddr *address, socklen_t *size);

/* Did data travel in the SYN, ours or the peer's? Not after relay_close. */
bool relay_syn_data(struct relay *relay);

/* Is the socket connected by now? With fast_open it is not at first. Not after relay_close. */
bool relay_connected(struct relay *relay);

/* ---- Served by the caller. One thread at a time. ------------------------------------------ */

/* Does what can be done without waiting: receives, sends, decides what time decides. Otherwise like
 * relay_wait; returns WAIT_AGAIN where that would go on waiting. */
enum relay_wait relay_look(struct relay *relay, unsigned want, int64_t deadline_us);

/* What a wait is for. */
struct relay_need {
    int fd;              /* the socket; -1: only the time matters */
    short events;        /* POLLIN, POLLOUT */
    int64_t deadline_us; /* the relay's own; 0: one of WANT is true, or there is more to do */
    bool cancelled;
};

/* Must be called before each wait for the socket. Sends what can be sent. */
struct relay_need relay_prepare(struct relay *relay, unsigned want);

/* What the wait has found (POLLIN, POLLOUT, POLLRDHUP, ...). If this is never called, each
 * relay_look asks the socket; once called, it must be called after each wait that found something.
 * The first call may be made with 0 before an edge-triggered registration, which reports what is
 * there already. */
void relay_note_events(struct relay *relay, short revents);

/* From now on the caller serves the relay; ends the relay thread. No other thread may be in a call
 * but relay_abort. */
void relay_serve_by_caller(struct relay *relay);

/* ---- The end ------------------------------------------------------------------------------ */

/* The beginning of relay_finish_output; then RELAY_FLUSHED is to be waited for. */
void relay_begin_finish(struct relay *relay);

/* The beginning of relay_discard; then RELAY_ENDED is to be waited for. */
void relay_begin_discard(struct relay *relay, uint64_t max);

/* Sends what is left, then FIN, until the deadline. Reading goes on. */
enum relay_wait relay_finish_output(struct relay *relay, int64_t deadline_us);

/* Reads and discards raw bytes until the end of the input, an error or the deadline, at most MAX
 * bytes (hazard 17). */
void relay_discard(struct relay *relay, uint64_t max, int64_t deadline_us);

/* Frees the memory and the eventfd, which a connection without traffic does not need. The next wait
 * does without the eventfd; the one after it makes a new one. For the conversation's only thread,
 * between two waits in one call. */
void relay_release(struct relay *relay);

/* Makes every wait return WAIT_CANCELLED, and relay_close reset the connection. Any thread. */
void relay_abort(struct relay *relay);

/* The same for the owner itself, who waits for nothing now: wakes no loop of the owner's. */
void relay_cancel(struct relay *relay);

/* Closes the socket (with RST after an abort, or if output is left), and makes the relay thread
 * end. No conversation thread may be in a call. After it, only relay_status, relay_verdict and
 * relay_free may be called. */
void relay_close(struct relay *relay);

/* Closes the relay if it is open, and releases the caller's reference. NULL does nothing. */
void relay_free(struct relay *relay);

#endif
