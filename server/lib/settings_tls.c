/* actpass_config: the setters of actpass_tls.h. */
#include "server/lib/settings.h"

#include "server/lib/tls/limits.h"

_Static_assert((int)ACTPASS_OCSP_HARD == (int)CONFIG_OCSP_HARD, "the same order");

int actpass_config_set_unknown_name(actpass_config *config, actpass_unknown_name what)
{
    if (settings_changeable(config))
        return -1;
    if (what != ACTPASS_UNKNOWN_NAME_DEFAULT && what != ACTPASS_UNKNOWN_NAME_REFUSE)
        return settings_fail(config, "a client with an unknown server name gets the default "
                                     "certificate, or is refused");
    config->connection.tls.unknown_server_name = what == ACTPASS_UNKNOWN_NAME_REFUSE
                                                     ? CONFIG_UNKNOWN_NAME_REFUSE
                                                     : CONFIG_UNKNOWN_NAME_DEFAULT;
    return 0;
}

/* ---- Trust ---------------------------------------------------------------------------------- */

int actpass_config_set_crl(actpass_config *config, const char *crl)
{
    return settings_set_tls(config, "crl", crl);
}

int actpass_config_set_ocsp_response(actpass_config *config, const char *response)
{
    return settings_set_tls(config, "ocsp_response", response);
}

int actpass_config_set_ocsp_peers(actpass_config *config, actpass_ocsp check)
{
    if (settings_changeable(config))
        return -1;
    if (check != ACTPASS_OCSP_OFF && check != ACTPASS_OCSP_SOFT && check != ACTPASS_OCSP_HARD)
        return settings_fail(config, "peers are checked by OCSP with soft or hard failure, or not");
    config->connection.tls.ocsp.peers = (enum config_ocsp_peers)check;
    return 0;
}

int actpass_config_set_ocsp_staple(actpass_config *config, int staple, const char *cache)
{
    struct config_ocsp *ocsp = &config->connection.tls.ocsp;
    if (staple == 0 && cache)
        return settings_fail(config, "cache: keeps what is fetched to be stapled, which is off");
    if (settings_set_flag(config, "staple", staple, &ocsp->staple))
        return -1;
    return settings_set(config, &ocsp_object, "cache", cache, ocsp);
}

int actpass_config_set_ocsp_responder(actpass_config *config, const char *responder)
{
    return settings_set(config, &ocsp_object, "responder", responder, &config->connection.tls.ocsp);
}

int actpass_config_set_groups(actpass_config *config, const char *groups)
{
    const struct settings_text text = {"groups", groups};
    return settings_set_tls_all(config, &text, 1, limits_check_algorithms);
}

int actpass_config_set_chain_limits(actpass_config *config, size_t max_bytes, unsigned depth)
{
    struct config_tls *tls = &config->connection.tls;
    uint64_t before = tls->max_certificate_list;
    uint64_t wanted = max_bytes; /* a size_t may have 32 bits */
    int64_t bytes = wanted > INT64_MAX ? INT64_MAX : (int64_t)wanted;
    if (settings_set_tls_number(config, "max_certificate_list", bytes))
        return -1;
    if (settings_set_tls_number(config, "verify_depth", depth) == 0)
        return 0;
    tls->max_certificate_list = before;
    return -1;
}

int actpass_config_set_require_alpn(actpass_config *config, int require)
{
    return settings_set_flag(config, "require_alpn", require, &config->connection.tls.require_alpn);
}

int actpass_config_set_insecure_any_peer(actpass_config *config, int insecure)
{
    return settings_set_flag(config, "insecure_any_peer", insecure,
                             &config->connection.tls.insecure_any_peer);
}

/* ---- Sessions ------------------------------------------------------------------------------- */

/* What is wrong with the pair, or NULL. JSON only warns of keys that seal nothing. */
static const char *check_keys(const struct config_sessions *sessions, const char *key_file)
{
    bool sealed = sessions->kind != CONFIG_SESSIONS_OFF && sessions->kind != CONFIG_SESSIONS_MEMORY;
    return key_file && !sealed ? "nothing is sealed there: give no key file"
                               : config_wrong_session_keys(sessions, key_file);
}

int actpass_config_set_sessions(actpass_config *config, const char *where, const char *key_file)
{
    struct config_tls *tls = &config->connection.tls;
    struct config_sessions parsed;
    if (settings_changeable(config))
        return -1;
    const char *wrong = where ? config_sessions_parse(where, &parsed) : "must not be NULL";
    if (wrong)
        return settings_fail(config, "sessions: %s", wrong);
    wrong = check_keys(&parsed, key_file);
    if (wrong)
        settings_fail(config, "sessions: %s", wrong);
    if (wrong || settings_set_tls(config, "session_key_file", key_file)) {
        config_sessions_free(&parsed);
        return -1;
    }
    parsed.password_file = tls->sessions.password_file;
    parsed.ca = tls->sessions.ca;
    parsed.ca_system = tls->sessions.ca_system;
    tls->sessions.password_file = tls->sessions.ca = NULL;
    config_sessions_free(&tls->sessions);
    tls->sessions = parsed;
    return 0;
}

int actpass_config_set_sessions_access(actpass_config *config, const char *password_file,
                                       const char *ca)
{
    const struct settings_text texts[] = {{"sessions_password_file", password_file},
                                          {"sessions_ca", ca}};
    return settings_set_tls_all(config, texts, 2, NULL);
}
