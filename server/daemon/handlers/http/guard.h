/* The protected parts of a site, and who may see them. */
#ifndef ACTPASS_SERVER_SERVICES_HTTP_GUARD_H
#define ACTPASS_SERVER_SERVICES_HTTP_GUARD_H

#include "config/config.h"
#include "server/include/actpass.h"
#include "server/lib/tls/policy.h"

/* The protected parts that a path is in: each the longest prefix that fits. To a file system that
 * ignores letter case it may be in another one than to one that does not. */
struct http_protection {
    const struct config_protected *part;   /* as it is written; NULL: none */
    const struct config_protected *folded; /* but for letter case; NULL: none, or the same */
};
struct http_protection http_protection(const struct config_http *http, const char *path);

/* 200: the peer may see it. 403: it may not, and WHY says why. 0: the connection has its end. A
 * peer without a certificate is asked for one, once on a connection: ASKED. */
int http_ask_leave(actpass_conn *conn, const struct http_protection *protection, bool *asked,
                   struct tls_error *why);

#endif
