/* The keys of the handler that is a proxy. */
#include "config/config.h"
#include "config/internal.h"
#include "config/keys.h"

static const char *wrong_protocol(const char *text)
{
    static const char *const names[] = {"socks5", "socks4", "connect"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(text, names[i]) == 0)
            return NULL;
    return "must be socks5, socks4 (with 4a) or connect (HTTP CONNECT)";
}

static const struct key proxy_keys[] = {
    {.name = "allow",
     .help = "Where it connects to: networks such as \"192.0.2.0/24\" or \"[2001:db8::]/32\", by "
             "the address that is dialed; names such as \"example.com\" or \"*.example.com\", as "
             "the peer asks for them; \"*\": everything. Each may end in ports, as in "
             "\"*.example.com:443,8000-8999\". Loopback, link-local, multicast and unspecified "
             "addresses only by a network.",
     .type = KEY_STRINGS,
     .required = true,
     .accepts = names_are_target,
     KEY_LIMITS(1, 1000),
     KEY_STORED_IN(config_proxying, allow)},
    {.name = "protocols",
     .help = "What the peer may speak: socks5, socks4 (with 4a), connect (HTTP CONNECT). Default: "
             "all of them.",
     .type = KEY_STRINGS,
     .pattern = "^(socks5|socks4|connect)$",
     .wrong = wrong_protocol,
     KEY_LIMITS(1, 3),
     KEY_STORED_IN(config_proxying, protocols)},
    {.name = "connect_timeout",
     .help = "How long the connect may take, all addresses of a name together.",
     .type = KEY_DURATION,
     .fallback = 10000,
     KEY_LIMITS(1, 3600000),
     KEY_STORED_IN(config_proxying, connect_timeout_ms)},
    {.name = "source",
     .help = "From where it connects: an address, or an object, as beside forward.",
     .type = KEY_OBJECT,
     .object = &source_object,
     KEY_STORED_IN(config_proxying, source)},
    {0}};

const struct key_object proxy_object = {.keys = proxy_keys, .outer = &handler_object};
