#include "config/check.h"

/* Who connects, and what is done with the connections. */
static void check_connections(struct checked_service *checked)
{
    if (!place_find(checked->place, "share")) {
        check_dial(checked);
        check_handlers(checked);
        return;
    }
    check_share(checked);
    checked->role_known = checked->role_known && !checked->may_serve; /* else that was reported */
}

static struct checked_service checked_of(struct messages *messages, struct place *place,
                                         const struct config_service *service)
{
    const struct place *role = place_find(place, "role");
    struct place *tls = place_find(place, "tls");
    struct place *listen = place_find(place, "listen");
    struct place *dial = place_find(place, "dial");
    return (struct checked_service){
        .messages = messages,
        .service = service,
        .place = place,
        .tls = tls && !tls->bad ? tls : NULL,
        .listen = listen,
        .dial = dial,
        .role_known = role ? !role->bad : !(listen && dial),
        .may_serve = service->connection.role != CONFIG_ROLE_CLIENT,
        .may_connect = service->connection.role != CONFIG_ROLE_SERVER,
    };
}

static void check_service(struct messages *messages, struct place *place,
                          const struct config_service *service)
{
    struct checked_service checked = checked_of(messages, place, service);
    if (config_is_plain_gate(service) && !checked.dial && !checked.listen &&
        place_find(place, "reach")) {
        check_plain_gate(&checked);
        return;
    }
    if (!place_find(place, "tls"))
        messages_error_at(messages, place, "\"tls\" is missing");
    check_needs(&checked);
    check_connections(&checked);
    check_listen(&checked);
    check_keep(&checked);
    check_through(&checked);
    check_dial_source(&checked);
    check_sources(&checked);
    check_itself(&checked);
    check_fast_open(&checked);
    check_roles(&checked);
    check_starttls(&checked);
    check_limits(&checked);
    check_accept_proxy(&checked);
    check_http(&checked);
    check_exec(&checked);
    check_proxy(&checked);
    check_offer(&checked);
    check_reach(&checked);
    check_routes(&checked);
    if (!checked.tls)
        return;
    check_trust(&checked);
    check_certificates(&checked);
    check_ocsp(&checked);
    check_route_tls(&checked);
    check_sessions(&checked);
    check_files(&checked);
}

void check_config(struct messages *messages, const struct place *root, const struct config *config)
{
    struct place *group = place_find(root, "group");
    if (group && !place_find(root, "user"))
        messages_error_at_key(messages, group, "only goes with \"user\", remove it");
    const struct place *services = place_find(root, "services");
    const struct config_service *service = config->services;
    check_admin(messages, root, config);
    check_control(messages, root, config);
    if (!service)
        return;
    for (struct place *child = services->child; child; child = child->next, service++)
        if (cJSON_IsObject(child->item))
            check_service(messages, child, service);
    check_unique(messages, services, config);
    check_pools(messages, services, config);
}
