/* Responses kept in files of a folder, one for each certificate. What is read is verified as if it
 * came from the responder, so whoever writes the folder can at most bring an older response that is
 * still current. Any thread. */
#ifndef ACTPASS_SERVER_LIB_OCSP_STORE_H
#define ACTPASS_SERVER_LIB_OCSP_STORE_H

#include "server/lib/ocsp/answer.h"

enum { OCSP_KEY_SIZE = 32 };

/* False: there is none that is current. */
bool ocsp_store_read(const char *folder, const uint8_t key[OCSP_KEY_SIZE], X509 *certificate,
                     X509 *issuer, struct ocsp_answer *answer);

/* Puts the response in place at once: a reader sees the one before or this one. False with error.
 */
bool ocsp_store_write(const char *folder, const uint8_t key[OCSP_KEY_SIZE],
                      const struct ocsp_answer *answer, struct error_text *error);

#endif
