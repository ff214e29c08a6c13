#include "server/daemon/capacity.h"

#include "server/daemon/admin/limits.h"
#include "server/daemon/handlers/handler.h"

/* Descriptors that are open besides those of connections: the standard ones, eventfds, those of
 * the crew, that of the files that are watched, the CA and session stores; for each service its
 * listener, and files that are read at a reload. */
enum { OWN = 22, OWN_PER_SERVICE = 4 };

/* Of the admin listener: itself, its epoll and eventfd, a file that it reads, and who asks. */
enum { OWN_OF_ADMIN = 4 + ADMIN_CONNECTIONS };

enum { SPARE_SHARE = 16, MAX_SPARE = 64 };

/* Where there are too few for all connections in pools to be joined to clients at the same time,
 * one in so many can be. */
enum { JOINED_SHARE = 32 };

/* The socket. */
enum { OWN_PER_CONNECTION = 1 };

static unsigned needed_by(const struct config_service *service, const struct config_handler *what)
{
    const struct handler *handler = handler_for(service, what);
    return handler ? handler->descriptors : 0;
}

unsigned capacity_descriptors(const struct config_service *service)
{
    unsigned most = 0;
    const struct config_handler *handler = config_handler_at(service, 0);
    for (size_t i = 0; handler; handler = config_handler_at(service, ++i)) {
        unsigned needed = needed_by(service, handler);
        most = needed > most ? needed : most;
    }
    return OWN_PER_CONNECTION + most;
}

/* At the least, of so many connections. */
static uint64_t joins_of(const struct config_service *service, uint64_t connections)
{
    return config_has_handler(service, CONFIG_HANDLER_OFFER) ? connections / JOINED_SHARE + 1 : 0;
}

static uint64_t spare_of(uint64_t connections)
{
    uint64_t spare = connections / SPARE_SHARE;
    return spare == 0 ? 1 : spare > MAX_SPARE ? MAX_SPARE : spare;
}

/* A service that dials by itself has its own number of connections, whatever its limit. */
static uint64_t connections_of(const struct config_service *service)
{
    return config_dial_is_kept(&service->dial) ? config_dial_connections(&service->dial)
                                               : service->max_connections;
}

static uint64_t need_of(const struct config_service *service)
{
    uint64_t connections = connections_of(service);
    return (connections + spare_of(connections)) * capacity_descriptors(service) +
           joins_of(service, connections);
}

static struct capacity scaled(const struct config_service *service, uint64_t descriptors)
{
    uint64_t all = descriptors / capacity_descriptors(service);
    uint64_t joins = joins_of(service, all);
    all -= joins < all ? joins : all;
    struct capacity capacity = {.connections = 1, .spare = 1};
    if (all > 2) {
        capacity.spare = spare_of(all);
        capacity.connections = all - capacity.spare;
    }
    return capacity;
}

/* The max number of descriptors for one service, so that all fit: a service that needs less leaves
 * the rest to the others (max-min fairness). */
static uint64_t share_of_each(const struct config *config, uint64_t available)
{
    uint64_t share = 0;
    uint64_t next = config->service_count > 0 ? available / config->service_count : 0;
    while (next > share) { /* in each round more services have what they need */
        uint64_t met = 0;
        size_t unmet = 0;
        share = next;
        for (size_t i = 0; i < config->service_count; i++) {
            uint64_t need = need_of(&config->services[i]);
            met += need <= share ? need : 0;
            unmet += need > share;
        }
        next = unmet > 0 ? (available - met) / unmet : share;
    }
    return share;
}

/* Beside the first one. A name has an address of each family as a rule. */
static uint64_t more_listeners(const struct config_service *service)
{
    const struct config_listen *listen = config_listens(service);
    uint64_t all = 0;
    for (size_t i = 0; i < listen->count; i++)
        all += (uint64_t)config_address_ports(&listen->addresses[i]) *
               (config_address_is_ip(&listen->addresses[i]) ? 1 : 2);
    return all > 0 ? all - 1 : 0;
}

static uint64_t own_of(const struct config *config)
{
    bool admin = config->admin.listen.kind != CONFIG_ADDRESS_NONE;
    uint64_t listeners = 0;
    for (size_t i = 0; i < config->service_count; i++)
        listeners += more_listeners(&config->services[i]);
    return OWN + OWN_PER_SERVICE * config->service_count + listeners + (admin ? OWN_OF_ADMIN : 0);
}

uint64_t capacity_share(const struct config *config, uint64_t limit, struct capacity *capacities)
{
    uint64_t own = own_of(config);
    uint64_t need = 0;
    for (size_t i = 0; i < config->service_count; i++)
        need += need_of(&config->services[i]);
    uint64_t share = share_of_each(config, limit > own ? limit - own : 0);
    for (size_t i = 0; i < config->service_count; i++) {
        const struct config_service *service = &config->services[i];
        capacities[i] = (struct capacity){.connections = service->max_connections,
                                          .spare = spare_of(service->max_connections)};
        if (need_of(service) > share)
            capacities[i] = scaled(service, share);
    }
    return own + need;
}

/* Without those for joins to its own connections. */
static uint64_t used_by(const struct config_service *service, const struct capacity *capacity)
{
    bool scaled_down = capacity->connections != service->max_connections;
    uint64_t connections = connections_of(service);
    uint64_t all =
        scaled_down ? capacity->connections + capacity->spare : connections + spare_of(connections);
    return all * capacity_descriptors(service);
}

/* A gate's connection counts one for the end that the device's connection gets (plain.c, reach.c).
 */
static uint64_t brought_by(const struct config_service *service, const struct capacity *capacity)
{
    return config_has_handler(service, CONFIG_HANDLER_REACH)
               ? capacity->connections + capacity->spare
               : 0;
}

uint64_t capacity_joins(const struct config *config, uint64_t limit,
                        const struct capacity *capacities)
{
    uint64_t used = own_of(config), brought = 0;
    for (size_t i = 0; i < config->service_count; i++) {
        used += used_by(&config->services[i], &capacities[i]);
        brought += brought_by(&config->services[i], &capacities[i]);
    }
    uint64_t left = limit > used ? limit - used : 0;
    return left + brought > 0 ? left + brought : 1;
}
