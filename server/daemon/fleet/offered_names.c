#include "server/daemon/fleet/offered_names.h"

#include <string.h>

enum { TEXT_MAX = POOL_NAME_MAX + 8 }; /* with the kind before it */
enum { LOOKED_AT_MAX = 256 };          /* of the certificate: each look parses all of its names */

static bool is_there(const struct offered_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

/* A common name is compared byte by byte, as where the peer is judged. */
static bool is_allowed(const struct config_peer_names *allowed, enum config_name_kind kind,
                       const char *text)
{
    if (kind == CONFIG_NAME_DNS)
        return allowed->count == 0 || config_names_cover(allowed, kind, text);
    for (size_t i = 0; i < allowed->count; i++)
        if (allowed->items[i].kind == kind && strcmp(allowed->items[i].text, text) == 0)
            return true;
    return false;
}

/* TEXT is a name behind its kind. One with a dot at its end counts as none: clients may write that,
 * but to whoever judges certificates it is another name, which no name constraint holds for. */
static void take(struct offered_names *names, const struct config_peer_names *allowed,
                 enum config_name_kind kind, const char *text)
{
    struct gate_request same; /* in the form in which clients ask for it */
    if (!gate_take_name(&same, text, strlen(text)) || same.is_address ||
        strlen(same.name) != strlen(text) || !is_allowed(allowed, kind, text) ||
        is_there(names, same.name))
        return;
    char *stored = names->texts[names->count];
    memcpy(stored, same.name, strlen(same.name) + 1);
    names->items[names->count++] = stored;
}

static void take_any(struct offered_names *names, const struct config_peer_names *allowed,
                     const char *text)
{
    if (strncmp(text, "dns:", 4) == 0)
        take(names, allowed, CONFIG_NAME_DNS, text + 4);
    else if (strncmp(text, "cn:", 3) == 0)
        take(names, allowed, CONFIG_NAME_COMMON, text + 3);
}

void offered_names_of(actpass_conn *conn, const struct config_peer_names *allowed,
                      struct offered_names *names)
{
    char text[TEXT_MAX];
    int64_t length = 1;
    names->count = 0;
    for (unsigned i = 0; length > 0 && i < LOOKED_AT_MAX && names->count < OFFERED_NAMES_MAX; i++) {
        length = actpass_peer_name(conn, i, text, sizeof(text));
        if (length > 0 && length < (int64_t)sizeof(text))
            take_any(names, allowed, text);
    }
    names->why = length < 0 ? "out of memory for the names of the device"
                 : names->count > 0
                     ? NULL
                     : "the device's certificate has no name to reach it by: peer_names must have "
                       "one of its DNS names, wildcards do not count";
}
