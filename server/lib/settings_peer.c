/* actpass_config: the setters of actpass.h for TLS: who we are, which peers are trusted, and what
 * is negotiated. */
#include "server/lib/settings.h"

#include "server/lib/tls/limits.h"

#include <stdlib.h>

int actpass_config_set_identity(actpass_config *config, const char *certificate, const char *key)
{
    if (settings_changeable(config))
        return -1;
    if (!certificate || !key)
        return settings_fail(config, "an identity is a certificate file and a key file");
    const struct settings_text texts[] = {{"certificate", certificate}, {"key", key}};
    if (settings_set_tls_all(config, texts, 2, NULL))
        return -1;
    free(config->connection.tls.key_passphrase_file); /* of another key */
    config->connection.tls.key_passphrase_file = NULL;
    config->connection.tls.own_in_memory = false;
    return 0;
}

int actpass_config_set_ca(actpass_config *config, const char *ca)
{
    if (settings_changeable(config))
        return -1;
    if (!ca)
        return settings_fail(config, "ca: must not be NULL");
    if (settings_set_tls(config, "ca", ca))
        return -1;
    config->connection.tls.ca_in_memory = false;
    return 0;
}

int actpass_config_add_peer_name(actpass_config *config, const char *name)
{
    return settings_set_tls(config, "peer_names", name);
}

int actpass_config_add_peer_pin(actpass_config *config, const char *pin)
{
    return settings_set_tls(config, "peer_pins", pin);
}

int actpass_config_add_alpn(actpass_config *config, const char *protocol)
{
    return settings_set_tls(config, "alpn", protocol);
}

int actpass_config_set_client_auth(actpass_config *config, actpass_client_auth auth)
{
    static const enum config_client_auth ways[] = {
        CONFIG_CLIENT_AUTH_NONE, CONFIG_CLIENT_AUTH_REQUEST, CONFIG_CLIENT_AUTH_REQUIRE,
        CONFIG_CLIENT_AUTH_ON_DEMAND};
    if (settings_changeable(config))
        return -1;
    if ((unsigned)auth >= sizeof(ways) / sizeof(*ways))
        return settings_fail(config,
                             "client authentication is none, request, require or on demand");
    config->connection.tls.client_auth = ways[auth];
    return 0;
}

int actpass_config_set_server_name(actpass_config *config, const char *name)
{
    return settings_set_tls(config, "server_name", name);
}

int actpass_config_set_ciphers(actpass_config *config, const char *tls12, const char *tls13)
{
    const struct settings_text texts[] = {{"ciphers", tls12}, {"ciphersuites", tls13}};
    return settings_set_tls_all(config, texts, 2, limits_check_algorithms);
}

int actpass_config_set_min_version(actpass_config *config, int tls_version)
{
    enum { TLS_1_2 = 0x0303, TLS_1_3 = 0x0304 };
    if (settings_changeable(config))
        return -1;
    if (tls_version != TLS_1_2 && tls_version != TLS_1_3)
        return settings_fail(config, "the minimum version is 0x0303 (TLS 1.2) or 0x0304 (TLS 1.3)");
    config->connection.tls.min_version = tls_version == TLS_1_3 ? CONFIG_TLS_1_3 : CONFIG_TLS_1_2;
    return 0;
}
