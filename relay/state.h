/* The state of a relay, its lock, and one setter for each part of the state that others depend on.
 * Nothing here wakes a thread or makes a system call other than the lock's.
 *
 * The lock is the only one in this folder except those of the pools of threads and of rings, and it
 * is never held across a system call but looks at the socket that wait for nothing, and need it to
 * stay open (socket_unasked_events, socket_note_error, socket_has_lost_peer). All functions need
 * it, unless their comment says otherwise; debug builds check that. A thread that must wake another
 * notes that in the state (wake.h), and releases the lock with wake_unlock or wake_sleep. */
#ifndef ACTPASS_RELAY_STATE_H
#define ACTPASS_RELAY_STATE_H

#include "relay/hello.h"
#include "relay/relay.h"

#include <pthread.h>
#include <sys/types.h>

/* Bytes in data[start, end): output that was accepted and does not fit the transport yet. So no
 * record is left half written (hazard 13), whatever the size of the ring. It is bounded: from
 * RELAY_SPILL_MAX on nothing more is accepted, and a conversation writes only when it is empty. */
struct spill {
    uint8_t *data;
    size_t start, end, capacity;
};

/* The bytes received before the verdict. The conversation reads them before all others. */
struct first_bytes {
    uint8_t *data;
    size_t length, taken, capacity;
};

/* How bytes get from SSL to the socket and back. Each is called with the lock held. Those marked
 * (drops) release it around a system call. */
struct transport {
    size_t (*readable)(struct relay *relay);                          /* bytes, or 1 for "try" */
    ssize_t (*read)(struct relay *relay, void *buffer, size_t size);  /* 0: nothing now (drops) */
    int (*write)(struct relay *relay, const void *data, size_t size); /* takes all; errno (drops) */
    bool (*writable)(struct relay *relay); /* would a record be taken without waiting? */
    size_t (*output)(struct relay *relay, const uint8_t **data); /* what to send next */
    void (*sent)(struct relay *relay, size_t size); /* removes bytes of it that were sent */
    bool (*wants_input)(struct relay *relay);       /* is there room to receive? */
    void (*receive)(struct relay *relay);           /* (drops) */
    /* These are NULL where there is no such memory. */
    void (*lend)(struct relay *relay);    /* lets others use memory that holds no byte */
    void (*release)(struct relay *relay); /* frees memory that holds no byte */
    void (*destroy)(struct relay *relay); /* frees all; without the lock, at the end */
};

extern const struct transport transport_pair;
extern const struct transport transport_direct;

/* ---- Input: from the socket to SSL -------------------------------------------------------- */

enum input_state {
    INPUT_OPEN,
    INPUT_ENDED, /* the peer's FIN was received */
    INPUT_FAILED /* an error: relay->error is the first */
};

enum receiving {
    RECEIVING_NOT,
    RECEIVING,        /* some thread is inside recv */
    RECEIVING_IN_RING /* and recv writes into a ring, which must not be freed */
};

/* Does the socket have input that was not received? Only for RELAY_BY_CALLER: a poll of ours tells
 * this otherwise. */
enum socket_input {
    SOCKET_ASK,  /* perhaps: receive until it has none */
    SOCKET_DATA, /* yes, and no end is near: a receive with more room than it needs takes all */
    SOCKET_DRY   /* no, until the caller has waited */
};

/* Does the caller say what its waits have found (relay_note_events)? */
enum told { TOLD_NEVER, TOLD_ALWAYS };

struct input {
    enum input_state state;
    enum socket_input socket;
    enum told told;
    enum receiving receiving;
    bool discarding;        /* input is read and thrown away */
    uint64_t discard_until; /* then: stop once so many bytes were received in all */
    bool ready;             /* direct: the socket may have bytes */
    size_t credit;          /* bytes that SSL may still read before it must wait */
    struct first_bytes first;
    uint64_t received;
};

/* ---- Output: from SSL to the socket ------------------------------------------------------- */

enum output_state {
    OUTPUT_OPEN,
    OUTPUT_BLOCKED,   /* the socket takes no more: wait for POLLOUT */
    OUTPUT_FINISHING, /* some thread is inside shutdown(SHUT_WR) */
    OUTPUT_FINISHED,  /* FIN was sent */
    OUTPUT_FAILED,    /* a send failed; final */
    OUTPUT_TIMED_OUT  /* the write timeout passed without progress; final */
};

enum connect_state {
    CONNECTED,
    CONNECT_ON_SEND, /* Fast Open: the first send connects, and there is nothing to poll for yet */
    CONNECTED_BY_SYN /* Fast Open: the first send was accepted with data */
};

struct output {
    enum output_state state;
    enum connect_state connect;
    bool sending;        /* some thread is inside send */
    int64_t stuck_us;    /* since when progress is measured; 0: it is not */
    int64_t stuck_taken; /* bytes that the peer had taken by then */
    struct spill spill;
    uint64_t sent;
};

/* ---- The driver: who runs the I/O loop ---------------------------------------------------- */

enum loop_state {
    LOOP_FREE,
    LOOP_BUSY,   /* some thread runs it */
    LOOP_ASLEEP, /* and sleeps in poll: a change that matters to it must wake it (wake.h) */
    LOOP_WOKEN   /* its wake-up was performed, or is due */
};

enum thread_state {
    THREAD_NONE,    /* relay_start was not called, or the transport needs none */
    THREAD_AWAY,    /* back in the pool, while the conversation stays in a call */
    THREAD_DUE,     /* one is to be started when the lock is released */
    THREAD_ATTACHED /* one runs relay_main */
};

enum announcement { ANNOUNCE_PENDING, ANNOUNCE_RUNNING, ANNOUNCE_DONE };

struct driver {
    enum relay_served served;
    enum loop_state loop;
    short polled; /* the socket events that are, or were last, polled for */
    enum thread_state thread;
    void (*thread_main)(void *relay); /* what a relay thread runs */
    bool hung; /* POLLHUP was seen while no event was wanted: a poll would return at once */
    enum announcement announcement; /* of the verdict, by on_verdict */
    pthread_t announcer;            /* RUNNING: the thread inside on_verdict */
};

/* ---- Glare: both peers send a ClientHello (GLARE.md) -------------------------------------- */

enum glare_state {
    GLARE_OFF,
    GLARE_WITHHOLD, /* our ClientHello is in the transport, and nothing of it was sent */
    GLARE_HELD,     /* the beginning of something has come: the rest decides */
    GLARE_WATCH     /* our ClientHello was sent: is the first input another ClientHello? */
};

struct glare {
    enum glare_state state;
    struct spill own_hello;       /* our ClientHello, while glare is possible */
    bool dropped;                 /* glare has occurred, and the smaller hello was dropped */
    uint8_t digest[HELLO_DIGEST]; /* of the dropped one */
};

/* ---- Waiters: the threads of the conversation, and the parked relay thread ---------------- */

struct waiters {
    pthread_cond_t arrived; /* conversation threads that wait while another runs the loop */
    pthread_cond_t parked;  /* the relay thread while it has nothing to do */
    unsigned followers;     /* threads that sleep on `arrived` */
    unsigned loop_wanted;   /* threads that need the loop itself, for their own descriptors */
    unsigned awaited;       /* what the conversation thread with the loop waits for */
    unsigned calls;         /* conversation threads inside a call */
    uint64_t call_number;   /* counts calls, so that the relay thread sees whether one is new */
    unsigned notes;         /* relay_note */
    bool told;              /* relay_tell */
};

/* Wakes the thread that sleeps in poll: an eventfd, which cannot fill (hazard 8). */
struct wake {
    int fd;           /* -1 while the connection is idle */
    bool skip_fd;     /* the next sleep does without one */
    bool due;         /* write to it when the lock is released */
    unsigned writers; /* threads about to write to it: neither it nor the socket may be closed */
};

/* ---- What SSL sees ------------------------------------------------------------------------ */

enum ring_size { RINGS_SMALL, RINGS_OUTGROWN, RINGS_LARGE };

/* How many bytes a ring can hold, and holds. OpenSSL knows it, too, but asking costs a hundred
 * times as much as looking here, and each message asks dozens of times. */
struct ring {
    size_t size, held;
};

/* The BIO pair (pair.c). NULL while no byte needs it. */
struct rings {
    BIO *internal, *external;
    enum ring_size size;
    struct ring inbound, outbound; /* 0 without a pair */
    uint64_t gift;                 /* the last one to the pool; 0: none */
};

/* The BIO that SSL uses now (bio.c). */
struct ssl_side {
    BIO *bio;     /* SSL's */
    bool revised; /* the role is not the one that the BIO was made for */
    bool starved; /* the last read found nothing */
    bool choked;  /* the last write found no room */
    bool blocking;
    int64_t read_timeout_ms;
};

struct relay {
    /* Constant from relay_new on. */
    struct relay_options options;
    const struct transport *transport;
    int fd; /* the socket; closed, and -1, from RELAY_DONE on */
    int64_t accepted_us;

    pthread_mutex_t lock; /* guards all that follows */
#ifndef NDEBUG
    bool held;
    pthread_t holder;
#endif
    unsigned references; /* the owner and the relay thread */

    enum relay_state state;
    struct verdict verdict;
    int64_t hello_deadline_us; /* RELAY_SNIFF: when the wait for a (whole) hello ends */
    int error;                 /* the first errno (hazard 18); 0: none */
    bool cancelled;            /* relay_abort */

    struct input input;
    struct output output;
    struct driver driver;
    struct glare glare;
    struct waiters waiters;
    struct wake wake;
    struct rings rings;
    struct ssl_side ssl;
};

/* ---- The lock. Each aborts the process if pthreads reports an error, which is a bug here. -- */

/* Initializes the lock and the conditions. Returns 0 or an errno. Without the lock. */
int state_init_locks(struct relay *relay);
void state_destroy_locks(struct relay *relay);

void relay_lock(struct relay *relay);

/* Unlocks and does nothing else. No wake-up may be due: see wake_unlock. */
void relay_unlock(struct relay *relay);

/* Sleeps on the condition until the deadline at the latest. Returns true if it has passed. See
 * wake_sleep. */
bool state_sleep(struct relay *relay, pthread_cond_t *condition, int64_t deadline_us);

void state_signal(struct relay *relay, pthread_cond_t *condition);    /* wakes one thread */
void state_broadcast(struct relay *relay, pthread_cond_t *condition); /* wakes all */

/* Aborts a debug build where this thread does not hold the lock. */
#ifdef NDEBUG
static inline void state_assert_held(const struct relay *relay)
{
    (void)relay;
}
#else
void state_assert_held(const struct relay *relay);
#endif

/* ---- Setters: each reports a change to hooks->trace ---------------------------------------- */

void state_set(struct relay *relay, enum relay_state to);
void state_set_input(struct relay *relay, enum input_state to);   /* from OPEN only */
void state_set_output(struct relay *relay, enum output_state to); /* not from a final state */
void state_set_connect(struct relay *relay, enum connect_state to);
void state_set_loop(struct relay *relay, enum loop_state to);
void state_set_thread(struct relay *relay, enum thread_state to);
void state_set_announcement(struct relay *relay, enum announcement to);
void state_set_glare(struct relay *relay, enum glare_state to);
void state_set_verdict(struct relay *relay, enum role role, enum cause cause);

/* Keeps the first error. */
void state_latch(struct relay *relay, int error);

/* ---- Questions ----------------------------------------------------------------------------- */

bool state_has_output(struct relay *relay);         /* something that can still be sent */
bool state_holds_output(const struct relay *relay); /* glare: output must wait */
bool state_takes_input(const struct relay *relay);  /* glare: the first input is not SSL's yet */
bool state_input_over(const struct relay *relay);   /* nothing more will be received */
bool state_output_dead(const struct relay *relay);  /* nothing more can be sent */

/* Events to poll the socket for now. 0: keep it out of the poll set, since after a reset every poll
 * returns at once, whatever the events (hazard 9). */
short state_wanted_events(struct relay *relay);

/* Is the socket polled for an error alone, where no event is wanted? For who waits for FAILED, and
 * not once that would spin. */
bool state_polls_for_error(const struct relay *relay, unsigned want);

/* ---- The hooks of a test: asked here and nowhere else --------------------------------------- */

/* Does a test decide who runs the I/O loop? */
bool state_is_forced(const struct relay *relay);

/* May it be this thread's turn? Always true if no test decides it. */
bool state_may(const struct relay *relay, enum relay_turn turn);

/* When a parked relay thread looks again although nobody wakes it, if a test decides; else
 * DEADLINE_NEVER. */
int64_t state_look_again_us(const struct relay *relay);

/* The size of one receive or send. */
size_t state_io_size(const struct relay *relay, size_t size);

/* ---- spill.c ------------------------------------------------------------------------------- */

size_t spill_size(const struct spill *spill);
int spill_append(struct spill *spill, const void *data, size_t size); /* 0 or ENOMEM */
void spill_take(struct spill *spill, size_t size);                    /* removes from the front */

#endif
