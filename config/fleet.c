/* Names of devices: which of them a configuration knows. */
#include "config/config.h"

#include <string.h>
#include <strings.h>

static bool covers(const struct config_peer_name *wanted, enum config_name_kind kind,
                   const char *name)
{
    const char *dot = strchr(name, '.');
    if (wanted->kind == kind)
        return strcasecmp(wanted->text, name) == 0;
    return kind == CONFIG_NAME_DNS && wanted->kind == CONFIG_NAME_DNS_BELOW && dot &&
           config_is_dns_label(name, (size_t)(dot - name)) &&
           strcasecmp(wanted->text, dot + 1) == 0;
}

bool config_names_cover(const struct config_peer_names *names, enum config_name_kind kind,
                        const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (covers(&names->items[i], kind, name))
            return true;
    return false;
}

static bool offers_to(const struct config_handler *handler, const char *pool)
{
    return handler->kind == CONFIG_HANDLER_OFFER && handler->offer.pool &&
           strcmp(handler->offer.pool, pool) == 0;
}

bool config_offers_to(const struct config_service *service, const char *pool)
{
    const struct config_handler *handler = config_handler_at(service, 0);
    for (size_t i = 0; handler; handler = config_handler_at(service, ++i))
        if (offers_to(handler, pool))
            return true;
    return false;
}

bool config_shares_pool(const struct config_service *service, const char *pool)
{
    return config_shares(service) && strcmp(service->share.pool, pool) == 0;
}

/* Then any device may be at another collector. */
static bool only_shares(const struct config *config, const char *pool)
{
    bool shares = false;
    for (size_t i = 0; i < config->service_count; i++) {
        const struct config_service *service = &config->services[i];
        if (config_offers_to(service, pool))
            return false;
        shares = shares || config_shares_pool(service, pool);
    }
    return shares;
}

struct config_tls config_handler_tls(const struct config_service *service,
                                     const struct config_handler *handler)
{
    const struct config_tls *tls = &service->connection.tls;
    for (size_t i = 0; i < service->route_count; i++) {
        const struct config_route *route = &service->routes[i];
        if (&route->handler == handler && route->has_tls)
            return config_tls_with(tls, &route->tls);
    }
    return *tls;
}

/* May a device have the name that comes to this handler? */
static bool may_offer(const struct config_service *service, const struct config_handler *handler,
                      const char *pool, const char *name)
{
    if (!offers_to(handler, pool))
        return false;
    const struct config_tls tls = config_handler_tls(service, handler);
    return tls.peer_names.count == 0 ||
           config_names_cover(&tls.peer_names, CONFIG_NAME_DNS, name) ||
           config_names_cover(&tls.peer_names, CONFIG_NAME_COMMON, name);
}

static bool service_may_offer(const struct config_service *service, const char *pool,
                              const char *name)
{
    const struct config_handler *handler = config_handler_at(service, 0);
    for (size_t i = 0; handler; handler = config_handler_at(service, ++i))
        if (may_offer(service, handler, pool, name))
            return true;
    return false;
}

bool config_pool_may_have(const struct config *config, const char *pool, const char *name)
{
    for (size_t i = 0; i < config->service_count; i++)
        if (service_may_offer(&config->services[i], pool, name))
            return true;
    return only_shares(config, pool);
}
