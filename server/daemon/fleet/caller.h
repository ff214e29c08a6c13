/* A client of a gate, from the name that it wants to the join: what gates with TLS (reach.c) and
 * without (plain.c) have in common. It receives and sends nothing. For the task of its
 * conversation. */
#ifndef ACTPASS_SERVER_FLEET_CALLER_H
#define ACTPASS_SERVER_FLEET_CALLER_H

#include "config/config.h"
#include "server/daemon/conversation.h"
#include "server/daemon/fleet/fleet.h"

/* How long a client may take to say which name it wants. */
enum { CALLER_NAME_MS = 10000 };

/* Both ends of the client's connection: AF_UNSPEC where they are not known. */
struct caller_addresses {
    struct sockaddr_storage source, destination;
};

struct caller {
    struct conversation *conversation;
    const struct config_reach *reach;
    const struct gate_protocol *protocol; /* NULL: the name is known without one */
    struct gate_talk talk;
    struct pool_caller pooled; /* its request is what the offer gets */
    struct caller_addresses addresses;
    enum gate_outcome outcome; /* GATE_REACHED until something else is known */
    int64_t began_us;          /* when the name was known */
    int64_t deadline_us;       /* for the name, then for the join */
    bool prolonged;            /* because an offer was about to accept */
};

void caller_init(struct caller *caller, struct conversation *conversation,
                 const struct config_reach *reach);

/* Notes where the client comes from, if these are IP addresses of one family. */
void caller_note_addresses(struct caller *caller, const struct caller_addresses *addresses);

/* The name that is wanted, where the client need not say it: one that is configured, or
 * SERVER_NAME ("": none). False: that is no name, and the outcome is set. */
bool caller_take_name(struct caller *caller, const char *server_name);

/* Can a device have that name, and may a client that ALLOWED (NULL: one that may reach all) is for
 * reach it? False: the outcome is set. An item of "allow" is for it if ALLOWED says so. */
typedef bool caller_allowed(const struct config_allow *allow, size_t index, void *arg);
bool caller_may_reach(struct caller *caller, caller_allowed *allowed, void *arg);

/* Calls for the name, and begins to wait. FD and LINK are for the offer (struct pool_request), with
 * the answer if the offer is to send that; they are the caller's again if there is no join. False:
 * the outcome is set. */
enum caller_answer { CALLER_ANSWERS, OFFER_ANSWERS };
bool caller_call(struct caller *caller, int fd, struct duplex_link *link,
                 enum caller_answer answer);

/* What has come of it. WAITS: look again when the bell rings, or at the deadline. FAILED: the
 * outcome is set, and nobody is called for any more. */
enum caller_next { CALLER_WAITS, CALLER_JOINED, CALLER_FAILED };
enum caller_next caller_look(struct caller *caller);

/* Gives up, since the client is gone (GATE_FAILED), or for another reason. CALLER_JOINED: it was
 * joined before. */
enum caller_next caller_give_up(struct caller *caller, enum gate_outcome outcome);

/* Counts the outcome: once for each client. */
void caller_count(const struct caller *caller);

/* Fills talk.answer by the outcome; empty without a protocol. */
void caller_fill_answer(struct caller *caller);

/* The outcome for the log: "unknown". For GATE_REACHED: "reached". */
const char *caller_outcome_name(enum gate_outcome outcome);

/* The same as a sentence, with the name. */
void caller_explain(const struct caller *caller, struct error_text *text);

#endif
