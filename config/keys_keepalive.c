/* The keys of "keepalive" of a service. */
#include "config/config.h"
#include "config/keys.h"

enum {
    LONGEST_MS = 9 * 3600000, /* Linux has 32767 s, and 127 probes */
    MOST_PROBES = 127
};

static const struct key keepalive_keys[] = {
    {.name = "idle",
     .help = "How long nothing may come from the peer before it is asked for a sign of life. "
             "never: it is not asked, and only the settings of the system hold.",
     .type = KEY_DURATION,
     .fallback = 60000,
     .never = true,
     KEY_LIMITS(1000, LONGEST_MS),
     KEY_STORED_IN(config_keepalive, idle_ms)},
    {.name = "interval",
     .help = "The time between two probes.",
     .type = KEY_DURATION,
     .fallback = 10000,
     KEY_LIMITS(1000, LONGEST_MS),
     KEY_STORED_IN(config_keepalive, interval_ms)},
    {.name = "probes",
     .help = "How many probes without an answer end the connection.",
     .type = KEY_INTEGER,
     .fallback = 3,
     KEY_LIMITS(1, MOST_PROBES),
     KEY_STORED_IN(config_keepalive, probes)},
    {0}};

const struct key_object keepalive_object = {.keys = keepalive_keys, .outer = &service_object};
