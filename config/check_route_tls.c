/* "tls" of routes, beside that of their service. */
#include "config/check.h"
#include "config/routes.h"
#include "config/tls_rules.h"

#include <string.h>

static const char *const trust_keys[] = {"ca", "peer_names", "peer_pins", "crl"};
enum { TRUST_KEYS = sizeof(trust_keys) / sizeof(*trust_keys) };

struct config_tls check_tls_of(const struct checked_service *checked,
                               const struct config_route *route)
{
    const struct config_tls *tls = &checked->service->connection.tls;
    return route->has_tls ? config_tls_with(tls, &route->tls) : *tls;
}

const struct place *check_trust_place(const struct checked_service *checked,
                                      const struct place *route)
{
    const struct place *own = place_find(route, "tls");
    for (size_t i = 0; i < TRUST_KEYS; i++)
        if (place_find(own, trust_keys[i]))
            return own;
    return checked->tls;
}

/* What the rules look at, with keys that are there although their values are wrong. */
static struct tls_facts facts_of(const struct checked_service *checked,
                                 const struct config_tls *tls, const struct place *own,
                                 const struct place *trust)
{
    struct tls_facts facts = tls_facts_of(tls, CONFIG_ROLE_SERVER);
    bool shows = place_find(own, "certificate");
    facts.certificate = shows || place_find(checked->tls, "certificate");
    facts.key = place_find(own, "key") || (!shows && place_find(checked->tls, "key"));
    facts.ca = place_find(trust, "ca");
    facts.names = place_find(trust, "peer_names");
    facts.pins = place_find(trust, "peer_pins");
    facts.crl = place_find(trust, "crl");
    return facts;
}

/* What is wrong with the service's own "tls" is reported there. */
static void check_rules(const struct checked_service *checked, const struct config_route *route,
                        struct place *own, const struct place *trust)
{
    const struct config_tls tls = check_tls_of(checked, route);
    const struct tls_facts facts = facts_of(checked, &tls, own, trust);
    const struct tls_facts before =
        tls_facts_of(&checked->service->connection.tls, checked->service->connection.role);
    for (const struct tls_rule *rule = tls_rules; rule->wrong; rule++) {
        struct place *place = rule->key ? place_find(own, rule->key) : NULL;
        if (rule->broken(&before) || !rule->broken(&facts))
            continue;
        if (place && rule->about == RULE_ABOUT_KEY)
            messages_error_at_key(checked->messages, place, "%s", rule->wrong);
        else
            messages_error_at(checked->messages, place ? place : own, "%s", rule->wrong);
    }
    if (place_find(own, "key") && !place_find(own, "certificate"))
        messages_error_at_key(checked->messages, place_find(own, "key"),
                              "needs \"certificate\" beside it");
}

static void warn_of_trust(const struct checked_service *checked, const struct config_route *route,
                          const struct place *own)
{
    const struct config_tls tls = check_tls_of(checked, route);
    bool asks = config_client_auth(&tls) != CONFIG_CLIENT_AUTH_NONE;
    for (size_t i = 0; !asks && i < TRUST_KEYS; i++) {
        struct place *place = place_find(own, trust_keys[i]);
        if (place && !place->bad)
            messages_warning_at(
                checked->messages, place,
                "has no effect: with \"client_auth\": \"none\" no client is asked for a "
                "certificate");
    }
}

/* Clients that ask for a name are for one route alone, if that has a "tls": no other one may be for
 * the name, too. */
static void check_alone(const struct checked_service *checked, const struct place *list,
                        const struct config_route *route, struct place *place)
{
    const struct config_route *other = checked->service->routes;
    for (const struct place *child = list->child; child; child = child->next, other++) {
        struct place *names = place_find(child, "server_name");
        if (other == route || !names || names->bad ||
            (other->has_tls && child->index < place->index))
            continue;
        if (other->has_tls ? routes_share_a_name(route, other) : routes_have_names_of(route, other))
            messages_error_at(
                checked->messages, names,
                "are names of the route at %s, which has a \"tls\" of its own and is for all who "
                "ask for them",
                messages_position(checked->messages, place->value, names->value).text);
    }
}

void check_route_tls(const struct checked_service *checked)
{
    const struct place *list = place_find(checked->place, "routes");
    const struct config_route *route = checked->service->routes;
    for (struct place *child = route ? list->child : NULL; child; child = child->next, route++) {
        struct place *own = place_find(child, "tls");
        if (!own || !route->has_tls)
            continue;
        check_rules(checked, route, own, check_trust_place(checked, child));
        warn_of_trust(checked, route, own);
        check_tls_files(checked->messages, own, &route->tls);
        if (!place_find(child, "server_name"))
            messages_error_at_key(checked->messages, own,
                                  "needs \"server_name\" beside it, by which it is chosen");
        else
            check_alone(checked, list, route, child);
    }
}
