/* What a peer speaks that does not speak TLS, by its first bytes. Pure functions; any thread. */
#ifndef ACTPASS_SERVER_BASE_NOT_TLS_H
#define ACTPASS_SERVER_BASE_NOT_TLS_H

#include "config/error_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NOT_TLS_SHOWN = 32 }; /* so many of the first bytes are enough for the functions below */

/* Could OpenSSL go on with a stream that begins with this record header? False also for fewer bytes
 * than a header has. */
bool not_tls_is(const uint8_t *bytes, size_t size);

/* Does it begin like a request of HTTP? */
bool not_tls_is_http_request(const uint8_t *bytes, size_t size);

/* Writes one sentence that shows the bytes, escaped, and names the protocol if they tell it. */
void not_tls_describe(const uint8_t *bytes, size_t size, struct error_text *error);

/* The answer to a plain HTTP request: 400, and why. A static string. */
const char *not_tls_http_answer(void);

#endif
