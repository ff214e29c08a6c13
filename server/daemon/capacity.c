#include "server/daemon/capacity.h"

#include "server/daemon/handlers/handler.h"

/* What is open besides connections: the standard ones, those that wake threads, the CA and session
 * stores; and for each service its listener, and files read at a reload. */
enum { OWN = 16, OWN_PER_SERVICE = 4 };

enum { SPARE_SHARE = 16, MOST_SPARE = 64 };

/* The socket, and the eventfd that wakes its relay. */
enum { OWN_PER_CONNECTION = 2 };

static unsigned needed_by(const struct config_service *service,
                          const struct config_conversation *what)
{
    const struct handler *handler = handler_for(service, what);
    return handler ? handler->descriptors : 0;
}

unsigned capacity_descriptors(const struct config_service *service)
{
    unsigned as_server = needed_by(service, &service->as_server);
    unsigned as_client = needed_by(service, &service->as_client);
    return OWN_PER_CONNECTION + (as_server > as_client ? as_server : as_client);
}

static uint64_t spare_of(uint64_t connections)
{
    uint64_t spare = connections / SPARE_SHARE;
    return spare == 0 ? 1 : spare > MOST_SPARE ? MOST_SPARE : spare;
}

/* A persistent service has one connection, whatever it may have. */
static uint64_t wanted_by(const struct config_service *service)
{
    return service->dial.persistent ? 1 : service->max_connections;
}

static uint64_t need_of(const struct config_service *service)
{
    uint64_t wanted = wanted_by(service);
    return (wanted + spare_of(wanted)) * capacity_descriptors(service);
}

static struct capacity scaled(const struct config_service *service, double part)
{
    uint64_t all = (uint64_t)((double)need_of(service) * part) / capacity_descriptors(service);
    struct capacity capacity = {.connections = 1, .spare = 1};
    if (all > 2) {
        capacity.spare = spare_of(all);
        capacity.connections = all - capacity.spare;
    }
    return capacity;
}

uint64_t capacity_share(const struct config *config, uint64_t limit, struct capacity *capacities)
{
    uint64_t own = OWN + OWN_PER_SERVICE * config->service_count;
    uint64_t need = 0;
    for (size_t i = 0; i < config->service_count; i++)
        need += need_of(&config->services[i]);
    double part = limit > own ? (double)(limit - own) / (double)need : 0;
    for (size_t i = 0; i < config->service_count; i++) {
        const struct config_service *service = &config->services[i];
        capacities[i] = (struct capacity){.connections = service->max_connections,
                                          .spare = spare_of(service->max_connections)};
        if (part < 1)
            capacities[i] = scaled(service, part);
    }
    return own + need;
}
