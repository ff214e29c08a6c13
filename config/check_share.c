/* A service that shares a pool with other collectors ("share"): it neither listens nor dials what
 * is configured, and is TLS client of the collectors that the registry names. */
#include "config/check.h"
#include "config/keys.h"

#include <string.h>

/* Keys that say who dials, or what is done with the connections. */
static void check_alone(const struct checked_service *checked)
{
    for (const struct key *key = service_object.keys; key->name; key++) {
        bool other = (key->choice != KEY_NO_CHOICE && strcmp(key->name, "share") != 0) ||
                     strcmp(key->name, "routes") == 0;
        struct place *place = other ? place_find(checked->place, key->name) : NULL;
        if (place)
            messages_error_at_key(checked->messages, place,
                                  "does not go with \"share\", which connects to other collectors "
                                  "by itself: write it in a service of its own");
    }
}

static void check_role(const struct checked_service *checked)
{
    struct place *role = place_find(checked->place, "role");
    if (role && !role->bad && checked->may_serve)
        messages_error_at(checked->messages, role,
                          "must be \"client\" with \"share\": this service is TLS client of the "
                          "other collectors");
}

static void check_registry(const struct checked_service *checked, const struct place *share)
{
    const struct config_sessions *registry = &checked->service->share.registry;
    struct messages *messages = checked->messages;
    struct place *place = place_find(share, "registry");
    struct place *ca = place_find(share, "registry_ca");
    struct place *password = place_find(share, "registry_password_file");
    if (!place || place->bad)
        return;
    if (registry->kind != CONFIG_SESSIONS_REDIS)
        messages_error_at(messages, place,
                          "must be a Redis: \"redis://host:port/db\", \"rediss://host:port/db\" "
                          "or \"redis:unix:/path\"");
    else if (!registry->over_tls && ca)
        messages_error_at_key(messages, ca, "only goes with \"registry\": \"rediss://...\"");
    else if (registry->over_tls && !ca)
        messages_error_at(messages, place,
                          "needs \"registry_ca\" beside it, to verify Redis by it");
    else if (ca && !ca->bad && registry->ca)
        (void)check_file(messages, ca, registry->ca, "a PEM file with CA certificates");
    if (password && !password->bad && registry->password_file)
        check_secret(messages, password, registry->password_file, "a password",
                     "a file with a password");
}

static void check_advertise(const struct checked_service *checked, const struct place *share)
{
    const struct config_address *address = &checked->service->share.advertise;
    struct place *place = place_find(share, "advertise");
    if (place && !place->bad && address->kind == CONFIG_ADDRESS_UNIX)
        messages_error_at(checked->messages, place,
                          "must be host:port, since other hosts connect to it");
}

/* Another collector says whose connection it is, so it must be one. */
static void check_collectors(const struct checked_service *checked, struct place *share)
{
    struct place *any = checked->tls ? place_find(checked->tls, "insecure_any_peer") : NULL;
    if (any && !any->bad && checked->service->connection.tls.insecure_any_peer)
        messages_error_at_key(checked->messages, any,
                              "does not go with \"share\": whoever is taken for a collector may "
                              "say that a connection is any device's");
    else if (checked->tls && !place_find(checked->tls, "certificate"))
        messages_warning_at(checked->messages, share,
                            "has no certificate to show in \"tls\", so other collectors that "
                            "require one refuse it");
}

static void check_fast(const struct checked_service *checked)
{
    struct place *place = place_find(checked->place, "tcp_fast_open");
    if (place && !place->bad && checked->service->connection.tcp_fast_open)
        messages_error_at_key(checked->messages, place, "does not go with \"share\", remove it");
}

void check_share(const struct checked_service *checked)
{
    struct place *share = place_find(checked->place, "share");
    check_alone(checked);
    check_role(checked);
    check_fast(checked);
    check_registry(checked, share);
    check_advertise(checked, share);
    check_collectors(checked, share);
}
