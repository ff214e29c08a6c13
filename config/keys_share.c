/* The keys of "share": a pool that several collectors share. */
#include "config/config.h"
#include "config/internal.h"
#include "config/keys.h"

static const struct key share_keys[] = {
    {.name = "pool",
     .help = "The pool, by its name. It is the same at all collectors.",
     .type = KEY_STRING,
     .pattern = "^[A-Za-z0-9_.-]{1,64}$",
     .required = true,
     .wrong = names_wrong_service,
     KEY_STORED_IN(config_share, pool)},
    {.name = "registry",
     .help = "The Redis in which collectors find each other: redis://user@host:port/db, "
             "redis:unix:/path, or rediss:// for TLS.",
     .type = KEY_SESSIONS,
     .required = true,
     KEY_STORED_IN(config_share, registry)},
    {.name = "registry_password_file",
     .help = "File with the password for that Redis, which other users must not be able to read, "
             "or credential:NAME for a systemd credential.",
     .type = KEY_PATH,
     .scheme = CONFIG_CREDENTIAL,
     KEY_STORED_IN(config_share, registry.password_file)},
    {.name = "registry_ca",
     .help = "PEM file with the CA certificates that the Redis server of rediss:// is verified "
             "against, or \"system\" for the system's.",
     .type = KEY_PATH,
     .word = "system",
     .second = offsetof(struct config_share, registry.ca_system),
     KEY_STORED_IN(config_share, registry.ca)},
    {.name = "advertise",
     .help = "Where the other collectors reach this one: the address of a service with \"reach\": "
             "{\"by\": \"connect\"} and \"client_auth\": \"require\". Best with the same port at "
             "all collectors, since the sandbox allows this port only.",
     .type = KEY_ADDRESS,
     .required = true,
     KEY_LIMITS(1, UINT16_MAX),
     KEY_STORED_IN(config_share, advertise)},
    {.name = "expire",
     .help =
         "How long the others go on asking a collector that is gone, and, up to 10s, how long a "
         "connect to one may take.",
     .type = KEY_DURATION,
     .fallback = 15000,
     KEY_LIMITS(1000, 3600000),
     KEY_STORED_IN(config_share, expire_ms)},
    {0}};

const struct key_object share_object = {.keys = share_keys, .outer = &service_object};
