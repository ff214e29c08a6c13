/* How responders are asked: a copy of what "ocsp" says, which outlives its configuration. Counted
 * references; constant; any thread. */
#ifndef ACTPASS_SERVER_LIB_OCSP_SOURCE_H
#define ACTPASS_SERVER_LIB_OCSP_SOURCE_H

#include "config/config.h"

#include <openssl/x509.h>
#include <stdatomic.h>

struct ocsp_source {
    atomic_uint references;
    char *responder;               /* a URL; NULL: what a certificate names */
    struct config_through through; /* proxy.kind is NONE: directly */
    char *cache;                   /* a folder; NULL: none */
    int64_t timeout_ms;
};

/* THROUGH, which may be NULL, is used where OCSP names no proxy of its own. NULL: no memory. */
struct ocsp_source *ocsp_source_new(const struct config_ocsp *ocsp,
                                    const struct config_through *through);
struct ocsp_source *ocsp_source_hold(struct ocsp_source *source);
void ocsp_source_release(struct ocsp_source *source); /* may be NULL */

/* The URL to ask about a certificate; the caller frees it with config_http_url_free. False: there
 * is none, or none that can be used. */
bool ocsp_source_url(const struct ocsp_source *source, X509 *certificate,
                     struct config_http_url *url);

#endif
