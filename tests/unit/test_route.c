#include "server/daemon/route.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

static struct route_facts facts_of(actpass_role role, const char *server_name, const char *alpn)
{
    return (struct route_facts){.role = role, .server_name = server_name, .alpn = alpn};
}

static bool takes(const struct config_route *config, const struct route_facts *facts)
{
    struct error_text error = {.text = ""};
    struct route_conditions route;
    cr_assert(route_load(&route, config, &error), "%s", error.text);
    bool taken = route_takes(&route, facts);
    route_free(&route);
    return taken;
}

Test(route, by_server_name)
{
    char *names[] = {"a.example", "*.b.example"};
    const struct config_route config = {.server_names = {names, 2}, .role = CONFIG_ROUTE_ANY_ROLE};
    static const struct {
        const char *name;
        bool taken;
    } rows[] = {{"a.example", true},    {"A.Example", true},      {"x.b.example", true},
                {"x.B.EXAMPLE", true},  {"b.example", false},     {".b.example", false},
                {"x.a.example", false}, {"x.y.b.example", false}, {"", false},
                {"a.example.", false},  {"aa.example", false},    {"*.b.example", true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct route_facts facts = facts_of(ACTPASS_ROLE_SERVER, rows[i].name, "");
        cr_assert_eq(takes(&config, &facts), rows[i].taken, "%s", rows[i].name);
        facts.role = ACTPASS_ROLE_CLIENT; /* the name is one that we have asked for */
        cr_assert_not(takes(&config, &facts), "%s", rows[i].name);
    }
}

Test(route, by_protocol_and_role)
{
    char *protocols[] = {"h2", "postgresql"};
    const struct config_route config = {.alpn = {protocols, 2}, .role = CONFIG_ROUTE_CLIENT};
    static const struct {
        const char *alpn;
        actpass_role role;
        bool taken;
    } rows[] = {{"postgresql", ACTPASS_ROLE_CLIENT, true}, {"h2", ACTPASS_ROLE_CLIENT, true},
                {"h2", ACTPASS_ROLE_SERVER, false},        {"H2", ACTPASS_ROLE_CLIENT, false},
                {"", ACTPASS_ROLE_CLIENT, false},          {"h", ACTPASS_ROLE_CLIENT, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct route_facts facts = facts_of(rows[i].role, "", rows[i].alpn);
        cr_assert_eq(takes(&config, &facts), rows[i].taken, "%zu", i);
    }
}

Test(route, by_network)
{
    struct config_network networks[] = {{.family = AF_INET, .prefix = 8, .address = {10}},
                                        {.family = AF_INET6, .prefix = 16, .address = {0x20, 1}}};
    const struct config_route config = {
        .from = networks, .from_count = 2, .role = CONFIG_ROUTE_ANY_ROLE};
    static const struct {
        const char *address;
        bool taken;
    } rows[] = {{"10.1.2.3", true}, {"11.1.2.3", false}, {"127.0.0.1", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct route_facts facts = facts_of(ACTPASS_ROLE_SERVER, "", "");
        struct sockaddr_in peer = {.sin_family = AF_INET};
        cr_assert_not(takes(&config, &facts), "a peer without an address is in no network");
        cr_assert_eq(inet_pton(AF_INET, rows[i].address, &peer.sin_addr), 1);
        facts.from_known = peer_key_of((struct sockaddr *)&peer, &facts.from);
        cr_assert_eq(takes(&config, &facts), rows[i].taken, "%s", rows[i].address);
    }
}

Test(route, without_a_condition_takes_all)
{
    const struct config_route config = {.role = CONFIG_ROUTE_ANY_ROLE};
    struct route_facts facts = facts_of(ACTPASS_ROLE_CLIENT, "", "");
    cr_assert(takes(&config, &facts));
}
