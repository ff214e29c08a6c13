/* Does "starttls" go with what the service does? */
#include "config/check.h"

/* Who speaks first in clear, and in which part, follows from the role. */
static void check_role(const struct checked_service *checked, struct place *starttls)
{
    if (checked->role_known && checked->may_serve && checked->may_connect)
        messages_error_at_key(checked->messages, starttls,
                              "needs \"role\": \"server\" or \"client\": the connection begins in "
                              "clear, so the peer's first bytes do not show its role");
}

/* Only those that are joined with a program of the protocol, and "echo", for tests. */
static void check_handler(const struct checked_service *checked, struct place *starttls)
{
    static const enum config_handler_kind others[] = {CONFIG_HANDLER_HTTP, CONFIG_HANDLER_PROXY,
                                                      CONFIG_HANDLER_OFFER, CONFIG_HANDLER_REACH};
    static const char *const names[] = {"http", "proxy", "offer", "reach"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (config_has_handler(checked->service, others[i]))
            messages_error_at_key(checked->messages, starttls,
                                  "does not go with \"%s\", but with \"forward\", "
                                  "\"exec\" or \"listen_plain\"",
                                  names[i]);
    if (config_shares(checked->service))
        messages_error_at_key(checked->messages, starttls,
                              "does not go with \"share\": collectors begin with TLS");
}

/* The first bytes of TLS would be in the SYN. */
static void check_first_bytes(const struct checked_service *checked, struct place *starttls)
{
    if (checked->service->connection.tcp_fast_open && checked->dial)
        messages_error_at_key(checked->messages, starttls,
                              "does not go with \"tcp_fast_open\" and \"dial\": TLS does not begin "
                              "in the SYN; remove one of the two");
    if (checked->service->start != CONFIG_START_AT_ONCE)
        messages_error_at_key(
            checked->messages, starttls,
            "does not go with \"start\": the backend is connected with the "
            "connection, since it may have to speak first; remove one of the two");
}

/* Is it one backend, which can be connected before anything is known about the peer? */
static bool is_simple(const struct config_handler *handler)
{
    const struct config_backends *backends = &handler->forward;
    const struct config_source *source = &backends->source;
    return handler->kind == CONFIG_HANDLER_FORWARD && backends->count == 1 &&
           backends->proxy_header == CONFIG_PROXY_HEADER_NONE && source->from.count == 0 &&
           !source->device && source->mark == 0 && !source->transparent;
}

/* The server speaks first, and both sides are needed before TLS. */
static void check_mysql(const struct checked_service *checked, struct place *starttls)
{
    const struct config_service *service = checked->service;
    if (!checked->role_known || service->starttls != CONFIG_STARTTLS_MYSQL)
        return;
    if (checked->may_connect && service->dial.listen_plain.count == 0)
        messages_error_at_key(checked->messages, starttls,
                              "\"mysql\" as TLS client needs \"dial\" and \"listen_plain\": the "
                              "login of the local client begins before TLS");
    if (checked->may_serve &&
        (checked->dial || service->route_count > 0 || !is_simple(&service->as_server)))
        messages_error_at_key(
            checked->messages, starttls,
            "\"mysql\" as TLS server needs \"listen\" and a \"forward\" with one address, "
            "without \"routes\", \"proxy_protocol\" and \"source\": the backend is connected "
            "before TLS begins, since its greeting comes first");
}

void check_starttls(const struct checked_service *checked)
{
    struct place *starttls = place_find(checked->place, "starttls");
    if (!starttls || starttls->bad)
        return;
    check_role(checked, starttls);
    check_handler(checked, starttls);
    check_first_bytes(checked, starttls);
    check_mysql(checked, starttls);
}
