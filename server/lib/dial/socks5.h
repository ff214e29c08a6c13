/* A SOCKS5 proxy is asked for a connection (RFC 1928), with user and password (RFC 1929). Names are
 * sent as names, which it resolves. For one thread. */
#ifndef ACTPASS_SERVER_LIB_DIAL_SOCKS5_H
#define ACTPASS_SERVER_LIB_DIAL_SOCKS5_H

#include "config/config.h"
#include "server/lib/base/credentials.h"
#include "server/lib/dial/proxy.h"

enum socks5_step { SOCKS5_METHOD, SOCKS5_LOGIN, SOCKS5_CONNECT };

enum { SOCKS5_HEAD = 5 }; /* bytes of an answer that tell its size */

/* All members are socks5.c's. TO and CREDENTIALS are borrowed. */
struct socks5 {
    const struct config_address *to;
    const struct credentials *credentials;
    enum socks5_step step;
    unsigned char head[SOCKS5_HEAD];
    size_t have; /* bytes of the answer so far */
};

/* Writes the first request. CREDENTIALS may be empty. */
void socks5_begin(struct socks5 *socks, const struct config_address *to,
                  const struct credentials *credentials, struct proxy_request *request);

/* Takes what belongs to the answer: *USED of SIZE bytes, all of them with PROXY_MORE. PROXY_ASKS:
 * the next request was written. */
enum proxy_answer socks5_take(struct socks5 *socks, const unsigned char *bytes, size_t size,
                              size_t *used, struct proxy_request *request, struct error_text *why);

#endif
