/* The keys of handlers that reach devices by name. */
#include "config/config.h"
#include "config/internal.h"
#include "config/keys.h"

#define POOL_PATTERN "^[A-Za-z0-9_.-]{1,64}$"

static const char *const ways[] = {"connect", "socks5", "server_name", "name", NULL};

_Static_assert(CONFIG_REACH_CONNECT == 0 && CONFIG_REACH_NAME == 3, "order of the names");

static const struct key offer_keys[] = {
    {.name = "pool",
     .help = "The pool that the connections are offered to, by its name.",
     .type = KEY_STRING,
     .pattern = POOL_PATTERN,
     .required = true,
     .wrong = names_wrong_service,
     KEY_STORED_IN(config_offer, pool)},
    {.name = "per_name",
     .help = "How many connections may wait under one name. Beyond that the oldest one is closed. "
             "Not below what a device keeps ready (spare).",
     .type = KEY_INTEGER,
     .fallback = 64,
     KEY_LIMITS(1, 100000),
     KEY_STORED_IN(config_offer, per_name)},
    {.name = "send_proxy",
     .help = "Whether the first that a device gets is a header of the PROXY protocol, version 2: "
             "that it was reached, from which address, and by which name. For devices with "
             "\"start\": \"proxy\".",
     .type = KEY_BOOL,
     KEY_STORED_IN(config_offer, send_proxy)},
    {0}};

const struct key_object offer_object = {
    .keys = offer_keys, .outer = &handler_object, .shorthand = "pool"};

static const struct key allow_keys[] = {
    {.name = "peer_names",
     .help = "Names of which the client's certificate must carry one, besides what tls demands. "
             "Written as in tls.",
     .type = KEY_PEER_NAMES,
     KEY_LIMITS(1, 10000),
     KEY_STORED_IN(config_allow, peer_names)},
    {.name = "peer_pins",
     .help = "Public keys of which the client must have one. Written as in tls.",
     .type = KEY_PEER_PINS,
     .pattern = KEY_PIN_PATTERN,
     KEY_LIMITS(1, 10000),
     KEY_STORED_IN(config_allow, peer_pins)},
    {.name = "names",
     .help = "The devices that such a client may reach: names, or \"*.devices.example\" for all "
             "names of one label there.",
     .type = KEY_PEER_NAMES,
     .required = true,
     KEY_LIMITS(1, 10000),
     KEY_STORED_IN(config_allow, names)},
    {0}};

static const struct key_object allow_object = {
    .keys = allow_keys, .outer = &reach_object, .size = sizeof(struct config_allow)};

static const struct key reach_keys[] = {
    {.name = "pool",
     .help = "The pool to take a connection from (offer).",
     .type = KEY_STRING,
     .pattern = POOL_PATTERN,
     .required = true,
     .wrong = names_wrong_service,
     KEY_STORED_IN(config_reach, pool)},
    {.name = "by",
     .help = "How a client says which name it wants: connect (HTTP CONNECT), socks5, server_name "
             "(SNI of the TLS client), or name: it is always the one under \"name\".",
     .type = KEY_ENUM,
     .required = true,
     .names = ways,
     KEY_STORED_IN(config_reach, by)},
    {.name = "name",
     .help = "With \"by\": \"name\": which one.",
     .type = KEY_STRING,
     .wrong = names_wrong_server,
     KEY_STORED_IN(config_reach, name)},
    {.name = "wait",
     .help = "How long a client waits for a device that has no connection in the pool.",
     .type = KEY_DURATION,
     .fallback = 5000,
     KEY_LIMITS(0, 86400000),
     KEY_STORED_IN(config_reach, wait_ms)},
    {.name = "allow",
     .help = "Which clients may reach which devices. Who fits none of the items is refused. "
             "Default: all whom the service accepts may reach all.",
     .type = KEY_OBJECTS,
     .object = &allow_object,
     KEY_LIMITS(1, 10000),
     KEY_COUNT_IN(config_reach, allow_count),
     KEY_STORED_IN(config_reach, allow)},
    {0}};

const struct key_object reach_object = {.keys = reach_keys, .outer = &handler_object};
