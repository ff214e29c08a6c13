/* The types that all headers of the C API share. */
#ifndef ACTPASS_TYPES_H
#define ACTPASS_TYPES_H

#define ACTPASS_API __attribute__((visibility("default")))

typedef struct actpass_config actpass_config;
typedef struct actpass_conn actpass_conn;

/* The role that we have in TLS, or may have. */
typedef enum {
    ACTPASS_ROLE_AUTO,
    ACTPASS_ROLE_SERVER,
    ACTPASS_ROLE_CLIENT,
    ACTPASS_ROLE_NONE
} actpass_role;

/* Why the role was decided so; with ACTPASS_ROLE_NONE, why there is no role. */
typedef enum {
    ACTPASS_CAUSE_UNDECIDED,
    ACTPASS_CAUSE_CONFIGURED,
    ACTPASS_CAUSE_CLIENT_HELLO,             /* the peer sent a ClientHello: we are server */
    ACTPASS_CAUSE_SILENCE,                  /* the peer sent nothing in time: we are client */
    ACTPASS_CAUSE_CLOSED_BEFORE_FIRST_BYTE, /* by the peer: a port scan or a health check */
    ACTPASS_CAUSE_PEER_ANSWERS_AS_SERVER,   /* ServerHello or HelloRequest came first */
    ACTPASS_CAUSE_ALERT_FIRST,
    ACTPASS_CAUSE_NOT_TLS,
    ACTPASS_CAUSE_HELLO_INCOMPLETE,  /* the peer sent only the start of a hello */
    ACTPASS_CAUSE_CLIENT_HELLO_LATE, /* it came just before we sent ours: we are server */
    ACTPASS_CAUSE_GLARE_WON,         /* both sent a ClientHello: we stay client */
    ACTPASS_CAUSE_GLARE_LOST,        /* both sent a ClientHello: we become server */
    ACTPASS_CAUSE_GLARE_UNSUPPORTED, /* both sent one, and the peer does not know the rule */
    ACTPASS_CAUSE_REFLECTION,        /* our own ClientHello came back */
    ACTPASS_CAUSE_HINT               /* "role_hints" of the JSON configuration names the peer */
} actpass_cause;

/* The close reason of a connection, ACTPASS_OPEN until it closes. ACTPASS_CLEAN requires that the
 * peer's close_notify was received (RFC 8446 section 6.1, RFC 5246 section 7.2.1) and ours was
 * sent. */
typedef enum {
    ACTPASS_OPEN,
    ACTPASS_CLEAN,
    ACTPASS_TRUNCATED, /* the stream ended without close_notify */
    ACTPASS_RESET,     /* the transport failed */
    ACTPASS_TIMEOUT,   /* one of the timeouts passed */
    ACTPASS_CANCELLED, /* actpass_abort, or we closed before the connection was complete */
    ACTPASS_PROTOCOL,  /* not TLS, or an error in TLS, except about identity */
    ACTPASS_REFUSED,   /* we refused the peer's identity, or the peer refused ours */
    ACTPASS_UNUSED     /* the peer closed before TLS began, and had sent nothing */
} actpass_end;

#endif
