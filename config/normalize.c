#include "config/normalize.h"

#include "config/key_set.h"
#include "config/read.h"

#include <stdlib.h>
#include <string.h>

/* A key that is wrong is reported, and not replaced. */
static void default_key(struct messages *messages, const struct place *place,
                        const char *certificate, char **key)
{
    if (!certificate || *key || place_find(place, "key"))
        return;
    *key = strdup(certificate);
    if (!*key)
        messages->out_of_memory = true;
}

static void default_keys(struct messages *messages, const struct place *place,
                         struct config_tls *tls)
{
    const struct place *list = place_find(place, "certificates");
    const struct place *child = list ? list->child : NULL;
    default_key(messages, place, tls->certificate, &tls->key);
    for (size_t i = 0; child && i < tls->certificate_count; i++, child = child->next)
        default_key(messages, child, tls->certificates[i].certificate, &tls->certificates[i].key);
}

/* A handler in the service itself is for both roles and is read once for each. Where it must
 * not be, it is read all the same, so that its own faults are reported. */
static void read_handler(struct messages *messages, struct place *place,
                         struct config_service *service)
{
    bool bridged = place_find(place, "listen_plain") && !config_is_plain_gate(service);
    bool for_both = !place_find(place, "as_server") && !place_find(place, "as_client") &&
                    !bridged && !place_find(place, "share");
    struct config_handler unused = {.kind = CONFIG_HANDLER_NONE};
    read_keys(messages, place, &handler_object, for_both ? &service->as_server : &unused);
    key_release_all(&handler_object, &unused);
    if (for_both && !messages->failed) /* else it would be reported twice */
        read_keys(messages, place, &handler_object, &service->as_client);
}

static void normalize_routes(struct messages *messages, const struct place *place,
                             struct config_service *service)
{
    const struct place *list = place_find(place, "routes");
    const struct place *child = service->routes ? list->child : NULL;
    for (struct config_route *route = service->routes; child; child = child->next, route++) {
        const struct place *tls = place_find(child, "tls");
        route->has_tls = tls && cJSON_IsObject(tls->item);
        if (route->has_tls)
            default_keys(messages, tls, &route->tls);
    }
}

/* Those that we dial are watched without a word, and so are those that wait to be taken ("offer"),
 * which carry nothing that shows whether the peer is there. */
static enum config_keepalive_scope keepalive_scope(const struct place *place,
                                                   const struct config_service *service)
{
    return place_find(place, "keepalive") || config_has_handler(service, CONFIG_HANDLER_OFFER)
               ? CONFIG_KEEPALIVE_ALL
               : CONFIG_KEEPALIVE_DIALED;
}

/* A peer that we dial is a server, as a rule; one that must not be silent, since it begins in
 * clear, cannot be waited for, and is a client. */
static void default_role(const struct place *place, struct config_service *service)
{
    if (place_find(place, "role"))
        return;
    if (place_find(place, "dial") || place_find(place, "share"))
        service->connection.role = CONFIG_ROLE_CLIENT;
    else if (service->starttls != CONFIG_STARTTLS_NONE)
        service->connection.role = CONFIG_ROLE_SERVER;
}

static void normalize_service(struct messages *messages, struct place *place,
                              struct config_service *service)
{
    const struct place *persistent = place_find(place, "persistent");
    default_role(place, service);
    if (!persistent || !cJSON_IsObject(persistent->item))
        service->dial.keep.max = 1;
    default_keys(messages, place_find(place, "tls"), &service->connection.tls);
    read_handler(messages, place, service);
    normalize_routes(messages, place, service);
    service->connection.keepalive.scope = keepalive_scope(place, service);
}

void normalize_config(struct messages *messages, const struct place *root, struct config *config)
{
    const struct place *services = place_find(root, "services");
    struct config_service *service = config->services;
    if (!service)
        return;
    for (struct place *child = services->child; child; child = child->next, service++)
        if (cJSON_IsObject(child->item))
            normalize_service(messages, child, service);
}
