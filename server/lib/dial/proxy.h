/* What the protocols of proxies share (http_connect.h, socks5.h). They know no socket: they write
 * requests into a buffer and read answers from one. */
#ifndef ACTPASS_SERVER_LIB_DIAL_PROXY_H
#define ACTPASS_SERVER_LIB_DIAL_PROXY_H

#include <stddef.h>

enum { PROXY_REQUEST_MAX = 1536 };

/* Holds the password; through_end wipes it. */
struct proxy_request {
    size_t size;
    unsigned char bytes[PROXY_REQUEST_MAX];
};

enum proxy_answer {
    PROXY_MORE,   /* the answer goes on */
    PROXY_ASKS,   /* it is complete, and there is a further request */
    PROXY_UP,     /* it is complete: what follows comes from the target */
    PROXY_REFUSES /* the reason goes on behind "the proxy NAME ", as in "refused: 403 Forbidden" */
};

#endif
