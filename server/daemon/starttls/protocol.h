/* What is said in clear on a connection before TLS begins on it (STARTTLS): one interface over all
 * protocols. Pure functions on buffers: the caller receives and sends.
 *
 *   1. Call `read` with all input that is there and not used yet; at first with none.
 *      STARTTLS_MORE: call again once more input has come behind the same bytes. Otherwise remove
 *      `talk->used` bytes from the input's front.
 *   2. STARTTLS_SEND: send `talk->answer`, then go on with 1, also with no input at all.
 *      STARTTLS_DONE: send `talk->answer`, then TLS begins. Input behind `talk->used` is an error:
 *      it came before TLS, and must not be taken for something that came in it (CVE-2011-0411).
 *      STARTTLS_DIRECT: TLS begins at once, with the input's first byte.
 *      STARTTLS_WRONG: send `talk->answer`, which may be empty, and close. */
#ifndef ACTPASS_SERVER_STARTTLS_PROTOCOL_H
#define ACTPASS_SERVER_STARTTLS_PROTOCOL_H

#include "server/lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STARTTLS_INPUT_MAX = 4096, /* `read` never answers STARTTLS_MORE once there is so much input */
    STARTTLS_ANSWER_MAX = 1024,
    STARTTLS_TURNS_MAX = 16 /* how often `read` answers STARTTLS_SEND at most */
};

enum starttls_next { STARTTLS_MORE, STARTTLS_SEND, STARTTLS_DONE, STARTTLS_DIRECT, STARTTLS_WRONG };

struct starttls_answer {
    unsigned char bytes[STARTTLS_ANSWER_MAX];
    size_t size;
};

struct starttls_protocol;

/* One side's talk. All zero to begin with, but NAME and PROTOCOL; it holds no pointer into the
 * input. */
struct starttls_talk {
    const char *name;                         /* borrowed: the server's name, or NULL */
    const struct starttls_protocol *protocol; /* whose `read` is called */
    struct starttls_answer answer;
    size_t used;           /* by the last call of `read` */
    struct error_text why; /* STARTTLS_WRONG: for the log, a sentence about the peer */
    unsigned stage;        /* the protocol's own; 0 at first */
    unsigned turns;        /* the same */
};

struct starttls_protocol {
    const char *name; /* as in the configuration */
    enum starttls_next (*read)(struct starttls_talk *talk, const unsigned char *input, size_t size);
    const char *greeting; /* of the plain side, see greeting.h; else NULL */
};

/* ---- For the protocols ----------------------------------------------------------------------- */

/* Stores an answer of at most STARTTLS_ANSWER_MAX bytes. */
void starttls_set_answer(struct starttls_talk *talk, const void *bytes, size_t size);

/* The same of a text of printf. False: it is too long. */
bool starttls_print_answer(struct starttls_talk *talk, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Removes USED bytes of input, and goes on: sends the answer that was stored. */
enum starttls_next starttls_send(struct starttls_talk *talk, size_t used);

/* Ends the talk: keeps the sentence. The answer is what was stored for this. */
enum starttls_next starttls_wrong(struct starttls_talk *talk, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What is printable of SIZE bytes that a peer has sent, for a message: never more than 80 bytes. */
struct starttls_quote {
    char text[84];
};
struct starttls_quote starttls_quote(const void *bytes, size_t size);

#endif
