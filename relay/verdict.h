/* The verdict on a connection: whether we act as TLS client or server, and why. Plain data; any
 * thread. */
#ifndef ACTPASS_RELAY_VERDICT_H
#define ACTPASS_RELAY_VERDICT_H

#include <stdint.h>

enum role { ROLE_AUTO, ROLE_SERVER, ROLE_CLIENT, ROLE_NONE };

enum cause {
    CAUSE_UNDECIDED,
    CAUSE_CONFIGURED,
    CAUSE_CLIENT_HELLO,
    CAUSE_SILENCE,
    CAUSE_CLOSED_BEFORE_FIRST_BYTE,
    CAUSE_PEER_ANSWERS_AS_SERVER,
    CAUSE_ALERT_FIRST,
    CAUSE_NOT_TLS,
    CAUSE_HELLO_INCOMPLETE,
    CAUSE_CLIENT_HELLO_LATE, /* the peer spoke just before our ClientHello was sent */
    CAUSE_GLARE_WON,         /* both sent a ClientHello; the peer's was dropped */
    CAUSE_GLARE_LOST,        /* both sent a ClientHello; ours was dropped */
    CAUSE_GLARE_UNSUPPORTED, /* both sent one; the peer does not know the rule (GLARE.md) */
    CAUSE_REFLECTION,        /* our own ClientHello came back */
    CAUSE_HINT               /* decided at once by relay_options.hint */
};

struct verdict {
    enum role role; /* ROLE_AUTO until decided */
    enum cause cause;
    int64_t accepted_us;   /* CLOCK_MONOTONIC; the two below count from here */
    int64_t decided_us;    /* from accept; -1 before */
    int64_t first_byte_us; /* from accept to the peer's first byte; -1: none yet */
    int answerable;        /* no role, but a TLS server answers the peer's bytes with an alert */
    int peer_spoke_first;  /* the peer's first byte came before our first one */
};

/* Names for logs; static strings. A value that is not an enumerator gives "none", "undecided". */
const char *role_name(enum role role);
const char *cause_name(enum cause cause);

#endif
