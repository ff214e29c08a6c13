/* The keys of "routes". */
#include "config/config.h"
#include "config/internal.h"
#include "config/keys.h"

static const char *const roles[] = {"server", "client", NULL};

_Static_assert(CONFIG_ROUTE_CLIENT == 1 && CONFIG_ROUTE_ANY_ROLE == 2, "order of the names");

static const struct key route_keys[] = {
    {.name = "name",
     .help = "What the log calls the route. Default: its number in the list, from 0.",
     .type = KEY_STRING,
     .pattern = "^[A-Za-z0-9_.-]{1,64}$",
     .wrong = names_wrong_service,
     KEY_STORED_IN(config_route, name)},
    {.name = "server_name",
     .help = "Condition: we are TLS server, and the client asks for one of these names (SNI): "
             "\"name\", or \"*.name\" for one label before the name.",
     .type = KEY_STRINGS,
     .wrong = names_wrong_offered,
     KEY_LIMITS(1, 1000),
     KEY_STORED_IN(config_route, server_names)},
    {.name = "alpn",
     .help = "Condition: one of these application protocols was agreed on. They must be in alpn of "
             "tls, too.",
     .type = KEY_STRINGS,
     .wrong = names_wrong_alpn,
     KEY_LIMITS(1, 255),
     KEY_STORED_IN(config_route, alpn)},
    {.name = "role",
     .help = "Condition: our TLS role is this one.",
     .type = KEY_ENUM,
     .fallback = CONFIG_ROUTE_ANY_ROLE,
     .names = roles,
     KEY_STORED_IN(config_route, role)},
    {.name = "peer_name",
     .help = "Condition: the peer has shown a certificate in the handshake with one of these "
             "names. Written as peer_names in tls.",
     .type = KEY_PEER_NAMES,
     KEY_LIMITS(1, 10000),
     KEY_STORED_IN(config_route, peer_names)},
    {.name = "peer_pin",
     .help = "Condition: the peer has shown a certificate in the handshake with one of these "
             "public keys. Written as peer_pins in tls.",
     .type = KEY_PEER_PINS,
     .pattern = KEY_PIN_PATTERN,
     KEY_LIMITS(1, 10000),
     KEY_STORED_IN(config_route, peer_pins)},
    {.name = "from",
     .help = "Condition: the peer's address is in one of these networks, such as "
             "\"192.0.2.0/24\".",
     .type = KEY_NETWORKS,
     KEY_LIMITS(1, 1000),
     KEY_COUNT_IN(config_route, from_count),
     KEY_STORED_IN(config_route, from)},
    {.name = "tls",
     .help = "Our certificate, whom we trust, and what we ask of clients, for all who ask for a "
             "name of server_name, in place of those of the service. Such clients are for this "
             "route alone: it refuses those for whom its other conditions do not hold.",
     .type = KEY_OBJECT,
     .needs = "server_name",
     .object = &route_tls_object,
     KEY_STORED_IN(config_route, tls)},
#define HANDLER_LIST(value, member, list_count)                                      \
    .choice = KEY_HANDLER, .kind = (value), KEY_KIND_IN(config_route, handler.kind), \
    KEY_COUNT_IN(config_route, handler.list_count), KEY_STORED_IN(config_route, handler.member)
#define HANDLER_VALUE(value, member)                                                 \
    .choice = KEY_HANDLER, .kind = (value), KEY_KIND_IN(config_route, handler.kind), \
    KEY_STORED_IN(config_route, handler.member)
#define HANDLER_OPTION(member) KEY_STORED_IN(config_route, handler.member)
#include "config/handler_keys.inc"
#undef HANDLER_LIST
#undef HANDLER_VALUE
#undef HANDLER_OPTION
    {0}};

const struct key_object route_object = {
    .keys = route_keys, .outer = &service_object, .size = sizeof(struct config_route)};
