/* actpass_config: the setters of actpass.h for the role, the transport, how to dial, and timeouts.
 */
#include "server/lib/settings.h"

#include "server/lib/role.h"

#include <stdlib.h>

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

int actpass_on_event(actpass_config *config,
                     void (*call)(actpass_conn *conn, actpass_event event, void *arg), void *arg)
{
    if (settings_changeable(config))
        return -1;
    config->on_event = call;
    config->on_event_arg = arg;
    return 0;
}

/* ---- How to dial ---------------------------------------------------------------------------- */

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
