/* Every kind of certificate that a peer may present. */
#include "tests/support/tls_world.h"

#include <stdlib.h>

#define NAME WORLD_NAME

static struct test_identity *make(const struct world *world, const struct test_identity *issuer,
                                  struct test_identity_options options)
{
    options.issuer = issuer;
    if (!options.same_key)
        options.same_key = world->ca; /* saves time; no test depends on the keys */
    if (!options.common_name)
        options.common_name = NAME;
    return test_identity_new(&options);
}

typedef struct test_identity_options options;

static void make_named(struct world *world)
{
    struct test_identity **shown = world->shown, *ca = world->ca;
    shown[DEVICE] = make(world, ca, (options){.names = "DNS:" NAME});
    shown[BY_MIDDLE] = make(world, world->middle, (options){.names = "DNS:" NAME});
    shown[MIDDLE_HIDDEN] = make(world, world->middle, (options){.names = "DNS:" NAME});
    X509_free(sk_X509_pop(shown[MIDDLE_HIDDEN]->chain));
    shown[OTHER_NAME] = make(world, ca, (options){.names = "DNS:a.elsewhere.example"});
    shown[WILDCARD] = make(world, ca, (options){.names = "DNS:*.devices.example"});
    shown[BY_ADDRESS] = make(world, ca, (options){.names = "IP:192.0.2.1"});
    shown[BY_URI] = make(world, ca, (options){.names = "URI:spiffe://devices/a"});
    shown[NO_NAME] = make(world, ca, (options){.names = NULL});
    shown[NUL_NAME] = make(world, ca,
                           (options){.raw_dns = NAME "\0.evil.example",
                                     .raw_dns_size = sizeof(NAME "\0.evil.example") - 1});
}

static void make_doubtful(struct world *world)
{
    struct test_identity **shown = world->shown, *ca = world->ca;
    const char *names = "DNS:" NAME;
    shown[EXPIRED] = make(world, ca, (options){.names = names, .from_s = -3600, .until_s = -60});
    shown[NOT_YET] = make(world, ca, (options){.names = names, .from_s = 3600, .until_s = 7200});
    shown[FOR_SERVERS] = make(world, ca, (options){.names = names, .usage = "serverAuth"});
    shown[FOR_CLIENTS] = make(world, ca, (options){.names = names, .usage = "clientAuth"});
    shown[FOR_BOTH] = make(world, ca, (options){.names = names, .usage = "serverAuth,clientAuth"});
    shown[STRANGER] = make(world, world->stranger_ca, (options){.names = names});
    shown[SELF_SIGNED] = make(world, NULL, (options){.names = names});
    shown[BY_LEAF] = make(world, shown[DEVICE], (options){.names = names, .common_name = "z"});
    shown[OUT_OF_BOUNDS] = make(world, world->bound_ca, (options){.names = names});
    shown[OUT_OF_BOUNDS_2] = make(world, world->bound_ca, (options){.names = NULL});
    shown[OWN_KEY] = make(world, ca, (options){.names = names, .same_key = world->own});
}

struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof(*world));
    if (!world)
        abort();
    world->folder = test_folder_new();
    world->ca = test_ca_new("CA");
    world->stranger_ca = test_ca_new("CA");
    world->middle = make(world, world->ca, (options){.ca = true, .common_name = "middle"});
    world->bound_ca = make(world, world->ca,
                           (options){.ca = true,
                                     .common_name = "bound",
                                     .constraints = "permitted;DNS:elsewhere.example"});
    world->own = test_leaf_new(world->ca, "DNS:" NAME);
    make_named(world);
    make_doubtful(world);
    world->ca_file = (char *)test_write_certificate(world->folder, "ca.pem", world->ca);
    world->certificate = (char *)test_write_certificate(world->folder, "own.pem", world->own);
    world->key = (char *)test_write_key(world->folder, "own.key", world->own, NULL);
    return world;
}

void world_free(struct world *world)
{
    for (size_t i = 0; i < SHOWN_COUNT; i++)
        test_identity_free(world->shown[i]);
    test_identity_free(world->own);
    test_identity_free(world->bound_ca);
    test_identity_free(world->middle);
    test_identity_free(world->stranger_ca);
    test_identity_free(world->ca);
    test_folder_free(world->folder);
    free(world);
}

struct config_tls world_settings(const struct world *world, struct config_peer_name *names)
{
    names[0] = test_peer_name(WORLD_NAME);
    return (struct config_tls){.certificate = world->certificate,
                               .key = world->key,
                               .ca = world->ca_file,
                               .client_auth = CONFIG_CLIENT_AUTH_REQUIRE,
                               .peer_names = {names, 1},
                               .session_timeout_ms = 300000,
                               .sessions = {.kind = CONFIG_SESSIONS_MEMORY}};
}

const struct test_identity *world_identity(const struct world *world, enum shown shown)
{
    if (shown == NOTHING)
        return NULL;
    return shown == OWN ? world->own : world->shown[shown];
}
