#include "config/tls_rules.h"

#define CONTRADICTS "contradicts \"insecure_any_peer\": true, remove one of the two"
#define KEYS_MISSING \
    "keeps secrets outside of this process, where they are sealed: add \"session_key_file\""
#define MAY_BE_CLIENT "this service may become TLS client and must say whom it trusts"

enum config_client_auth config_client_auth(const struct config_tls *tls)
{
    return tls->client_auth == CONFIG_CLIENT_AUTH_UNSET ? CONFIG_CLIENT_AUTH_NONE
                                                        : tls->client_auth;
}

static bool leaves_the_process(enum config_sessions_kind kind)
{
    return kind == CONFIG_SESSIONS_FILE || kind == CONFIG_SESSIONS_REDIS;
}

struct tls_facts tls_facts_of(const struct config_tls *tls, enum config_role role)
{
    return (struct tls_facts){
        .may_serve = role != CONFIG_ROLE_CLIENT,
        .may_connect = role != CONFIG_ROLE_SERVER,
        .certificate = tls->certificate,
        .key = tls->key,
        .ca = tls->ca || tls->ca_system,
        .names = tls->peer_names.count > 0,
        .pins = tls->peer_pins.count > 0,
        .crl = tls->crl,
        .alpn = tls->alpn.count > 0,
        .certificates = tls->certificate_count > 0,
        .ocsp_peers = tls->ocsp.peers != CONFIG_OCSP_OFF,
        .ocsp_staple = tls->ocsp.staple,
        .ocsp_response = tls->ocsp_response,
        .require_alpn = tls->require_alpn,
        .refuse_unknown_name = tls->unknown_server_name == CONFIG_UNKNOWN_NAME_REFUSE,
        .any_peer = tls->insecure_any_peer,
        .client_auth = config_client_auth(tls),
        .sessions = {.leave = leaves_the_process(tls->sessions.kind),
                     .keys = tls->session_key_file,
                     .user = tls->sessions.user,
                     .password = tls->sessions.password_file,
                     .over_tls = tls->sessions.over_tls,
                     .ca = tls->sessions.ca || tls->sessions.ca_system},
    };
}

static bool key_alone(const struct tls_facts *facts)
{
    return facts->key && !facts->certificate;
}

static bool crl_without_ca(const struct tls_facts *facts)
{
    return facts->crl && !facts->ca && !facts->any_peer;
}

static bool alpn_missing(const struct tls_facts *facts)
{
    return facts->require_alpn && !facts->alpn;
}

static bool certificate_missing(const struct tls_facts *facts)
{
    return facts->may_serve && !facts->certificate;
}

static bool known_names_missing(const struct tls_facts *facts)
{
    return facts->refuse_unknown_name && !facts->certificates;
}

static bool ocsp_without_ca(const struct tls_facts *facts)
{
    return facts->ocsp_peers && !facts->ca;
}

static bool two_staples(const struct tls_facts *facts)
{
    return facts->ocsp_staple && facts->ocsp_response;
}

static bool ca_though_any(const struct tls_facts *facts)
{
    return facts->any_peer && facts->ca;
}

static bool names_though_any(const struct tls_facts *facts)
{
    return facts->any_peer && facts->names;
}

static bool pins_though_any(const struct tls_facts *facts)
{
    return facts->any_peer && facts->pins;
}

static bool crl_though_any(const struct tls_facts *facts)
{
    return facts->any_peer && facts->crl;
}

/* As TLS client we need pins, or names and somebody to vouch for them. */
static bool trusts_nobody(const struct tls_facts *facts)
{
    return facts->may_connect && !facts->any_peer && !facts->pins && !(facts->ca && facts->names);
}

static bool trusts_whole_ca(const struct tls_facts *facts)
{
    return trusts_nobody(facts) && facts->ca;
}

static bool trusts_bare_names(const struct tls_facts *facts)
{
    return trusts_nobody(facts) && facts->names;
}

static bool trusts_nothing_at_all(const struct tls_facts *facts)
{
    return trusts_nobody(facts) && !facts->ca && !facts->names;
}

/* Where we may be TLS client, too, the rules above say it. */
static bool clients_unvouched(const struct tls_facts *facts)
{
    return facts->may_serve && !facts->may_connect && !facts->any_peer &&
           facts->client_auth != CONFIG_CLIENT_AUTH_NONE && !facts->ca && !facts->pins;
}

static bool session_keys_missing(const struct tls_facts *facts)
{
    return facts->sessions.leave && !facts->sessions.keys;
}

static bool redis_password_missing(const struct tls_facts *facts)
{
    return facts->sessions.user && !facts->sessions.password;
}

static bool redis_ca_missing(const struct tls_facts *facts)
{
    return facts->sessions.over_tls && !facts->sessions.ca;
}

const struct tls_rule tls_rules[] = {
    {"key", RULE_ABOUT_KEY, key_alone, "needs \"certificate\" beside it"},
    {"crl", RULE_ABOUT_KEY, crl_without_ca,
     "needs \"ca\" beside it, whose certificates it revokes"},
    {"ocsp", RULE_ABOUT_KEY, ocsp_without_ca,
     "checks \"peers\" and needs \"ca\" beside it, whose CAs sign the responses"},
    {"ocsp_response", RULE_ABOUT_KEY, two_staples,
     "is a file with a response, and \"ocsp\" fetches them (\"staple\"): remove one of them"},
    {"require_alpn", RULE_ABOUT_KEY, alpn_missing,
     "needs \"alpn\" beside it, with the protocols that are required"},
    {"ca", RULE_ABOUT_KEY, ca_though_any, CONTRADICTS},
    {"peer_names", RULE_ABOUT_KEY, names_though_any, CONTRADICTS},
    {"peer_pins", RULE_ABOUT_KEY, pins_though_any, CONTRADICTS},
    {"crl", RULE_ABOUT_KEY, crl_though_any, CONTRADICTS},
    {NULL, RULE_ABOUT_VALUE, trusts_whole_ca,
     MAY_BE_CLIENT ", and \"ca\" alone is everybody with a certificate of that CA: add "
                   "\"peer_names\", or \"peer_pins\""},
    {NULL, RULE_ABOUT_VALUE, trusts_bare_names,
     MAY_BE_CLIENT ", and \"peer_names\" needs somebody to vouch for the names: add \"ca\", or "
                   "\"peer_pins\""},
    {NULL, RULE_ABOUT_VALUE, trusts_nothing_at_all,
     MAY_BE_CLIENT ": add \"ca\" and \"peer_names\", or \"peer_pins\""},
    {"client_auth", RULE_ABOUT_VALUE, clients_unvouched,
     "needs somebody to vouch for the clients: add \"ca\", or \"peer_pins\""},
    {NULL, RULE_ABOUT_VALUE, certificate_missing,
     "this service may become TLS server: add \"certificate\""},
    {"unknown_server_name", RULE_ABOUT_VALUE, known_names_missing,
     "needs \"certificates\" with the names that are known"},
    {"sessions", RULE_ABOUT_VALUE, redis_password_missing,
     "names a user of Redis: add \"sessions_password_file\""},
    {"sessions", RULE_ABOUT_VALUE, redis_ca_missing,
     "is over TLS, where the server's certificate is verified: add \"sessions_ca\""},
    {"sessions", RULE_ABOUT_VALUE, session_keys_missing, KEYS_MISSING},
    {NULL, RULE_ABOUT_VALUE, NULL, NULL}};

const char *config_wrong_session_keys(const struct config_sessions *sessions, const char *key_file)
{
    return leaves_the_process(sessions->kind) && !key_file ? KEYS_MISSING : NULL;
}

const char *config_wrong_tls(const struct config_tls *tls, enum config_role role, const char **key)
{
    const struct tls_facts facts = tls_facts_of(tls, role);
    const struct tls_rule *rule = tls_rules;
    while (rule->wrong && !rule->broken(&facts))
        rule++;
    *key = rule->key;
    return rule->wrong;
}

const char *config_wrong_client_auth(const struct config_connection *connection,
                                     enum config_dialer dialer)
{
    const struct config_tls *tls = &connection->tls;
    if (tls->insecure_any_peer || connection->role == CONFIG_ROLE_CLIENT)
        return NULL;
    if (dialer == CONFIG_WE_DIAL)
        return tls->client_auth == CONFIG_CLIENT_AUTH_REQUIRE
                   ? NULL
                   : "where we dial and may become TLS server, whoever answers must "
                     "show a certificate: set \"client_auth\" to \"require\", or \"role\" to "
                     "\"client\"";
    if (connection->role == CONFIG_ROLE_SERVER || tls->client_auth != CONFIG_CLIENT_AUTH_UNSET)
        return NULL;
    return "with \"role\": \"auto\" the peer chooses its role, so the role proves nothing: set "
           "\"client_auth\" to \"require\" (a peer needs a certificate in either role), or to "
           "\"none\" (a peer that comes as TLS client needs none)";
}
