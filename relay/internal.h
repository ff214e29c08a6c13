/* What the files of the relay share: its state, its lock, and which file does what to it.
 *
 *   relay.c   life: new, thread, close, free          pump.c    poll, receive, send
 *   wait.c    the conversation's waits and calls      sniff.c   first bytes and verdict
 *   fastopen.c   the first flight in the SYN
 *   spill.c   output that found no room            glare.c   both ends speak at once
 *   bio.c     the BIO under SSL                       pair.c, direct.c   the two transports
 *
 * Lock order: there is one lock in this folder, relay->lock; nothing else is taken under it. */
#ifndef ACTPASS_RELAY_INTERNAL_H
#define ACTPASS_RELAY_INTERNAL_H

#include "relay/hello.h"
#include "relay/relay.h"

#include <pthread.h>
#include <sys/types.h>

/* How long the conversation may be outside any call before the relay thread takes the pump. */
#define RELAY_GRACE_US INT64_C(10000)

/* Room that one TLS record and its overhead need (hazard 13: 16 406 and 16 469 were measured). */
#define RELAY_RECORD_ROOM 17408

/* With so many bytes spilt, the BIO asks for a retry or waits. */
#define RELAY_SPILL_MOST 32768

/* So much SSL may read from one wait for input to the next. A peer can send messages without data
 * for ever, and one SSL_read goes on over them: it has to come back for the deadline and for an
 * abort. */
#define RELAY_INPUT_CREDIT RELAY_DEFAULT_RING

/* The most descriptors a conversation may add to the poll set. */
#define RELAY_MOST_EXTRAS 4

/* Output that was accepted and does not fit the transport yet, so that a record is never left half
 * written (hazard 13) whatever the size of the ring. Bounded: at RELAY_SPILL_MOST no more is
 * accepted, and a conversation writes only when it is empty. */
struct spill {
    uint8_t *data;
    size_t start, end, capacity;
};

/* The bytes read before the verdict; the conversation reads them before all others. */
struct first_bytes {
    uint8_t *data;
    size_t length, taken, capacity;
};

/* How bytes get from SSL to the socket and back. Each is called with the lock held; those marked
 * (drops) release it around a system call. */
struct transport {
    size_t (*readable)(struct relay *relay);                          /* bytes, or 1 for "try" */
    ssize_t (*read)(struct relay *relay, void *buffer, size_t size);  /* 0: nothing now (drops) */
    int (*write)(struct relay *relay, const void *data, size_t size); /* takes all; errno (drops) */
    bool (*writable)(struct relay *relay); /* would a record be taken without waiting? */
    size_t (*output)(struct relay *relay, const uint8_t **data); /* what to send next */
    void (*sent)(struct relay *relay, size_t size);              /* that much of it was sent */
    bool (*wants_input)(struct relay *relay);                    /* is there room to receive? */
    void (*receive)(struct relay *relay);                        /* (drops) */
    void (*release)(struct relay *relay); /* memory, if no byte is in it; NULL: there is none */
};

/* How far the watch for a peer that speaks when we do is. */
enum glare { GLARE_OFF, GLARE_WITHHOLD, GLARE_HELD, GLARE_WATCH };

extern const struct transport transport_pair;
extern const struct transport transport_direct;

struct relay {
    /* Constant from relay_new on. */
    struct relay_options options;
    const struct transport *transport;
    int fd; /* the socket; closed, and -1, from RELAY_DONE on */
    int64_t accepted_us;

    pthread_mutex_t lock; /* guards all that follows */
    int wake_fd;      /* the control pipe: an eventfd (hazard 8); -1 while the connection is idle */
    bool pipeless;    /* the next sleep does without it */
    unsigned kickers; /* threads that are about to write to it */
    pthread_cond_t arrived; /* conversation threads that wait while another thread has the pump */
    pthread_cond_t parked;  /* the relay thread while it has nothing to do */
    unsigned references;    /* the owner and the relay thread */

    enum relay_state state;
    struct verdict verdict;
    int64_t hello_deadline_us; /* in SNIFF: when the wait for the (rest of a) hello ends */

    BIO *bio;     /* the one that SSL uses now; not ours */
    bool revised; /* the role is another than that BIO was made for */
    enum glare glare;
    struct spill own_hello; /* our ClientHello, while glare is possible */
    bool hello_dropped;     /* glare has come, and this is the digest of the smaller: */
    uint8_t dropped_hello[HELLO_DIGEST];

    BIO *internal, *external; /* the pair; NULL until it is needed */
    unsigned notes;           /* relay_note */
    bool ring_full;           /* a ring was too small for what came */
    bool large_rings;
    bool in_recv;        /* a receive writes into a ring */
    bool input_ready;    /* direct: the socket may have bytes */
    size_t input_credit; /* what SSL may still read before it waits */
    struct first_bytes first;
    struct spill spill;

    /* The pump. */
    bool polling;         /* some thread has the pump */
    bool asleep;          /* and is inside poll, with these events for the socket: */
    short polled;         /*   a change that wants others must kick it, */
    unsigned awaited;     /*   and one that gives it what it waits for, by another thread's hands */
    bool kick;            /* write to wake_fd at the next unlock */
    bool kicked;          /* that was done, or will be, since the poller fell asleep */
    bool unconnected;     /* Fast Open: the first send connects; nothing to poll for before it */
    bool syn_sent;        /* and it took data */
    bool sending;         /* some thread is inside send */
    bool receiving;       /* some thread is inside recv */
    bool output_blocked;  /* the socket took no more: wait for POLLOUT */
    int64_t stuck_us;     /* since when its progress is measured; 0: it is not */
    int64_t stuck_taken;  /* what the peer had taken by then */
    bool output_dead;     /* a send failed, or the write timeout passed */
    bool input_dead;      /* end of stream or error */
    bool fin_sent;        /* shutdown(SHUT_WR) was done */
    bool discarding;      /* input is read and thrown away */
    unsigned followers;   /* threads waiting on arrived */
    unsigned pump_wanted; /* threads that need the pump itself, for their own descriptors */
    unsigned calls;       /* conversation threads inside a call */
    uint64_t call_number; /* counts calls, so that the relay thread sees whether one is new */
    bool started;         /* relay_start was called, with the pair: there may be relay threads */
    bool attached;        /* there is a relay thread; none while the conversation stays in a call */
    bool call_thread;     /* call one at the next unlock */
    bool announced;       /* on_verdict was, or is being, called */
    bool announcing;      /* it is inside on_verdict: */
    pthread_t announcer;  /*   this thread */
    uint32_t random;      /* DRIVER_RANDOM */

    /* The BIO's manners. */
    bool blocking;
    int64_t read_timeout_ms;

    /* What has happened. */
    int error; /* first errno, latched (hazard 18) */
    bool eof;
    bool cancelled;
    bool timed_out;
    uint64_t received, sent;
    uint64_t discard_until; /* with discarding: the end, once so much was received */
};

/* spill.c */
size_t spill_size(const struct spill *spill);
int spill_append(struct spill *spill, const void *data, size_t size); /* 0 or ENOMEM */
void spill_take(struct spill *spill, size_t size);

/* relay.c */
void relay_lock(struct relay *relay);
void relay_unlock(struct relay *relay); /* and kicks the poller if that was asked for */
int relay_make_wake_fd(void);           /* or -1 */
void relay_set_state(struct relay *relay, enum relay_state state);
void relay_unref(struct relay *relay);            /* the last reference frees it */
void relay_latch(struct relay *relay, int error); /* keeps the first error */

/* relay_thread.c */
void relay_attach(struct relay *relay);    /* calls a relay thread, at the next unlock */
int relay_run_thread(struct relay *relay); /* which is this; an errno: it is not attached */

/* pump.c */
void pump_flush(struct relay *relay);   /* sends until nothing is left or the socket is full */
void pump_changed(struct relay *relay); /* kicks a sleeping poller that waits for too little */
void pump_kick(struct relay *relay);    /* wakes a sleeping poller */
bool pump_has_output(struct relay *relay);
bool pump_polls_socket(
    struct relay *relay); /* would one who sleeps now do so? Not with a full ring, say */
void pump_finish(struct relay *relay); /* FIN, if all is sent and the relay is draining */
/* One turn: sends, sleeps until something can be done or the deadline, receives, sends. True if an
 * extra descriptor has something. The caller has set polling. */
bool pump_turn(struct relay *relay, struct pollfd *extra, nfds_t extras, int64_t deadline_us);
/* Books what a receive came to. */
void pump_received(struct relay *relay, ssize_t got, int error);
size_t pump_capped(const struct relay *relay, size_t size);

/* fastopen.c */
ssize_t fastopen_send(struct relay *relay, const void *data, size_t size); /* as send */

/* sniff.c */
void sniff_begin(struct relay *relay);
void sniff_receive(struct relay *relay);
ssize_t sniff_read(struct relay *relay); /* one receive into the first bytes; 0: none came */
void sniff_check_time(struct relay *relay);

/* glare.c */
void glare_begin(struct relay *relay); /* silence has made us client */
void glare_end(struct relay *relay);
void glare_note_output(struct relay *relay, const void *data, size_t size);
bool glare_holds_output(const struct relay *relay);
bool glare_takes_input(const struct relay *relay);
void glare_judge(struct relay *relay); /* of the first bytes that came */

/* wait.c */
enum relay_wait wait_for(struct relay *relay, unsigned want, struct pollfd *extra, nfds_t extras,
                         int64_t deadline_us);
void wait_enter(struct relay *relay);
void wait_leave(struct relay *relay);
void wait_flush(struct relay *relay); /* relay_flush with the lock held */
void wait_wake(struct relay *relay);
bool wait_coin(struct relay *relay); /* DRIVER_RANDOM's */

#endif
