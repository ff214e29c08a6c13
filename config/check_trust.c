/* Whom does a service trust? Saying nothing must never mean everybody. */
#include "config/check.h"
#include "config/tls_rules.h"

static void check_dialer(const struct checked_service *checked)
{
    struct place *client_auth = place_find(checked->tls, "client_auth");
    if ((client_auth && client_auth->bad) || (checked->listen && checked->dial))
        return;
    const char *wrong = config_wrong_client_auth(
        &checked->service->connection,
        checked->dial || config_shares(checked->service) ? CONFIG_WE_DIAL : CONFIG_PEER_DIALS);
    if (wrong)
        messages_error_at(checked->messages, client_auth ? client_auth : checked->tls, "%s", wrong);
}

/* By the keys that are there, though their values may be wrong: those were reported already, and
 * keep their defaults, which break no rule. */
static struct tls_facts facts_of(const struct checked_service *checked)
{
    const struct config_connection *connection = &checked->service->connection;
    struct tls_facts facts = tls_facts_of(&connection->tls, connection->role);
    facts.may_serve = checked->role_known && checked->may_serve;
    facts.may_connect = checked->role_known && checked->may_connect;
    facts.certificate = place_find(checked->tls, "certificate");
    facts.key = place_find(checked->tls, "key");
    facts.ca = place_find(checked->tls, "ca");
    facts.names = place_find(checked->tls, "peer_names");
    facts.pins = place_find(checked->tls, "peer_pins");
    facts.crl = place_find(checked->tls, "crl");
    facts.alpn = place_find(checked->tls, "alpn");
    facts.certificates = place_find(checked->tls, "certificates");
    facts.sessions.keys = place_find(checked->tls, "session_key_file");
    facts.sessions.password = place_find(checked->tls, "sessions_password_file");
    facts.sessions.ca = place_find(checked->tls, "sessions_ca");
    return facts;
}

static void check_rules(const struct checked_service *checked, const struct tls_facts *facts)
{
    for (const struct tls_rule *rule = tls_rules; rule->wrong; rule++) {
        struct place *place = rule->key ? place_find(checked->tls, rule->key) : checked->tls;
        if (!rule->broken(facts))
            continue;
        if (rule->about == RULE_ABOUT_KEY)
            messages_error_at_key(checked->messages, place, "%s", rule->wrong);
        else
            messages_error_at(checked->messages, place, "%s", rule->wrong);
    }
}

/* What a service that is only TLS server says in vain, or too little. */
static void warn_server(const struct checked_service *checked, const struct tls_facts *facts)
{
    static const char *const keys[] = {"ca", "peer_names", "peer_pins", "crl"};
    const struct place *client_auth = place_find(checked->tls, "client_auth");
    bool asks = facts->client_auth != CONFIG_CLIENT_AUTH_NONE;
    if (client_auth && client_auth->bad)
        return;
    for (size_t i = 0; !asks && i < sizeof(keys) / sizeof(*keys); i++) {
        struct place *place = place_find(checked->tls, keys[i]);
        bool issuer = i == 0 && facts->ocsp_staple; /* "ca" vouches for responses */
        if (place && !place->bad && !issuer)
            messages_warning_at(
                checked->messages, place,
                "has no effect: with \"client_auth\": \"none\" no client is asked for a "
                "certificate");
    }
    if (asks && checked->service->connection.tls.ca_system && !facts->names && !facts->pins)
        messages_warning_at(
            checked->messages, place_find(checked->tls, "ca"),
            "lets in everybody with a certificate of any public CA: add \"peer_names\"");
}

void check_trust(const struct checked_service *checked)
{
    const struct tls_facts facts = facts_of(checked);
    check_rules(checked, &facts);
    if (!checked->role_known)
        return;
    check_dialer(checked);
    if (!facts.any_peer && !facts.may_connect)
        warn_server(checked, &facts);
}
