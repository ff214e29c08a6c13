/* The subject of a certificate as text. Any thread. */
#ifndef ACTPASS_SERVER_TLS_SUBJECT_H
#define ACTPASS_SERVER_TLS_SUBJECT_H

#include <openssl/x509.h>

/* In the form of RFC 2253; the caller frees it. NULL: no memory. May leave errors in the queue. */
char *subject_text(const X509 *certificate);

#endif
