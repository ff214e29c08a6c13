/* A connection through a proxy: what is said to the proxy on a connected socket, until what follows
 * comes from the target. Nothing behind the proxy's answer is read. A step does what can be done at
 * once. For one thread at a time. */
#ifndef ACTPASS_SERVER_LIB_DIAL_THROUGH_H
#define ACTPASS_SERVER_LIB_DIAL_THROUGH_H

#include "config/config.h"
#include "server/lib/base/credentials.h"
#include "server/lib/dial/http_connect.h"
#include "server/lib/dial/socks5.h"

/* The proxy of a dial. */
struct through {
    const struct config_proxy *proxy; /* borrowed; never of kind NONE */
    struct credentials credentials;
};

/* Reads the credentials, if CONFIG names a file. The caller ends it with through_wipe, also on
 * failure. False with error. */
bool through_load(struct through *through, const struct config_through *config,
                  struct error_text *error);
void through_wipe(struct through *through);

/* All members are through.c's. */
struct through_talk {
    const struct through *through; /* borrowed, as is the target */
    int fd;                        /* the caller's */
    union {
        struct http_connect http;
        struct socks5 socks;
    };
    struct proxy_request request;
    size_t sent; /* of the request */
};

/* Begins to ask for a connection to TO on FD, which is connected to the proxy and non-blocking. */
void through_begin(struct through_talk *talk, const struct through *through,
                   const struct config_address *to, int fd);

enum through_result {
    THROUGH_WAITS, /* until the socket has through_events */
    THROUGH_UP,    /* the socket leads to the target */
    THROUGH_FAILED /* and WHY says why: a sentence that names the proxy */
};
enum through_result through_step(struct through_talk *talk, struct error_text *why);
short through_events(const struct through_talk *talk);

/* Wipes the request. */
void through_end(struct through_talk *talk);

#endif
