/* Every kind of certificate that a peer may show, good and bad, for tests of whom we accept. */
#ifndef ACTPASS_TESTS_SUPPORT_TLS_WORLD_H
#define ACTPASS_TESTS_SUPPORT_TLS_WORLD_H

#include "tests/support/certs.h"

#define WORLD_NAME "a.devices.example"

enum shown {
    DEVICE,          /* a.devices.example, of the CA */
    BY_MIDDLE,       /* the same, with a CA between, which it shows */
    MIDDLE_HIDDEN,   /* and which it does not show */
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
    STRANGER,        /* of another CA of the same name */
    SELF_SIGNED,     /* of nobody */
    BY_LEAF,         /* of a certificate that is no CA */
    OUT_OF_BOUNDS,   /* of a CA that may only vouch for elsewhere.example */
    OUT_OF_BOUNDS_2, /* and that has its name as common name only */
    OWN,             /* our own comes back: world->own */
    OWN_KEY,         /* our key in another certificate */
    NOTHING,         /* no certificate */
    SHOWN_COUNT = NOTHING
};

/* We are a.devices.example too: that our own certificate comes back is to be refused for that
 * alone. */
struct world {
    struct test_folder *folder;
    struct test_identity *ca, *middle, *stranger_ca, *bound_ca, *own;
    struct test_identity *shown[SHOWN_COUNT];
    char *ca_file, *certificate, *key; /* files; own is in the last two */
};

struct world *world_new(void);
void world_free(struct world *world);

/* NULL for NOTHING. */
const struct test_identity *world_identity(const struct world *world, enum shown shown);

#endif
