/* The keys of "limits" of a service. */
#include "config/config.h"
#include "config/keys.h"

static const struct key limits_keys[] = {
    {.name = "per_address",
     .help =
         "Connections that one address may have open. Further ones are closed at once. Default: no "
         "limit, since many good clients can share an address (NAT, load balancers).",
     .type = KEY_INTEGER,
     KEY_LIMITS(1, 1000000),
     KEY_STORED_IN(config_limits, per_address)},
    {.name = "undecided_per_address",
     .help = "Connections of one address whose TLS handshake is not complete. Beyond this limit "
             "the oldest of them is closed. Default: half of max_connections, at least 64, so that "
             "one address cannot take all. Behind a load balancer that does not say whose "
             "connections it brings (accept_proxy) set it to max_connections.",
     .type = KEY_INTEGER,
     KEY_LIMITS(1, 1000000),
     KEY_STORED_IN(config_limits, undecided_per_address)},
    {.name = "rate_per_address",
     .help = "New connections of one address per second. As many may come at once; further ones "
             "are closed at once. Default: no limit.",
     .type = KEY_INTEGER,
     KEY_LIMITS(1, 1000000),
     KEY_STORED_IN(config_limits, rate_per_address)},
    {.name = "rate",
     .help = "New connections of all addresses together in any second. Further ones wait in the "
             "backlog, so that many clients that come back together are served one after the "
             "other. Default: no limit.",
     .type = KEY_INTEGER,
     KEY_LIMITS(1, 1000000),
     KEY_STORED_IN(config_limits, rate)},
    {.name = "ipv4_prefix",
     .help = "How many leading bits of an IPv4 address count as one address. An IPv4-mapped IPv6 "
             "address is an IPv4 address.",
     .type = KEY_INTEGER,
     .fallback = 32,
     KEY_LIMITS(1, 32),
     KEY_STORED_IN(config_limits, ipv4_prefix)},
    {.name = "ipv6_prefix",
     .help = "How many leading bits of an IPv6 address count as one address. One subscriber "
             "usually has a whole /64.",
     .type = KEY_INTEGER,
     .fallback = 64,
     KEY_LIMITS(1, 128),
     KEY_STORED_IN(config_limits, ipv6_prefix)},
    {.name = "allow",
     .help =
         "Networks that may connect, such as \"192.0.2.0/24\"; with this key no others may. The "
         "longest matching prefix of allow and deny decides; if both are equally long, deny.",
     .type = KEY_NETWORKS,
     KEY_LIMITS(1, 1000),
     KEY_COUNT_IN(config_limits, allow_count),
     KEY_STORED_IN(config_limits, allow)},
    {.name = "deny",
     .help = "Networks that may not connect. Their connections are closed before the handshake.",
     .type = KEY_NETWORKS,
     KEY_LIMITS(1, 1000),
     KEY_COUNT_IN(config_limits, deny_count),
     KEY_STORED_IN(config_limits, deny)},
    {0}};

const struct key_object limits_object = {.keys = limits_keys, .outer = &service_object};
