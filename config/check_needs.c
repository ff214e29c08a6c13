/* Keys that mean something only beside another one, as the key table says. */
#include "config/check.h"
#include "config/keys.h"

/* Is the service's key NAME true, or wrong, so that it may have been meant to be? */
static bool may_be_true(const struct checked_service *checked, const char *name)
{
    const struct place *place = place_find(checked->place, name);
    const void *stored = (const char *)checked->service + key_find(&service_object, name)->offset;
    return *(const bool *)stored || (place && place->bad);
}

static void check_key(const struct checked_service *checked, const struct key *key,
                      struct place *place)
{
    /* If not, that is reported. */
    bool dialer_known = checked->listen || checked->dial || place_find(checked->place, "share");
    if (key->needs && dialer_known && !place_find(checked->place, key->needs))
        messages_error_at_key(checked->messages, place, "only goes with \"%s\", remove it",
                              key->needs);
    else if (key->needs_true && !place->bad && !may_be_true(checked, key->needs_true))
        messages_error_at_key(checked->messages, place, "only goes with \"%s\": true, remove it",
                              key->needs_true);
}

void check_needs(const struct checked_service *checked)
{
    for (const struct key *key = service_object.keys; key->name; key++) {
        struct place *place =
            key->needs || key->needs_true ? place_find(checked->place, key->name) : NULL;
        if (place)
            check_key(checked, key, place);
    }
}
