/* actpass_config: the setters of actpass_tls.h. */
#include "server/lib/settings.h"

#include "config/key_set.h"

#include <stdlib.h>
#include <string.h>

/* ---- Certificates by server name ---------------------------------------------------------- */

static bool is_same(const struct config_certificate *one, const char *certificate, const char *key)
{
    return strcmp(one->certificate, certificate) == 0 && strcmp(one->key, key) == 0;
}

/* Makes room for one more at the end, all zero; not counted yet. NULL: no memory. */
static struct config_certificate *extend(struct config_tls *tls)
{
    struct config_certificate *list =
        realloc(tls->certificates, (tls->certificate_count + 1) * sizeof(*list));
    if (!list)
        return NULL;
    tls->certificates = list;
    list[tls->certificate_count] = (struct config_certificate){.key = NULL};
    return &list[tls->certificate_count];
}

/* One item of "certificates"; what was tried without success is not counted. */
static int set_certificate(actpass_config *config, struct config_certificate *item,
                           const char *server_name, const char *certificate, const char *key)
{
    if (settings_set(config, &certificate_object, "certificate", certificate, item) == 0 &&
        settings_set(config, &certificate_object, "key", key, item) == 0 &&
        settings_set(config, &certificate_object, "server_names", server_name, item) == 0)
        return 0;
    key_release_all(&certificate_object, item);
    return -1;
}

int actpass_config_add_certificate(actpass_config *config, const char *server_name,
                                   const char *certificate, const char *key)
{
    struct config_tls *tls = &config->connection.tls;
    if (settings_changeable(config))
        return -1;
    if (!server_name || !certificate || !key)
        return settings_fail(config, "a certificate for a server name is that name, a certificate "
                                     "file and a key file");
    for (size_t i = 0; i < tls->certificate_count; i++) {
        struct config_certificate *one = &tls->certificates[i];
        if (is_same(one, certificate, key))
            return settings_set(config, &certificate_object, "server_names", server_name, one);
    }
    struct config_certificate *made = extend(tls);
    if (!made)
        return settings_fail(config, "out of memory");
    if (set_certificate(config, made, server_name, certificate, key))
        return -1;
    tls->certificate_count++;
    return 0;
}

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

int actpass_config_set_groups(actpass_config *config, const char *groups)
{
    return settings_set_tls(config, "groups", groups);
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
    if (settings_changeable(config))
        return -1;
    config->connection.tls.require_alpn = require != 0;
    return 0;
}

int actpass_config_set_insecure_any_peer(actpass_config *config, int insecure)
{
    if (settings_changeable(config))
        return -1;
    config->connection.tls.insecure_any_peer = insecure != 0;
    return 0;
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
    return settings_set_tls_pair(config, (const char *[]){"sessions_password_file", "sessions_ca"},
                                 (const char *[]){password_file, ca});
}
