/* The protected parts of a site, and who may see them. */
#ifndef ACTPASS_SERVER_SERVICES_HTTP_GUARD_H
#define ACTPASS_SERVER_SERVICES_HTTP_GUARD_H

#include "config/config.h"
#include "server/actpass.h"
#include "server/tls/policy.h"

/* The protection of a decoded path: the longest prefix that fits, letter case ignored, since a file system may ignore
 * it, too. NULL: everybody may see it. */
const struct config_protected *http_protection(const struct config_http *http, const char *path);

/* 200: the peer may see it. 403: it may not, and WHY says why. 0: the connection has its end. A peer without a
 * certificate is asked for one, once on a connection: ASKED. */
int http_ask_leave(actpass_conn *conn, const struct config_protected *protection, bool *asked,
                   struct tls_error *why);

#endif
