/* Where a Redis is, and how we authenticate. Any thread may use a place. */
#ifndef ACTPASS_SERVER_REDIS_PLACE_H
#define ACTPASS_SERVER_REDIS_PLACE_H

#include "config/config.h"
#include "server/lib/base/error.h"
#include "server/lib/redis/words.h"

struct redis_place;

enum { REDIS_LOOKUP_MS = 5000 };

/* Reads the password, and resolves the host within REDIS_LOOKUP_MS; does not connect. NULL with
 * error: the host is not known, a file cannot be used, the path is too long for a socket, no
 * memory. WORDS must outlive the place. */
struct redis_place *redis_place_new(const struct config_sessions *where,
                                    const struct redis_words *words, struct error_text *error);
void redis_place_free(struct redis_place *place); /* may be NULL; after its last link */

#endif
