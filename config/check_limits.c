/* What peers may take before they are known: their addresses. */
#include "config/check.h"

#include <string.h>
#include <sys/socket.h>

static bool is_allowed(const struct config_limits *limits, const struct config_network *network)
{
    for (size_t i = 0; i < limits->allow_count; i++)
        if (memcmp(network, &limits->allow[i], sizeof(*network)) == 0)
            return true;
    return false;
}

/* A network that is in both lists: one of the two was meant otherwise. Wrong ones are empty. */
static void check_both(const struct checked_service *checked, const struct place *limits)
{
    const struct config_limits *values = &checked->service->limits;
    const struct place *deny = place_find(limits, "deny");
    struct place *child = deny ? deny->child : NULL;
    for (size_t i = 0; child && i < values->deny_count; i++, child = child->next) {
        const struct config_network *denied = &values->deny[i];
        if (denied->family != AF_UNSPEC && is_allowed(values, denied))
            messages_error_at(checked->messages, child,
                              "is in \"allow\", too; remove one of the two");
    }
}

void check_limits(const struct checked_service *checked)
{
    struct place *limits = place_find(checked->place, "limits");
    if (!limits)
        return;
    if (check_lacks_addresses(checked->service))
        messages_error_at_key(checked->messages, limits,
                              "knows peers by their IP addresses, and a unix: address has none");
    check_both(checked, limits);
}
