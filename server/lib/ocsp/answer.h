/* OCSP responses (RFC 6960): what a responder says of one certificate, verified. Any thread. */
#ifndef ACTPASS_SERVER_LIB_OCSP_ANSWER_H
#define ACTPASS_SERVER_LIB_OCSP_ANSWER_H

#include "server/lib/base/error.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OCSP_ANSWER_MAX = 65536 }; /* bytes of a response */

enum ocsp_status { OCSP_GOOD, OCSP_REVOKED, OCSP_NOT_KNOWN /* to the responder */ };

struct ocsp_answer {
    unsigned char *der; /* the whole response; NULL: there is none, or it was not kept */
    size_t size;
    enum ocsp_status status;
    int64_t from_s, until_s; /* thisUpdate and nextUpdate, in seconds since 1970; until 0: there is
                                no response. Without a nextUpdate, an hour after thisUpdate or now,
                                the later one; such a response is current for a day. One that is
                                about to run out, or is current only since our clock may be wrong,
                                counts for a minute: else it would be fetched again at once */
};

/* Takes a response that is successful, about CERTIFICATE, current, and signed by its ISSUER or by a
 * responder that ISSUER has delegated that to (RFC 6960 section 4.2.2.2). Copies the bytes; the
 * caller ends it with ocsp_answer_free. False with error, one clause that names no file. This
 * thread's error queue is as before. */
bool ocsp_answer_read(struct ocsp_answer *answer, const unsigned char *der, size_t size,
                      X509 *certificate, X509 *issuer, struct error_text *error);
void ocsp_answer_free(struct ocsp_answer *answer); /* all zero afterwards */

/* Keeps what the response says, but not the response. */
void ocsp_answer_forget_der(struct ocsp_answer *answer);

bool ocsp_answer_is_current(const struct ocsp_answer *answer);

/* Is what is KNOWN current, and newer? Somebody on the way to a responder, or a cache, can bring an
 * older response that is still current. */
bool ocsp_answer_is_outdated(const struct ocsp_answer *answer, const struct ocsp_answer *known);

/* "good", "revoked" or "unknown". */
const char *ocsp_status_text(enum ocsp_status status);

#endif
