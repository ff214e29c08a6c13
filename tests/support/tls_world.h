/* Every kind of certificate that a peer may present, valid and invalid, for tests of the policy. */
#ifndef ACTPASS_TESTS_SUPPORT_TLS_WORLD_H
#define ACTPASS_TESTS_SUPPORT_TLS_WORLD_H

#include "config/config.h"
#include "tests/support/certs.h"

#define WORLD_NAME "a.devices.example"

enum shown {
    DEVICE,          /* a.devices.example, of the CA */
    BY_MIDDLE,       /* the same, with an intermediate CA, which it sends */
    MIDDLE_HIDDEN,   /* and which it does not send */
    OTHER_NAME,      /* a.elsewhere.example */
    WILDCARD,        /* *.devices.example */
    BY_ADDRESS,      /* 192.0.2.1 */
    BY_URI,          /* spiffe://devices/a */
    NO_NAME,         /* the name as common name only */
    NUL_NAME,        /* a.devices.example, NUL, .evil.example */
    EXPIRED,         /* since a minute */
    NOT_YET,         /* in an hour */
    FOR_SERVERS,     /* extendedKeyUsage is serverAuth, */
    FOR_CLIENTS,     /* clientAuth, */
    FOR_BOTH,        /* or both */
    STRANGER,        /* issued by another CA of the same name */
    SELF_SIGNED,     /* self-signed */
    BY_LEAF,         /* issued by a certificate that is not a CA */
    OUT_OF_BOUNDS,   /* issued by a CA that is constrained to elsewhere.example */
    OUT_OF_BOUNDS_2, /* and that has its name as common name only */
    OWN,             /* our own certificate: world->own */
    OWN_KEY,         /* our key in another certificate */
    NOTHING,         /* no certificate */
    SHOWN_COUNT = NOTHING
};

/* Our own certificate also has the name a.devices.example, so that a peer that presents it can be
 * refused for nothing but that. */
struct world {
    struct test_folder *folder;
    struct test_identity *ca, *middle, *stranger_ca, *bound_ca, *own;
    struct test_identity *shown[SHOWN_COUNT];
    char *ca_file, *certificate, *key; /* files; own is in the last two */
};

struct world *world_new(void);
void world_free(struct world *world);

/* The settings of an end that is OWN, knows the CA, and wants peers with the name of the world, in
 * NAMES, which has room for one. Sessions are kept in memory. */
struct config_tls world_settings(const struct world *world, struct config_peer_name *names);

/* NULL for NOTHING. */
const struct test_identity *world_identity(const struct world *world, enum shown shown);

#endif
