/* What the peer programs in C share: options, the socket, and the exchange of data.
 *
 * A peer connects or accepts once, shakes hands, sends one file while it compares what it receives
 * with another, and closes with close_notify both ways. Each TLS library adds the steps of
 * struct peer_stack. run.py starts the peers; README.md describes them. */
#ifndef INTEROP_PEER_H
#define INTEROP_PEER_H

enum peer_role { PEER_TLS_CLIENT, PEER_TLS_SERVER };
enum peer_version { PEER_TLS_1_2, PEER_TLS_1_3 };
enum peer_closing { PEER_CLOSES_FIRST, PEER_CLOSES_SECOND };

struct peer_options {
    enum peer_role role;
    enum peer_version version;
    enum peer_closing closing;
    int connect_port; /* 0: listen, and print `listening PORT` */
    const char *certificate;
    const char *key;
    const char *ca;
    const char *name; /* that the other side's certificate must have, in either role */
    const char *send;
    const char *expect;
};

/* What a step came to, when it is not a number of bytes. */
enum {
    PEER_DONE = 1,        /* of handshake and close_notify */
    PEER_WANTS_READ = -1, /* to be called again, with the same arguments, once readable */
    PEER_WANTS_WRITE = -2,
    PEER_CLOSED = -3, /* close_notify came; an end of stream without it is a failure */
    PEER_FAILED = -4, /* the step has printed why */
};

struct peer_stack {
    /* Makes the one TLS session of the process on a non-blocking socket; NULL after a message. */
    void *(*open)(const struct peer_options *options, int sock);
    int (*handshake)(void *session); /* verifies chain and name of the peer's certificate */
    int (*read)(void *session, void *buffer, int size);
    int (*write)(void *session, const void *data, int size);
    int (*close_notify)(void *session);
    void (*release)(void *session);
};

/* Prints `what: why` on stderr. Returns PEER_FAILED. */
int peer_fail(const char *what, const char *why);

/* The whole program: returns the exit status, 0 only if all data and both close_notify were right.
 */
int peer_main(int argc, char **argv, const struct peer_stack *stack);

#endif
