/* actpass_config: setters, loading, freezing. */
#include "server/lib/settings.h"

#include "config/key_set.h"
#include "relay/lock.h"
#include "server/lib/dial/fast_open_system.h"
#include "server/lib/role.h"
#include "server/lib/tls/limits.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_TIMEOUT_MS = 10000 };

/* ---- Errors ------------------------------------------------------------------------------- */

/* NULL: this thread has not failed yet. */
static struct settings_error *own_error(const actpass_config *config)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&config->error_lock;
    lock_take(lock);
    struct settings_error *error = config->errors;
    while (error && !pthread_equal(error->thread, pthread_self()))
        error = error->next;
    lock_release(lock);
    return error;
}

static struct settings_error *add_error(actpass_config *config)
{
    struct settings_error *error = calloc(1, sizeof(*error));
    if (!error) {
        atomic_store(&config->error_lost, true);
        return NULL;
    }
    error->thread = pthread_self();
    lock_take(&config->error_lock);
    error->next = config->errors;
    config->errors = error;
    lock_release(&config->error_lock);
    return error;
}

int settings_fail(actpass_config *config, const char *format, ...)
{
    va_list arguments;
    struct settings_error *own = own_error(config);
    if (!own)
        own = add_error(config);
    va_start(arguments, format);
    if (own)
        (void)error_vset(&own->error, format, arguments);
    va_end(arguments);
    return -1;
}

const char *actpass_config_error(const actpass_config *config)
{
    const struct settings_error *own = own_error(config);
    if (own)
        return own->error.text;
    return atomic_load(&config->error_lost) ? "out of memory" : "";
}

static void free_errors(actpass_config *config)
{
    while (config->errors) {
        struct settings_error *next = config->errors->next;
        free(config->errors);
        config->errors = next;
    }
}

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
    free_errors(config);
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

/* ---- Setters ------------------------------------------------------------------------------ */

int settings_changeable(actpass_config *config)
{
    lock_take(&config->lock);
    bool frozen = config->frozen;
    lock_release(&config->lock);
    return frozen ? settings_fail(
                        config, "the configuration is in use and cannot be changed: make a new one")
                  : 0;
}

static bool is_list(const struct key *key)
{
    return key->type == KEY_STRINGS || key->type == KEY_PEER_NAMES || key->type == KEY_PEER_PINS;
}

int settings_set(actpass_config *config, const struct key_object *object, const char *name,
                 const char *text, void *base)
{
    struct error_text error;
    const struct key *key = key_find(object, name);
    if (settings_changeable(config))
        return -1;
    if (!text && is_list(key))
        return settings_fail(config, "%s: must not be NULL", name);
    if (!text)
        key_release(key, base);
    else if (!key_set_text(key, text, base, &error))
        return settings_fail(config, "%s: %s", name, error.text);
    return 0;
}

int settings_set_tls(actpass_config *config, const char *name, const char *text)
{
    return settings_set(config, &tls_object, name, text, &config->connection.tls);
}

int settings_set_number(actpass_config *config, const struct key_object *object, const char *name,
                        int64_t number, void *base)
{
    struct error_text error;
    if (settings_changeable(config))
        return -1;
    if (key_set_number(key_find(object, name), number, base, &error))
        return 0;
    return settings_fail(config, "%s: %s", name, error.text);
}

int settings_set_tls_number(actpass_config *config, const char *name, int64_t number)
{
    return settings_set_number(config, &tls_object, name, number, &config->connection.tls);
}

int settings_set_tls_all(actpass_config *config, const struct settings_text *texts, size_t count,
                         bool (*fits)(const struct config_tls *tried, struct error_text *error))
{
    struct config_tls tried = {.certificate = NULL};
    struct error_text error;
    int failed = 0;
    for (size_t i = 0; i < count; i++)
        failed |= settings_set(config, &tls_object, texts[i].name, texts[i].text, &tried);
    if (!failed && fits && !fits(&tried, &error))
        failed = settings_fail(config, "%s", error.text);
    key_release_all(&tls_object, &tried);
    for (size_t i = 0; i < count && !failed; i++)
        failed = settings_set_tls(config, texts[i].name, texts[i].text);
    return failed;
}

int settings_set_flag(actpass_config *config, const char *name, int on, bool *flag)
{
    if (settings_changeable(config))
        return -1;
    if (on != 0 && on != 1)
        return settings_fail(config, "%s: must be 0 or 1", name);
    *flag = on;
    return 0;
}

int actpass_config_set_role(actpass_config *config, actpass_role role)
{
    if (settings_changeable(config))
        return -1;
    if (role != ACTPASS_ROLE_AUTO && role != ACTPASS_ROLE_SERVER && role != ACTPASS_ROLE_CLIENT)
        return settings_fail(config, "not a role that can be set: use auto, server or client");
    config->connection.role = role_to_config(role);
    return 0;
}

int actpass_config_set_nonblocking(actpass_config *config, int on)
{
    if (settings_changeable(config))
        return -1;
    if (on != 0 && on != 1)
        return settings_fail(config, "nonblocking: %d is neither 0 nor 1", on);
    config->relay.served = on ? RELAY_BY_CALLER : RELAY_BY_THREAD;
    return 0;
}

int actpass_config_set_transport(actpass_config *config, actpass_transport transport)
{
    if (settings_changeable(config))
        return -1;
    if (transport != ACTPASS_TRANSPORT_RELAY && transport != ACTPASS_TRANSPORT_DIRECT)
        return settings_fail(config, "not a transport: use relay or direct");
    config->connection.transport =
        transport == ACTPASS_TRANSPORT_DIRECT ? CONFIG_TRANSPORT_DIRECT : CONFIG_TRANSPORT_RELAY;
    return 0;
}

int actpass_config_set_tcp_fast_open(actpass_config *config, int on)
{
    return settings_set_flag(config, "tcp_fast_open", on, &config->connection.tcp_fast_open);
}

int actpass_config_set_dial_from(actpass_config *config, const char *text)
{
    if (settings_changeable(config))
        return -1;
    struct config_service service = {.dial.from = config->dial_from};
    int result = settings_set(config, &service_object, "dial_from", text, &service);
    config->dial_from = service.dial.from;
    return result;
}

int actpass_config_add_dial_source(actpass_config *config, const char *address)
{
    return settings_changeable(config)
               ? -1
               : settings_set(config, &source_object, "from", address, &config->dial_source);
}

int actpass_config_set_dial_device(actpass_config *config, const char *device)
{
    return settings_changeable(config)
               ? -1
               : settings_set(config, &source_object, "device", device, &config->dial_source);
}

int actpass_config_set_dial_mark(actpass_config *config, uint32_t mark)
{
    if (settings_changeable(config))
        return -1;
    if (mark == 0) {
        config->dial_source.mark = 0;
        return 0;
    }
    return settings_set_number(config, &source_object, "mark", mark, &config->dial_source);
}

/* Both are set, or none. */
int actpass_config_set_dial_through(actpass_config *config, const char *proxy,
                                    const char *credentials_file)
{
    struct config_service service = {.name = NULL};
    struct config_through *through = &service.dial.through;
    int failed = settings_set(config, &service_object, "dial_through", proxy, &service);
    if (!failed)
        failed =
            settings_set(config, &service_object, "dial_through_auth", credentials_file, &service);
    if (!failed && credentials_file && !proxy)
        failed = settings_fail(config, "dial_through_auth: only goes with a proxy");
    if (!failed) {
        const struct config_through before = config->through;
        config->through = *through;
        *through = before;
    }
    config_proxy_free(&through->proxy);
    free(through->credentials_file);
    return failed;
}

/* The setting goes through a service, whose keys have the limits. */
int actpass_config_set_timeout(actpass_config *config, actpass_timeout which, int64_t ms)
{
    static const char *const keys[] = {[ACTPASS_INITIAL_DATA_TIMEOUT] = "initial_data_timeout",
                                       [ACTPASS_HANDSHAKE_TIMEOUT] = "handshake_timeout",
                                       [ACTPASS_IDLE_TIMEOUT] = "idle_timeout",
                                       [ACTPASS_WRITE_TIMEOUT] = "write_timeout",
                                       [ACTPASS_CLOSE_TIMEOUT] = "close_timeout",
                                       [ACTPASS_CONNECT_TIMEOUT] = "connect_timeout"};
    if (settings_changeable(config))
        return -1;
    if (which == ACTPASS_SESSION_TIMEOUT)
        return settings_set_tls_number(config, "session_timeout", ms);
    if ((unsigned)which >= sizeof(keys) / sizeof(*keys))
        return settings_fail(config, "there is no such timeout");
    struct config_service service = {.connection = config->connection,
                                     .dial.connect_timeout_ms = config->connect_timeout_ms};
    if (settings_set_number(config, &service_object, keys[which], ms, &service))
        return -1;
    config->connection = service.connection;
    config->connect_timeout_ms = service.dial.connect_timeout_ms;
    return 0;
}

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

int actpass_on_event(actpass_config *config,
                     void (*call)(actpass_conn *conn, actpass_event event, void *arg), void *arg)
{
    if (settings_changeable(config))
        return -1;
    config->on_event = call;
    config->on_event_arg = arg;
    return 0;
}
