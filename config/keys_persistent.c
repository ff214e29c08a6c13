/* The keys of services that dial by themselves: persistent, periodic, retry. */
#include "config/config.h"
#include "config/internal.h"
#include "config/keys.h"

static const char *const collectors[] = {"first", "all", NULL};

_Static_assert(sizeof(enum config_collectors) == sizeof(unsigned), "enums are stored as unsigned");
_Static_assert(CONFIG_COLLECTORS_ALL == 1, "order of the names");

static const struct key persistent_keys[] = {
    {.name = "spare",
     .help = "How many connections are kept open that nobody uses. A connection is used from the "
             "first byte that the peer sends on it; then another one is dialed at once.",
     .type = KEY_INTEGER,
     .fallback = 1,
     KEY_LIMITS(1, 1000),
     KEY_STORED_IN(config_keep, spare)},
    {.name = "max",
     .help = "How many connections there are at most, with those that are used. No more than so "
             "many used ones are replaced in retry.min. With persistent: true it is 1.",
     .type = KEY_INTEGER,
     .fallback = CONFIG_KEEP_MAX_DEFAULT,
     KEY_LIMITS(1, 10000),
     KEY_STORED_IN(config_keep, max)},
    {.name = "collectors",
     .help = "With several addresses in dial: first keeps the connections to the first address "
             "that answers, all keeps so many to each address.",
     .type = KEY_ENUM,
     .names = collectors,
     KEY_STORED_IN(config_keep, collectors)},
    {0}};

const struct key_object persistent_object = {.keys = persistent_keys, .outer = &service_object};

static const struct key periodic_keys[] = {
    {.name = "every",
     .help = "The length of a period, which has one connection. The first begins at the start. A "
             "period that has begun before the last connection has ended is left out.",
     .type = KEY_DURATION,
     .fallback = 3600000,
     KEY_LIMITS(1, DURATION_MAX),
     KEY_STORED_IN(config_keep, every_ms)},
    {.name = "window",
     .help = "The part of a period, from its begin, in which the connection is dialed, at a random "
             "time. Default: at the begin.",
     .type = KEY_DURATION,
     KEY_LIMITS(0, DURATION_MAX),
     KEY_STORED_IN(config_keep, window_ms)},
    {.name = "idle_timeout",
     .help = "How long nothing may be read or written before the connection is closed in order.",
     .type = KEY_DURATION,
     .fallback = 120000,
     KEY_LIMITS(1, DURATION_MAX),
     KEY_STORED_IN(config_keep, idle_timeout_ms)},
    {.name = "attempts",
     .help = "How often all addresses are dialed in vain before the next period is waited for.",
     .type = KEY_INTEGER,
     .fallback = 3,
     KEY_LIMITS(1, 1000),
     KEY_STORED_IN(config_keep, attempts)},
    {0}};

const struct key_object periodic_object = {.keys = periodic_keys, .outer = &service_object};

static const struct key retry_keys[] = {
    {.name = "min",
     .help = "The shortest wait. A wait is at random up to twice as long, and each further failure "
             "doubles this limit, up to max.",
     .type = KEY_DURATION,
     .fallback = 1000,
     KEY_LIMITS(1, 86400000),
     KEY_STORED_IN(config_service, dial.retry_min_ms)},
    {.name = "max",
     .help = "The longest wait.",
     .type = KEY_DURATION,
     .fallback = 60000,
     KEY_LIMITS(1, 86400000),
     KEY_STORED_IN(config_service, dial.retry_max_ms)},
    {.name = "jitter",
     .help = "Each wait, also the first, is at random up to this longer than min, as far as max "
             "lets it, so that many devices do not return at the same time.",
     .type = KEY_DURATION,
     KEY_LIMITS(0, 86400000),
     KEY_STORED_IN(config_service, dial.retry_jitter_ms)},
    {0}};

const struct key_object retry_object = {.keys = retry_keys, .outer = &service_object};
