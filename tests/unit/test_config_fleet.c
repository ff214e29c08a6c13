/* Offers and gates: what is stored of them, and which names a configuration knows. Bad ones are in
 * tests/golden/config.txt. */
#include "tests/unit/test_config.h"

/* To be closed with two braces. */
#define TLS                                                                           \
    "'role': 'server', 'tls': {'certificate': 'peer.pem', 'client_auth': 'require', " \
    "'ca': 'ca.pem'"

static const char fleet[] =
    "{'services': [{'name': 'a', 'listen': '[::1]:1', 'offer': 'p', " TLS
    ", 'peer_names': ['*.Devices.example', 'pump.example', 'cn:Dev-7', 'uri:urn:x']}}, "
    "{'name': 'b', 'listen': '[::1]:2', 'echo': true, 'routes': [{'server_name': ['c.example'], "
    "'offer': {'pool': 'q', 'per_name': 3, 'send_proxy': true}}], " TLS "}}, "
    "{'name': 'g', 'listen_plain': '[::1]:3', "
    "'reach': {'pool': 'p', 'by': 'name', 'name': 'pump.example'}}, "
    "{'name': 'h', 'listen': '[::1]:4', 'reach': {'pool': 'q', 'by': 'server_name', 'wait': '9s', "
    "'allow': [{'peer_names': ['o.example'], 'names': ['*.devices.example', 'x.example']}]}, " TLS
    "}}]}";

static struct config *parse_fleet(void)
{
    return parse_good(fleet);
}

Test(config_fleet, values, .init = folder_enter, .fini = folder_leave)
{
    struct config *config = parse_fleet();
    const struct config_offer *offer = &config->services[0].as_client.offer;
    cr_assert_eq(config->services[0].as_server.kind, CONFIG_HANDLER_OFFER);
    cr_assert_str_eq(offer->pool, "p");
    cr_assert_eq(offer->per_name, 64);
    cr_assert_not(offer->send_proxy);
    offer = &config->services[1].routes[0].handler.offer;
    cr_assert_str_eq(offer->pool, "q");
    cr_assert_eq(offer->per_name, 3);
    cr_assert(offer->send_proxy);
    cr_assert(config_is_plain_gate(&config->services[2]));
    const struct config_reach *reach = &config->services[2].as_server.reach;
    cr_assert_eq(reach->by, CONFIG_REACH_NAME);
    cr_assert_str_eq(reach->name, "pump.example");
    cr_assert_eq(reach->wait_ms, 5000);
    cr_assert_not(config_is_plain_gate(&config->services[3]));
    reach = &config->services[3].as_server.reach;
    cr_assert_eq(reach->by, CONFIG_REACH_SERVER_NAME);
    cr_assert_eq(reach->wait_ms, 9000);
    cr_assert_eq(reach->allow_count, 1);
    cr_assert_eq(reach->allow[0].names.count, 2);
    config_free(config);
}

Test(config_fleet, names_that_a_pool_may_have, .init = folder_enter, .fini = folder_leave)
{
    static const struct {
        const char *pool, *name;
        bool may;
    } rows[] = {{"p", "d1.devices.example", true},
                {"p", "D1.DEVICES.example", true},
                {"p", "devices.example", false},
                {"p", "a.d1.devices.example", false},
                {"p", "pump.example", true},
                {"p", "pump.example.org", false},
                {"p", "dev-7", true},
                {"p", "dev-8", false},
                {"p", ".devices.example", false},
                {"p", "urn:x", false},
                {"p", "", false},
                {"q", "any.example", true},
                {"r", "d1.devices.example", false}};
    struct config *config = parse_fleet();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        cr_assert_eq(config_pool_may_have(config, rows[i].pool, rows[i].name), rows[i].may,
                     "%s in %s", rows[i].name, rows[i].pool);
    config_free(config);
}

/* A common name is no DNS name, and the other way round: each is compared with its own kind. */
Test(config_fleet, kinds_are_apart, .init = folder_enter, .fini = folder_leave)
{
    struct config *config = parse_fleet();
    const struct config_peer_names *names = &config->services[0].connection.tls.peer_names;
    cr_assert(config_names_cover(names, CONFIG_NAME_COMMON, "Dev-7"));
    cr_assert_not(config_names_cover(names, CONFIG_NAME_DNS, "Dev-7"));
    cr_assert(config_names_cover(names, CONFIG_NAME_DNS, "pump.example"));
    cr_assert_not(config_names_cover(names, CONFIG_NAME_COMMON, "pump.example"));
    cr_assert_not(config_names_cover(names, CONFIG_NAME_COMMON, "d1.devices.example"));
    config_free(config);
}
