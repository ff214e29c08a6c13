#include "server/daemon/capacity.h"

#include "server/daemon/admin/limits.h"

#include <criterion/criterion.h>

static struct config_address local = {.kind = CONFIG_ADDRESS_TCP, .host = "127.0.0.1"};

Test(capacity, counts_descriptors)
{
    struct config_service echo = {.as_server = {.kind = CONFIG_HANDLER_ECHO}};
    struct config_service forward = {.as_client = {.kind = CONFIG_HANDLER_FORWARD}};
    struct config_service bridge = {.dial = {.listen_plain = {.addresses = &local, .count = 1}}};
    cr_assert_eq(capacity_descriptors(&echo), 1);
    cr_assert_eq(capacity_descriptors(&forward), 2);
    cr_assert_eq(capacity_descriptors(&bridge), 2);
}

Test(capacity, is_as_configured_where_there_are_enough)
{
    struct config_service services[] = {{.max_connections = 1000}, {.max_connections = 10}};
    struct config config = {.services = services, .service_count = 2};
    struct capacity shares[2];
    uint64_t need = capacity_share(&config, 1000000, shares);
    cr_assert_eq(shares[0].connections, 1000);
    cr_assert_eq(shares[1].connections, 10);
    cr_assert_eq(capacity_share(&config, need, shares), need);
    cr_assert_eq(shares[0].connections, 1000, "just enough is enough");
}

/* All who may ask have their descriptors, too. */
Test(capacity, the_admin_listener_has_its_own)
{
    struct config_service services[] = {{.max_connections = 1000}};
    struct config config = {.services = services, .service_count = 1};
    struct capacity share;
    uint64_t without = capacity_share(&config, 1000000, &share);
    config.admin.listen.kind = CONFIG_ADDRESS_UNIX;
    cr_assert_geq(capacity_share(&config, 1000000, &share), without + ADMIN_CONNECTIONS);
    (void)capacity_share(&config, without, &share);
    cr_assert_leq(share.connections + share.spare, 1000 + 62 - ADMIN_CONNECTIONS);
}

/* Whatever the limit, all connections of all services together fit. */
Test(capacity, shares_never_exceed_the_limit)
{
    struct config_service services[] = {
        {.max_connections = 10000},
        {.max_connections = 100, .as_server = {.kind = CONFIG_HANDLER_FORWARD}},
        {.max_connections = 10000, .dial = {.persistent = true}}};
    struct config config = {.services = services, .service_count = 3};
    for (uint64_t limit = 200; limit < 30000; limit += 37) {
        struct capacity shares[3];
        uint64_t need = capacity_share(&config, limit, shares);
        uint64_t sum = 0;
        for (size_t i = 0; i < 2; i++) {
            cr_assert_geq(shares[i].connections, 1);
            cr_assert_leq(shares[i].connections, services[i].max_connections);
            sum += (shares[i].connections + shares[i].spare) * capacity_descriptors(&services[i]);
        }
        cr_assert(need > limit ? sum <= limit : shares[0].connections == 10000, "%zu",
                  (size_t)limit);
    }
}

/* Who wants less than the others leaves them the rest, and gets all of it. */
Test(capacity, a_small_service_gets_what_it_wants)
{
    struct config_service services[] = {
        {.max_connections = 10000}, {.max_connections = 20}, {.max_connections = 10000}};
    struct config config = {.services = services, .service_count = 3};
    struct capacity shares[3];
    (void)capacity_share(&config, 1024, shares);
    cr_assert_eq(shares[1].connections, 20);
    cr_assert_eq(shares[0].connections, shares[2].connections);
    uint64_t all = shares[0].connections + shares[0].spare;
    cr_assert(all >= 450 && all <= 490, "%zu", (size_t)all);
}

Test(capacity, there_is_always_one)
{
    struct config_service service = {.max_connections = 50};
    struct config config = {.services = &service, .service_count = 1};
    struct capacity share;
    (void)capacity_share(&config, 3, &share);
    cr_assert_eq(share.connections, 1);
}

/* A connection in a pool has a second descriptor only while it is joined to a client. */
Test(capacity, what_is_offered_needs_one_descriptor)
{
    struct config_service services[] = {
        {.max_connections = 19000, .as_server = {.kind = CONFIG_HANDLER_OFFER}},
        {.max_connections = 100,
         .as_server = {.kind = CONFIG_HANDLER_REACH},
         .dial = {.listen_plain = {.addresses = &local, .count = 1}}}};
    struct config config = {.services = services, .service_count = 2};
    struct capacity shares[2];
    cr_assert_eq(capacity_descriptors(&services[0]), 1);
    (void)capacity_share(&config, 20000, shares);
    cr_assert_eq(shares[0].connections, 19000);
    cr_assert_eq(shares[1].connections, 100);
    uint64_t joins = capacity_joins(&config, 20000, shares);
    cr_assert(joins > 19000 / 40 && joins < 1000, "%zu", (size_t)joins);
    (void)capacity_share(&config, 100000, shares);
    cr_assert_geq(capacity_joins(&config, 100000, shares), 19000,
                  "all of them, where there is room");
}

/* Whatever the limit, what waits, who asks, and what is joined fit. */
Test(capacity, joins_never_exceed_the_limit)
{
    struct config_service services[] = {
        {.max_connections = 10000, .as_server = {.kind = CONFIG_HANDLER_OFFER}},
        {.max_connections = 500, .as_server = {.kind = CONFIG_HANDLER_REACH}}};
    struct config config = {.services = services, .service_count = 2};
    for (uint64_t limit = 100; limit < 30000; limit += 37) {
        struct capacity shares[2];
        (void)capacity_share(&config, limit, shares);
        uint64_t joins = capacity_joins(&config, limit, shares);
        uint64_t offers = shares[0].connections + shares[0].spare;
        uint64_t gates = shares[1].connections + shares[1].spare;
        cr_assert_geq(joins, shares[0].connections / 40 + gates, "%zu", (size_t)limit);
        cr_assert_leq(offers + 2 * gates + joins, limit, "%zu", (size_t)limit);
    }
}
