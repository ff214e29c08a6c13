/* What helps to decide the role: hints, and the memory of earlier connections. */
#include "config/check.h"
#include "config/internal.h"

/* Each hint against those before it: the first one counts. */
static void check_reachable(struct messages *messages, const struct place *list,
                            const struct config_role_hint *hints)
{
    const struct config_role_hint *hint = hints;
    for (const struct place *child = list->child; child; child = child->next, hint++) {
        const struct config_role_hint *other = hints;
        for (const struct place *before = list->child; before != child;
             before = before->next, other++) {
            const struct place *first = place_find(before, "from");
            if (!hint->from.family || !other->from.family ||
                !network_contains(&other->from, &hint->from))
                continue;
            messages_error_at(messages, place_find(child, "from"),
                              "is never reached: %u:%u comes before it", first->value.line,
                              first->value.column);
            break;
        }
    }
}

void check_roles(const struct checked_service *checked)
{
    const struct config_service *service = checked->service;
    struct place *keys[] = {service->role_hints ? place_find(checked->place, "role_hints") : NULL,
                            service->remember_roles ? place_find(checked->place, "remember_roles")
                                                    : NULL};
    bool lacks_addresses = check_lacks_addresses(service);
    for (size_t i = 0; i < 2; i++) {
        if (keys[i] && checked->role_known && !keys[i]->bad &&
            service->connection.role != CONFIG_ROLE_AUTO)
            messages_error_at_key(checked->messages, keys[i],
                                  "only goes with \"role\": \"auto\", remove it");
        if (keys[i] && lacks_addresses)
            messages_error_at_key(
                checked->messages, keys[i],
                "knows peers by their IP addresses, and a unix: address has none");
    }
    if (keys[0])
        check_reachable(checked->messages, keys[0], service->role_hints);
}
