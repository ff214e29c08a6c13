/* Opens any bytes as a record of a session store. As they are, they must not open. Sealed with a
 * valid key, as a holder of the keys could write them, they must open to the same bytes; if these
 * are accepted as a session, it must be valid now. With one bit changed, a sealed record must not
 * open. */
#include "server/lib/sessions/internal.h"
#include "server/lib/sessions/seal.h"
#include "server/lib/sessions/validity.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = STORE_RECORD + SEAL_OVERHEAD };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct key_set keys = {.count = 1, .keys = {{.id = "fuzz-id", .seal = "a key"}}};
static const struct seal_purpose purpose = {"purpose", 7};

static void *exactly(const void *data, size_t size) /* for the sanitizer */
{
    void *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    return copy;
}

static bool accept_any(const void *arg, const X509 *peer)
{
    return !arg && peer;
}

static void check_session(const uint8_t *data, size_t size)
{
    const struct sessions sessions = {.accepts = accept_any, .timeout_s = 3600};
    uint8_t *copy = exactly(data, size);
    const unsigned char *at = copy;
    SSL_SESSION *whole = size ? d2i_SSL_SESSION(NULL, &at, (long)size) : NULL;
    SSL_SESSION_free(whole);
    SSL_SESSION *session = session_from_bytes(&sessions, copy, size);
    if (session && (!validity_holds(session) || at != copy + size))
        abort();
    SSL_SESSION_free(session);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t sealed[ROOM], plain[ROOM];
    if (size == 0 || size > STORE_RECORD)
        return 0;
    uint8_t *copy = exactly(data, size);
    if (seal_open(&keys, purpose, copy, size, plain))
        abort();
    free(copy);
    size_t whole = seal_data(&keys, purpose, data, size, sealed);
    if (whole != size + SEAL_OVERHEAD || !seal_open(&keys, purpose, sealed, whole, plain) ||
        memcmp(plain, data, size) != 0)
        abort();
    check_session(plain, size);
    sealed[data[0] % whole] ^= (uint8_t)(1U << (size % 8));
    if (seal_open(&keys, purpose, sealed, whole, plain))
        abort();
    return 0;
}
