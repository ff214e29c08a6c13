/* What is in the files that "tls" of a service names, as one number, to notice a change. No secret
 * is in it, and it is no protection: whoever writes the files decides what is in them. Any thread.
 */
#ifndef ACTPASS_SERVER_FINGERPRINT_H
#define ACTPASS_SERVER_FINGERPRINT_H

#include "config/config.h"

#include <stdint.h>

/* Calls VISIT with each of them that is read once, at load: certificates, keys, passphrases, CAs,
 * CRLs and OCSP responses. The files of session keys are looked at by the library. */
void fingerprint_each_file(const struct config_tls *tls, void (*visit)(const char *path, void *arg),
                           void *arg);

/* The same of all that a service has: its own "tls" and those of its routes. */
void fingerprint_each_file_of(const struct config_service *service,
                              void (*visit)(const char *path, void *arg), void *arg);
uint64_t fingerprint_of_service(const struct config_service *service);

/* Reads them. A file that cannot be read counts as what errno says. */
uint64_t fingerprint_of(const struct config_tls *tls);

#endif
