/* The keys of "accept_proxy" of a service: whose headers of the PROXY protocol are believed. */
#include "config/config.h"
#include "config/keys.h"

static const char *const others[] = {"refuse", "direct", NULL};

_Static_assert(CONFIG_OTHERS_REFUSE == 0 && CONFIG_OTHERS_DIRECT == 1, "order of the names");

static const struct key accept_proxy_keys[] = {
    {.name = "from",
     .help = "The networks of the proxies, such as \"192.0.2.7/32\". What they say is believed, so "
             "nobody else may be in there. Needed where listen is a TCP address.",
     .type = KEY_NETWORKS,
     KEY_LIMITS(1, 1000),
     KEY_COUNT_IN(config_accept_proxy, from_count),
     KEY_STORED_IN(config_accept_proxy, from)},
    {.name = "timeout",
     .help = "How long a proxy may take to send its header.",
     .type = KEY_DURATION,
     .fallback = 5000,
     KEY_LIMITS(1, 86400000),
     KEY_STORED_IN(config_accept_proxy, timeout_ms)},
    {.name = "others",
     .help = "What becomes of connections from other addresses. refuse: they are closed at once. "
             "direct: they are clients of their own, without a header.",
     .type = KEY_ENUM,
     .names = others,
     .needs = "from",
     KEY_STORED_IN(config_accept_proxy, others)},
    {0}};

const struct key_object accept_proxy_object = {.keys = accept_proxy_keys, .outer = &service_object};
