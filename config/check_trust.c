/* Whom does a service trust? Saying nothing must never mean everybody. */
#include "config/check.h"

enum { TRUST_KEYS = 4 };

enum config_client_auth config_client_auth(const struct config_tls *tls)
{
    return tls->client_auth == CONFIG_CLIENT_AUTH_UNSET ? CONFIG_CLIENT_AUTH_NONE
                                                        : tls->client_auth;
}

const char *config_wrong_client_auth(const struct config_connection *connection,
                                     enum config_opener opener)
{
    const struct config_tls *tls = &connection->tls;
    if (tls->insecure_any_peer || connection->role == CONFIG_ROLE_CLIENT)
        return NULL;
    if (opener == CONFIG_WE_OPEN)
        return tls->client_auth == CONFIG_CLIENT_AUTH_REQUIRE
                   ? NULL
                   : "where we open the connection and may become TLS server, whoever answers must "
                     "show a certificate: set \"client_auth\" to \"require\", or \"role\" to "
                     "\"client\"";
    if (connection->role == CONFIG_ROLE_SERVER || tls->client_auth != CONFIG_CLIENT_AUTH_UNSET)
        return NULL;
    return "with \"role\": \"auto\" the peer chooses its role, so the role proves nothing: set "
           "\"client_auth\" to \"require\" (a peer needs a certificate in either role), or to "
           "\"none\" (a peer that comes as TLS client needs none)";
}

static void check_opener(const struct checked_service *checked)
{
    struct place *client_auth = place_find(checked->tls, "client_auth");
    if ((client_auth && client_auth->bad) || (checked->listen && checked->dial))
        return;
    const char *wrong = config_wrong_client_auth(
        &checked->service->connection, checked->dial ? CONFIG_WE_OPEN : CONFIG_PEER_OPENS);
    if (wrong)
        error_at(checked->messages, client_auth ? client_auth : checked->tls, "%s", wrong);
}

/* The keys that say whom to trust, as far as they are there. */
struct trust {
    struct place *keys[TRUST_KEYS];
    bool ca, names, pins;
};

static struct trust trust_of(const struct place *tls)
{
    struct trust trust = {.keys = {place_find(tls, "ca"), place_find(tls, "peer_names"),
                                   place_find(tls, "peer_pins"), place_find(tls, "crl")}};
    trust.ca = trust.keys[0];
    trust.names = trust.keys[1];
    trust.pins = trust.keys[2];
    return trust;
}

static void check_insecure(const struct checked_service *checked, const struct trust *trust)
{
    for (size_t i = 0; i < TRUST_KEYS; i++) {
        if (trust->keys[i])
            error_at_key(checked->messages, trust->keys[i],
                         "contradicts \"insecure_any_peer\": true, remove one of the two");
    }
}

static void check_client(const struct checked_service *checked, const struct trust *trust)
{
    const char *wrong = "must say whom it trusts: add \"ca\" and \"peer_names\", or \"peer_pins\"";
    if (trust->pins || (trust->ca && trust->names))
        return;
    if (trust->ca)
        wrong = "must say whom it trusts, and \"ca\" alone is everybody with a certificate of that "
                "CA: add \"peer_names\", or \"peer_pins\"";
    else if (trust->names)
        wrong =
            "must say whom it trusts, and \"peer_names\" needs somebody to vouch for the names: "
            "add \"ca\", or \"peer_pins\"";
    error_at(checked->messages, checked->tls, "this service may become TLS client and %s", wrong);
}

static void check_server(const struct checked_service *checked, const struct trust *trust)
{
    struct place *client_auth = place_find(checked->tls, "client_auth");
    const struct config_tls *tls = &checked->service->connection.tls;
    if (client_auth && client_auth->bad)
        return;
    bool asks = config_client_auth(tls) != CONFIG_CLIENT_AUTH_NONE;
    for (size_t i = 0; !asks && i < TRUST_KEYS; i++) {
        if (trust->keys[i] && !trust->keys[i]->bad)
            warning_at(checked->messages, trust->keys[i],
                       "has no effect: with \"client_auth\": \"none\" no client is asked for a "
                       "certificate");
    }
    if (!asks)
        return;
    if (!trust->ca && !trust->pins)
        error_at(checked->messages, client_auth,
                 "needs somebody to vouch for the clients: add \"ca\", or \"peer_pins\"");
    else if (tls->ca_system && !trust->names && !trust->pins)
        warning_at(checked->messages, trust->keys[0],
                   "lets in everybody with a certificate of any public CA: add \"peer_names\"");
}

void check_trust(const struct checked_service *checked)
{
    struct trust trust = trust_of(checked->tls);
    struct place *key = place_find(checked->tls, "key");
    struct place *crl = place_find(checked->tls, "crl");
    bool certificate = place_find(checked->tls, "certificate");
    if (key && !certificate)
        error_at_key(checked->messages, key, "needs \"certificate\" beside it");
    if (crl && !trust.ca && !checked->service->connection.tls.insecure_any_peer)
        error_at_key(checked->messages, crl,
                     "needs \"ca\" beside it, whose certificates it revokes");
    if (checked->service->connection.tls.require_alpn && !place_find(checked->tls, "alpn"))
        error_at_key(checked->messages, place_find(checked->tls, "require_alpn"),
                     "needs \"alpn\" beside it, with the protocols that are required");
    if (!checked->role_known)
        return;
    if (checked->may_serve && !certificate)
        error_at(checked->messages, checked->tls,
                 "this service may become TLS server: add \"certificate\"");
    check_opener(checked);
    if (checked->service->connection.tls.insecure_any_peer)
        check_insecure(checked, &trust);
    else if (checked->may_connect)
        check_client(checked, &trust);
    else
        check_server(checked, &trust);
}
