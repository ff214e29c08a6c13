/* Values of other programs in our words. Pure functions. */
#ifndef ACTPASS_SERVER_CONVERT_VALUES_H
#define ACTPASS_SERVER_CONVERT_VALUES_H

#include "server/daemon/convert/draft.h"

#include <stdbool.h>

struct value_text {
    char text[512];
};

/* "PORT", "HOST:PORT", "[HOST]:PORT", ":::PORT", "/path" or "unix:/path" as an address of ours. A
 * port alone is at HOST; "*" is HOST, too. A port may be the name of a service. False: it is none
 * of these, and *WHY says what is expected. */
bool value_address(const char *text, const char *host, struct value_text *address,
                   const char **why);

/* The host of an address of ours, without brackets. "" for a unix socket. */
struct value_text value_host(const char *address);

bool value_is_ip(const char *text);

/* Is it a URI of PKCS#11? NULL is none. */
bool value_is_pkcs11(const char *text);

/* Seconds, as a duration of ours. False: it is no whole number up to a year. */
bool value_seconds(const char *text, struct value_text *duration);

/* A whole number up to MAX. */
bool value_number(const char *text, unsigned long max, unsigned long *number);

/* The next part of a list, from *AT on, without blanks around it; empty parts are left out. False:
 * there is none, or it is too long. */
bool value_next(const char **at, const char *separators, struct value_text *part);

#endif
