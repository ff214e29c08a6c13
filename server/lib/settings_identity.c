/* actpass_config: identities and CAs from memory, callbacks, and sessions to keep. */
#include "server/lib/settings.h"

#include "server/lib/tls/pem.h"

#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1048576 }; /* bytes */

/* ---- PEM texts ------------------------------------------------------------------------------ */

static bool is_short(const struct pem_source *source, struct error_text *error)
{
    return strnlen(source->text, TEXT_MAX + 1) <= TEXT_MAX ||
           error_set(error, "%s in memory is longer than 1 MiB", source->what);
}

static bool holds_certificates(const struct pem_source *source, struct error_text *error)
{
    STACK_OF(X509) *read = is_short(source, error) ? pem_certificates(source, error) : NULL;
    bool holds = read;
    sk_X509_pop_free(read, X509_free);
    return holds;
}

static void replace(char **stored, char *copy)
{
    if (*stored)
        OPENSSL_cleanse(*stored, strlen(*stored));
    free(*stored);
    *stored = copy;
}

int settings_copy_identity(actpass_config *config, const char *certificate, const char *key,
                           char *copies[2])
{
    const struct pem_source sources[] = {{"certificate", certificate, true}, {"key", key, true}};
    struct error_text error;
    if (!holds_certificates(&sources[0], &error) || !is_short(&sources[1], &error) ||
        !pem_has_key(&sources[1], &error))
        return settings_fail(config, "%s", error.text);
    copies[0] = strdup(certificate);
    copies[1] = strdup(key);
    if (copies[0] && copies[1])
        return 0;
    replace(&copies[0], NULL);
    replace(&copies[1], NULL);
    return settings_fail(config, "out of memory");
}

int actpass_config_set_identity_pem(actpass_config *config, const char *certificate,
                                    const char *key)
{
    struct config_tls *tls = &config->connection.tls;
    char *copies[2] = {NULL, NULL};
    if (settings_changeable(config))
        return -1;
    if (!certificate || !key)
        return settings_fail(config, "an identity is a certificate and a key as PEM texts");
    if (settings_copy_identity(config, certificate, key, copies))
        return -1;
    replace(&tls->certificate, copies[0]);
    replace(&tls->key, copies[1]);
    replace(&tls->key_passphrase_file, NULL);
    tls->own_in_memory = true;
    return 0;
}

int actpass_config_set_ca_pem(actpass_config *config, const char *ca)
{
    const struct pem_source source = {"ca", ca, true};
    struct config_tls *tls = &config->connection.tls;
    struct error_text error;
    if (settings_changeable(config))
        return -1;
    if (!ca)
        return settings_fail(config, "ca: must not be NULL");
    if (!holds_certificates(&source, &error))
        return settings_fail(config, "%s", error.text);
    char *copy = strdup(ca);
    if (!copy)
        return settings_fail(config, "out of memory");
    replace(&tls->ca, copy);
    tls->ca_system = false;
    tls->ca_in_memory = true;
    return 0;
}

/* ---- Callbacks ------------------------------------------------------------------------------ */

int actpass_config_set_passphrase(actpass_config *config,
                                  int (*call)(const char *key, char *buffer, size_t size,
                                              void *arg),
                                  void *arg)
{
    if (settings_changeable(config))
        return -1;
    config->hooks.passphrase = (struct pem_passphrase){call, arg, NULL};
    return 0;
}

int actpass_config_set_verify(actpass_config *config,
                              int (*call)(const void *certificate, size_t size, char *why,
                                          size_t why_size, void *arg),
                              void *arg)
{
    if (settings_changeable(config))
        return -1;
    config->hooks.check = (struct policy_check){call, arg};
    return 0;
}

int actpass_config_set_log(actpass_config *config, void (*call)(const char *message, void *arg),
                           void *arg)
{
    if (settings_changeable(config))
        return -1;
    config->hooks.log = call;
    config->hooks.log_arg = arg;
    return 0;
}

/* ---- Sessions ------------------------------------------------------------------------------- */

int actpass_config_add_session(actpass_config *config, const void *session, size_t size)
{
    struct error_text error;
    if (!session)
        return settings_fail(config, "the session: must not be NULL");
    if (!settings_freeze(config))
        return -1;
    return tls_context_add_exported(config->tls, session, size, &error)
               ? 0
               : settings_fail(config, "%s", error.text);
}
