/* The keys of handlers. */
#include "config/config.h"
#include "config/internal.h"
#include "config/keys.h"

const char *const config_balances[] = {"failover", "round_robin", "least_connections", NULL};
const char *const config_proxy_headers[] = {"off", "v1", "v2", NULL};

_Static_assert(CONFIG_BALANCE_FAILOVER == 0 && CONFIG_BALANCE_LEAST_CONNECTIONS == 2,
               "order of the names");

static const struct key protected_keys[] = {
    {.name = "prefix",
     .help =
         "What the paths begin with, such as \"/secure/\". The longest matching prefix decides.",
     .type = KEY_STRING,
     .pattern = "^/(.*/)?$",
     .required = true,
     .wrong = names_wrong_prefix,
     KEY_STORED_IN(config_protected, prefix)},
    {.name = "peer_names",
     .help = "Names of which the client's certificate must carry one here, besides what tls "
             "demands. Written as in tls.",
     .type = KEY_PEER_NAMES,
     KEY_LIMITS(1, 10000),
     KEY_STORED_IN(config_protected, peer_names)},
    {.name = "peer_pins",
     .help = "Public keys of which the client must have one here. Written as in tls.",
     .type = KEY_PEER_PINS,
     .pattern = KEY_PIN_PATTERN,
     KEY_LIMITS(1, 10000),
     KEY_STORED_IN(config_protected, peer_pins)},
    {0}};

static const struct key_object protected_object = {.keys = protected_keys,
                                                   .outer = &http_object,
                                                   .size = sizeof(struct config_protected),
                                                   .shorthand = "prefix"};

static const struct key http_keys[] = {
    {.name = "root",
     .help = "The folder to serve.",
     .type = KEY_PATH,
     .required = true,
     KEY_STORED_IN(config_http, root)},
    {.name = "protected",
     .help = "Paths for peers with a certificate only: prefixes such as \"/secure/\", or objects "
             "with a prefix and the peers that it is for.",
     .type = KEY_OBJECTS,
     .object = &protected_object,
     KEY_LIMITS(1, 1000),
     KEY_COUNT_IN(config_http, protected_count),
     KEY_STORED_IN(config_http, protected_paths)},
    {.name = "index",
     .help = "The name of the file that is sent for its folder. \"\": none.",
     .type = KEY_STRING,
     .pattern = "^[^/]*$",
     .empty = true,
     .wrong = names_wrong_index,
     .fallback_text = "index.html",
     KEY_STORED_IN(config_http, index)},
    {0}};

const struct key_object http_object = {.keys = http_keys, .outer = &handler_object};

static const struct key handler_keys[] = {
#define HANDLER_LIST(value, member, count)                                     \
    .choice = KEY_HANDLER, .kind = (value), KEY_KIND_IN(config_handler, kind), \
    KEY_COUNT_IN(config_handler, count), KEY_STORED_IN(config_handler, member)
#define HANDLER_VALUE(value, member)                                           \
    .choice = KEY_HANDLER, .kind = (value), KEY_KIND_IN(config_handler, kind), \
    KEY_STORED_IN(config_handler, member)
#define HANDLER_OPTION(member) KEY_STORED_IN(config_handler, member)
#include "config/handler_keys.inc"
#undef HANDLER_LIST
#undef HANDLER_VALUE
#undef HANDLER_OPTION
    {0}};

const struct key_object handler_object = {.keys = handler_keys, .outer = &service_object};
