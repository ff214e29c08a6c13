/* OpenSSL runs out of memory at each of its allocations in turn: nobody and nothing else is blamed
 * for it. */
#include "server/lib/base/error.h"
#include "server/lib/tls/identity.h"
#include "server/lib/tls/policy.h"
#include "tests/support/certs.h"
#include "tests/support/tls_world.h"

#include <criterion/criterion.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

static long left = -1; /* allocations until those that fail; -1: none does */

static bool fails(void)
{
    if (left > 0)
        left--;
    return left == 0;
}

static void *take(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails() ? NULL : malloc(size);
}

static void *take_more(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails() ? NULL : realloc(old, size);
}

static void give_back(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

static int taken;

/* Before anything else of OpenSSL, which takes it no later. */
__attribute__((constructor)) static void take_over(void)
{
    taken = CRYPTO_set_mem_functions(take, take_more, give_back);
}

static struct world *begin(void)
{
    cr_assert(taken, "OpenSSL is in use already");
    return world_new();
}

enum { MAX_COUNT = 100000 };

Test(tls_short_memory, blames_no_peer)
{
    struct world *world = begin();
    struct error_text error = {.text = ""};
    struct config_peer_name name = {.text = WORLD_NAME};
    const struct config_tls tls = {.ca = world->ca_file, .peer_names = {&name, 1}};
    struct policy *policy = policy_new(&tls, NULL, &error);
    cr_assert_not_null(policy, "%s", error.text);
    X509 *peer = world_identity(world, DEVICE)->certificate;
    int refused = 0;
    bool accepted = false;
    for (long count = 1; count < MAX_COUNT && !accepted; count++) {
        left = count;
        accepted = policy_accepts(policy, peer, &error);
        left = -1;
        if (!accepted)
            cr_expect(error_is_no_memory(&error), "%ld: %s", count, error.text);
        cr_assert_eq(ERR_peek_error(), 0);
        refused += !accepted;
    }
    cr_assert(accepted);
    cr_assert_gt(refused, 3);
    policy_free(policy);
    world_free(world);
}

Test(tls_short_memory, blames_no_file)
{
    struct world *world = begin();
    const struct config_tls tls = {.certificate = world->certificate, .key = world->key};
    struct identity identity;
    struct error_text error = {.text = ""};
    int refused = 0;
    bool loaded = false;
    for (long count = 1; count < MAX_COUNT && !loaded; count += 1 + count / 100) {
        left = count;
        loaded = identity_load(&tls, &(struct pem_passphrase){.call = NULL}, &identity, &error);
        left = -1;
        /* OpenSSL's decoders of keys drop the reason why one of them failed. */
        if (!loaded && !strstr(error.text, "holds no private key that can be read"))
            cr_expect(strncmp(error.text, "out of memory", 13) == 0, "%ld: %s", count, error.text);
        cr_assert_eq(ERR_peek_error(), 0);
        refused += !loaded;
    }
    cr_assert(loaded);
    cr_assert_gt(refused, 3);
    identity_free(&identity);
    world_free(world);
}
