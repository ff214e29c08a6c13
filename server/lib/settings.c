/* actpass_config: its life, its first use, and what it shares with others. */
#include "server/lib/settings.h"

#include "relay/lock.h"
#include "server/lib/dial/fast_open_system.h"
#include "server/lib/tls/limits.h"

#include <stdlib.h>

enum { CONNECT_TIMEOUT_MS = 10000 };

/* ---- Life --------------------------------------------------------------------------------- */

actpass_config *actpass_config_new(void)
{
    actpass_config *config = calloc(1, sizeof(*config));
    if (!config)
        return NULL;
    if (pthread_mutex_init(&config->lock, NULL))
        goto out;
    if (pthread_mutex_init(&config->error_lock, NULL))
        goto out_lock;
    config_connection_init(&config->connection);
    config->connect_timeout_ms = CONNECT_TIMEOUT_MS;
    atomic_init(&config->references, 1);
    return config;
out_lock:
    pthread_mutex_destroy(&config->lock);
out:
    free(config);
    return NULL;
}

actpass_config *actpass_config_hold(actpass_config *config)
{
    atomic_fetch_add(&config->references, 1);
    return config;
}

void actpass_config_free(actpass_config *config)
{
    if (!config || atomic_fetch_sub(&config->references, 1) > 1)
        return;
    tls_context_free(config->tls);
    shared_release(config->shared);
    config_connection_free(&config->connection);
    config_address_free(&config->dial_from);
    config_source_free(&config->dial_source);
    settings_free_virtuals(config);
    config_proxy_free(&config->through.proxy);
    free(config->through.credentials_file);
    free(config->service);
    settings_free_errors(config);
    pthread_mutex_destroy(&config->error_lock);
    pthread_mutex_destroy(&config->lock);
    free(config);
}

/* ---- Freezing ----------------------------------------------------------------------------- */

static bool make_shared(actpass_config *config)
{
    bool in_syn = fast_open_wanted(&config->connection);
    if (!config->shared)
        config->shared = shared_new();
    config->threads = config->shared ? shared_threads(config->shared) : NULL;
    config->ring_pool = config->shared ? shared_ring_pool(config->shared) : NULL;
    config->unfit = config->threads && in_syn ? shared_unfit(config->shared) : NULL;
    if (config->threads && (config->unfit || !in_syn))
        return true;
    settings_fail(config, "out of memory for the pool of relay threads");
    return false;
}

/* As "ocsp" asks for it. */
static bool make_ocsp(actpass_config *config, const struct config_ocsp *ocsp)
{
    if (!ocsp->staple && ocsp->peers == CONFIG_OCSP_OFF)
        return true;
    config->hooks.ocsp = shared_ocsp(config->shared);
    if (config->through.proxy.kind != CONFIG_PROXY_NONE)
        config->hooks.through = &config->through;
    if (config->hooks.ocsp)
        return true;
    settings_fail(config, "out of memory for ocsp");
    return false;
}

static void warn_of_openssl(const actpass_config *config)
{
    const char *warning = limits_version_warning(OpenSSL_version_num());
    if (warning && config->hooks.log && shared_may_warn(config->shared))
        config->hooks.log(warning, config->hooks.log_arg);
}

static bool make_all(actpass_config *config)
{
    struct error_text error = {.text = ""};
    if (!make_shared(config))
        return false;
    const struct tls_owner owner = {config->service ? config->service : "",
                                    shared_own_keys(config->shared)};
    const struct config_tls *tls =
        config->tls_elsewhere ? config->tls_elsewhere : &config->connection.tls;
    if (!make_ocsp(config, &tls->ocsp))
        return false;
    config->tls = tls_context_new_with(owner, tls, config->connection.role, &config->hooks, &error);
    if (!config->tls || !settings_load_virtuals(config, owner, tls, &error)) {
        tls_context_free(config->tls);
        config->tls = NULL;
        settings_fail(config, "%s", error.text);
        return false;
    }
    warn_of_openssl(config);
    return true;
}

bool settings_freeze(actpass_config *config)
{
    lock_take(&config->lock);
    if (!config->frozen)
        config->frozen = make_all(config);
    bool frozen = config->frozen;
    lock_release(&config->lock);
    return frozen;
}

bool settings_use(actpass_config *config, enum config_dialer dialer)
{
    const char *wrong = config_wrong_client_auth(&config->connection, dialer);
    if (wrong)
        settings_fail(config, "%s", wrong);
    return !wrong && settings_freeze(config);
}

int actpass_config_check(actpass_config *config)
{
    return settings_use(config, CONFIG_PEER_DIALS) ? 0 : -1;
}

static struct shared *share_of(actpass_config *config)
{
    lock_take(&config->lock);
    if (!config->shared)
        config->shared = shared_new();
    struct shared *shared = config->shared ? shared_hold(config->shared) : NULL;
    lock_release(&config->lock);
    return shared;
}

int actpass_config_share(actpass_config *config, actpass_config *with)
{
    if (settings_changeable(config))
        return -1;
    if (!with)
        return settings_fail(config, "the configuration to share with: must not be NULL");
    struct shared *shared = share_of(with);
    if (!shared)
        return settings_fail(config, "out of memory for what configurations share");
    lock_take(&config->lock);
    struct shared *before = config->shared;
    config->shared = shared;
    lock_release(&config->lock);
    shared_release(before);
    return 0;
}
