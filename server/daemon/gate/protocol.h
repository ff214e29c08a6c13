/* How a client tells a gate which name it wants to reach, and what it is answered: one interface
 * over HTTP CONNECT (connect.h) and SOCKS5 (socks5.h). Pure functions on buffers: the caller
 * receives and sends, over a plain socket or over TLS.
 *
 *   1. Call `read` with all input that is there and not used yet. GATE_MORE: call again once more
 *      input has come behind the same bytes. Otherwise remove `talk->used` bytes from the input's
 *      front: the bytes behind them are not the gate's, and belong to the joined connection.
 *   2. GATE_SEND: send `talk->answer`, then go on with 1, also with no input at all.
 *      GATE_NAMED: `talk->request` is complete. Look for the name, then call `answer` with what
 *      came of it, and send `talk->answer`.
 *      GATE_WRONG: send `talk->answer`, which may be empty, and close. */
#ifndef ACTPASS_SERVER_GATE_PROTOCOL_H
#define ACTPASS_SERVER_GATE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GATE_INPUT_MAX = 8192, /* `read` never answers GATE_MORE once there is so much input */
    GATE_NAME_MAX = 253,
    GATE_ANSWER_MAX = 256
};

enum gate_next { GATE_MORE, GATE_SEND, GATE_NAMED, GATE_WRONG };

/* What came of a request. The reply codes are those of HTTP and of SOCKS5 (RFC 1928). */
enum gate_outcome {
    GATE_REACHED,                 /* 200, 0: the bytes that follow are the device's */
    GATE_NOT_ALLOWED,             /* 403, 2: this client may not reach that name */
    GATE_UNKNOWN,                 /* 404, 4: no device can have that name */
    GATE_FAILED,                  /* 502, 1: the gate, or another collector, could not join them */
    GATE_BUSY,                    /* 503, 1: the gate stops */
    GATE_FULL,                    /* 503, 1: the process has no descriptor left for one more join */
    GATE_NONE_CAME,               /* 504, 6: no device of that name was there in time */
    GATE_OUTCOMES,                /* how many a pool knows; those that follow are a proxy's */
    GATE_REFUSED = GATE_OUTCOMES, /* 502, 5: the target refuses the connection */
    GATE_NO_HOST,                 /* 502, 4: no such name, or no way to the host */
    GATE_NO_NETWORK,              /* 502, 3: no way to its network */
    GATE_NO_ANSWER,               /* 504, 6: the target was silent */
    GATE_ALL_OUTCOMES
};

struct gate_request {
    char name[GATE_NAME_MAX + 1]; /* a DNS name in small letters without a dot at its end, or an IP
                                     address as inet_ntop writes it, without brackets */
    bool is_address;
    uint16_t port;  /* never 0 */
    bool passed_on; /* CONNECT with "Max-Forwards: 0": another collector has passed it on to this
                       one, which must not pass it on again */
};

struct gate_answer {
    unsigned char bytes[GATE_ANSWER_MAX];
    size_t size;
};

/* One client's talk. All zero to begin with; it holds no pointer into the input. */
struct gate_talk {
    struct gate_request request;
    struct gate_answer answer;
    size_t used;     /* by the last call of `read` */
    const char *why; /* GATE_WRONG: for the log, a constant sentence about the client */
    unsigned stage;  /* the protocol's own */
};

struct gate_protocol {
    const char *name; /* "connect", "socks5" */
    enum gate_next (*read)(struct gate_talk *talk, const unsigned char *input, size_t size);
    void (*answer)(struct gate_talk *talk, enum gate_outcome outcome);
};

/* ---- For the protocols ----------------------------------------------------------------------- */

/* Stores a name or an address that a client has sent. False: it is neither. */
bool gate_take_name(struct gate_request *request, const char *text, size_t size);

/* Stores an answer of at most GATE_ANSWER_MAX bytes. */
void gate_set_answer(struct gate_talk *talk, const void *bytes, size_t size);

/* Ends the talk: removes all input, and keeps WHY. The answer is what was stored before. */
enum gate_next gate_wrong(struct gate_talk *talk, size_t size, const char *why);

/* The input's first byte, which is there, begins another protocol than the gate's. Answers in that
 * protocol's terms, and ends the talk. */
enum gate_next gate_wrong_protocol(struct gate_talk *talk, const unsigned char *input, size_t size);

#endif
