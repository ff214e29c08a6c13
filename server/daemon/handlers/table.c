/* All handlers, each by the kind that its key has in config/handler_keys.inc. See "Adding a
 * handler" in server/README.md. */
#include "server/daemon/handlers/handler.h"

static const struct handler *const handlers[] = {
    [CONFIG_HANDLER_NONE] = NULL,
    [CONFIG_HANDLER_FORWARD] = &forward_handler,
    [CONFIG_HANDLER_ECHO] = &echo_handler,
    [CONFIG_HANDLER_HTTP] = &http_handler,
    [CONFIG_HANDLER_OFFER] = &offer_handler,
    [CONFIG_HANDLER_REACH] = &reach_handler,
    [CONFIG_HANDLER_REFUSE] = &refuse_handler,
    [CONFIG_HANDLER_EXEC] = &exec_handler,
    [CONFIG_HANDLER_PROXY] = &proxy_handler,
};

_Static_assert(sizeof(handlers) / sizeof(handlers[0]) == CONFIG_HANDLER_COUNT,
               "each kind of conversation has a handler");

const struct handler *handler_of(enum config_handler_kind kind)
{
    return handlers[kind];
}

const struct handler *handler_for(const struct config_service *service,
                                  const struct config_handler *what)
{
    bool bridged = service->dial.listen_plain.count > 0;
    if (config_is_plain_gate(service))
        return &plain_gate_handler;
    if (config_shares(service))
        return &share_handler;
    return bridged ? &bridge_handler : handler_of(what->kind);
}
