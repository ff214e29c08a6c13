/* A question about one certificate: what is asked, and whom. Constant; any thread. */
#ifndef ACTPASS_SERVER_LIB_OCSP_QUESTION_H
#define ACTPASS_SERVER_LIB_OCSP_QUESTION_H

#include "server/lib/base/error.h"
#include "server/lib/ocsp/source.h"
#include "server/lib/ocsp/store.h"

struct ocsp_question {
    uint8_t key[OCSP_KEY_SIZE];
    X509 *certificate, *issuer;
    struct ocsp_source *source;
    struct config_http_url url; /* of the responder; url.address.text is its host and port */
};

/* Takes references. NULL with error: no memory, or there is no responder that could be asked. This
 * thread's error queue is as before. */
struct ocsp_question *ocsp_question_new(struct ocsp_source *source, X509 *certificate, X509 *issuer,
                                        struct error_text *error);
void ocsp_question_free(struct ocsp_question *question); /* may be NULL */

/* The key under which the answer is kept: of the certificate, and of the responder if that is
 * configured. False: no memory. */
bool ocsp_question_key(const struct ocsp_source *source, const X509 *certificate,
                       uint8_t key[OCSP_KEY_SIZE]);

#endif
