/* The keys of conversations. */
#include "config/config.h"
#include "config/internal.h"
#include "config/keys.h"

const char forward_help[] = "Join the connection to the plain TCP service at this address: "
                            "host:port, [v6]:port or unix:/path.";
const char echo_help[] = "Send everything back: true, or {}.";
const char http_help[] = "Serve the files of a folder over HTTP/1.1.";

static const struct key protected_keys[] = {
    {.name = "prefix",
     .help =
         "What the paths begin with, such as \"/secure/\". The longest matching prefix decides.",
     .type = KEY_STRING,
     .pattern = "^/(.*/)?$",
     .required = true,
     .wrong = wrong_prefix,
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
     .wrong = wrong_index,
     .fallback_text = "index.html",
     KEY_STORED_IN(config_http, index)},
    {0}};

const struct key_object http_object = {.keys = http_keys, .outer = &conversation_object};

#define KEY_HANDLER_KIND(value) .kind = (value), KEY_COUNT_IN(config_conversation, kind)

static const struct key conversation_keys[] = {{.name = "forward",
                                                .help = forward_help,
                                                .type = KEY_ADDRESS,
                                                KEY_LIMITS(1, UINT16_MAX),
                                                KEY_HANDLER_KIND(CONFIG_CONVERSATION_FORWARD),
                                                KEY_STORED_IN(config_conversation, forward)},
                                               {.name = "echo",
                                                .help = echo_help,
                                                .type = KEY_PRESENT,
                                                KEY_HANDLER_KIND(CONFIG_CONVERSATION_ECHO),
                                                .offset = KEY_NOWHERE},
                                               {.name = "http",
                                                .help = http_help,
                                                .type = KEY_OBJECT,
                                                .object = &http_object,
                                                KEY_HANDLER_KIND(CONFIG_CONVERSATION_HTTP),
                                                KEY_STORED_IN(config_conversation, http)},
                                               {0}};

const struct key_object conversation_object = {
    .choice = true, .keys = conversation_keys, .outer = &service_object};
