#include "server/lib/redis/place.h"

#include "relay/clock.h"
#include "server/lib/dial/unix_address.h"
#include "server/lib/redis/internal.h"

#include <stdlib.h>
#include <string.h>

static bool copy_address(struct config_address *address, const struct config_sessions *where)
{
    const char *from = where->path ? where->path : where->host;
    char *copy = strdup(from);
    address->kind = where->path ? CONFIG_ADDRESS_UNIX : CONFIG_ADDRESS_TCP;
    address->text = strdup(from);
    address->port = where->port;
    if (where->path)
        address->path = copy;
    else
        address->host = copy;
    return copy && address->text;
}

/* Resolves the name now, since that can take far longer than a handshake may wait. */
static bool look_up(struct redis_place *place, const struct config_sessions *where,
                    struct error_text *error)
{
    const struct dial_wait wait = {.cancel_fd = -1};
    if (where->path && strlen(where->path) > UNIX_PATH_MAX_BYTES)
        return error_set(error, "%s: the path %s is longer than %d bytes", place->words->title,
                         where->path, UNIX_PATH_MAX_BYTES);
    if (!copy_address(&place->address, where))
        return error_set(error, "out of memory for %s", place->words->title);
    const char *why =
        candidates_resolve(&place->address, 0, &wait, clock_deadline_ms(REDIS_LOOKUP_MS),
                           &place->candidates, &place->count);
    return !why || error_set(error, "%s: the host %s is not known: %s", place->words->title,
                             place->address.text, why);
}

static bool set_access(struct redis_place *place, const struct config_sessions *where,
                       struct error_text *error)
{
    place->user = where->user ? strdup(where->user) : NULL;
    if (where->user && !place->user)
        return error_set(error, "out of memory for %s", place->words->title);
    if (where->password_file &&
        !secret_read(&place->password, where->password_file, "password", error))
        return false;
    if (where->over_tls)
        place->tls = redis_tls_new(where, place->words, error);
    return !where->over_tls || place->tls;
}

void redis_place_free(struct redis_place *place)
{
    if (!place)
        return;
    redis_tls_free(place->tls);
    secret_wipe(&place->password);
    free(place->user);
    free(place->candidates);
    config_address_free(&place->address);
    free(place);
}

struct redis_place *redis_place_new(const struct config_sessions *where,
                                    const struct redis_words *words, struct error_text *error)
{
    struct redis_place *place = calloc(1, sizeof(*place));
    if (!place) {
        error_set(error, "out of memory for %s", words->title);
        return NULL;
    }
    place->words = words;
    place->db = where->db;
    if (set_access(place, where, error) && look_up(place, where, error))
        return place;
    redis_place_free(place);
    return NULL;
}
