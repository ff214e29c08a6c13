/* What the daemon and its spawner say to each other: packets over a socketpair (SOCK_SEQPACKET),
 * one of them perhaps with a descriptor. The daemon runs inside the sandbox, where a peer may have
 * taken it over, so the spawner believes nothing that is in a packet. */
#ifndef ACTPASS_SERVER_SPAWNER_MESSAGE_H
#define ACTPASS_SERVER_SPAWNER_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum message_kind {
    /* To the spawner. */
    MESSAGE_LOAD,   /* read the configuration; MESSAGE_LOADED answers */
    MESSAGE_COMMIT, /* what was loaded last is in force */
    MESSAGE_START,  /* the program `command` for `id`, with a descriptor; `text`: variables.h */
    MESSAGE_END,    /* the connection of `id` has ended */
    /* From the spawner. */
    MESSAGE_LOADED,  /* `number`: 0, or 1 with what is wrong in `text` */
    MESSAGE_STARTED, /* `number`: its process id */
    MESSAGE_FAILED,  /* it is not started: why is in `text` */
    MESSAGE_LINE,    /* of its standard error; `number`: lines before it that were left out */
    MESSAGE_ENDED,   /* `number`: its status, as waitpid(2) has it. The last one about `id` */
    MESSAGE_KINDS
};

enum { MESSAGE_TEXT_MAX = 16384 };

struct message {
    uint32_t kind;
    int32_t number;
    uint64_t id;      /* the daemon's number of the program */
    uint64_t command; /* command_list.h */
    uint32_t size;    /* of the text; only that much of it is sent */
    char text[MESSAGE_TEXT_MAX];
};

/* A packet of this kind, without a text. Does not clear the text, which is large. */
void message_begin(struct message *message, enum message_kind kind, uint64_t id);

/* Sets the text: a string without its NUL. What does not fit is cut off. */
void message_set_text(struct message *message, const char *text);

/* Sends it, with DESCRIPTOR unless that is -1, which stays the caller's. FLAGS: MSG_DONTWAIT or 0.
 * Returns 0, or an errno. */
int message_send(int fd, const struct message *message, int descriptor, int flags);

/* Receives one, which waits unless FLAGS has MSG_DONTWAIT. *DESCRIPTOR is the caller's; -1: none.
 * The text gets a NUL behind it. Returns 0, or an errno: EAGAIN: nothing is there; EPIPE: the other
 * end has gone; EPROTO: what has come is none of ours, and was dropped. */
int message_receive(int fd, struct message *message, int *descriptor, int flags);

#endif
