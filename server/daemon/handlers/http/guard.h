/* The protected parts of a site, and which peers may see them. */
#ifndef ACTPASS_SERVER_HANDLERS_HTTP_GUARD_H
#define ACTPASS_SERVER_HANDLERS_HTTP_GUARD_H

#include "config/config.h"
#include "server/include/actpass.h"
#include "server/lib/base/error.h"

/* One protected part. */
struct http_protected {
    const char *prefix; /* of the decoded path */
    actpass_policy
        *policy; /* the part's own names and pins; NULL: any certificate that TLS accepts */
};

/* All protected parts of one site. Constant once made; any thread. */
struct http_guard {
    struct http_protected *parts;
    size_t count;
};

/* The configuration must outlive it. NULL with ERROR: out of memory, or a bad name or pin. */
struct http_guard *http_guard_new(const struct config_http *http, struct error_text *error);
void http_guard_free(struct http_guard *guard); /* NULL is fine */

/* The protected parts that a path is in: the longest matching prefix, compared in two ways, since
 * on a file system that ignores letter case the path may be in another part. */
struct http_protection {
    const struct http_protected *exact;  /* letter case is significant; NULL: none */
    const struct http_protected *folded; /* letter case ignored; NULL: none, or the same as exact */
};
struct http_protection http_guard_find(const struct http_guard *guard, const char *path);

enum http_access {
    HTTP_ACCESS_GRANTED,
    HTTP_ACCESS_DENIED, /* the reason is in WHY; "": the sentence of the status */
    HTTP_ACCESS_CLOSED  /* the connection has ended */
};

/* Decides whether the peer may see this protected part. Asks a peer without a certificate for one,
 * once on a connection; sets *REFUSED if it gives none. May block a minute for the peer. CONN is
 * non-blocking, before and after. */
enum http_access http_guard_check(actpass_conn *conn, const struct http_protection *protection,
                                  bool *refused, struct error_text *why);

#endif
