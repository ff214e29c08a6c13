/* What only the memory store does. What every store does: test_sessions_store.c. */
#include "server/lib/sessions/memory.h"

#include <criterion/criterion.h>
#include <string.h>

static struct error_text problem;

static struct store_key key_of(unsigned number)
{
    struct store_key key = {{0}};
    memcpy(key.bytes, &number, sizeof(number));
    return key;
}

static void put(struct store *store, unsigned number, size_t size, int64_t lifetime_s)
{
    uint8_t data[STORE_RECORD];
    struct store_key key = key_of(number);
    memset(data, (int)number, sizeof(data));
    cr_assert_eq(store_put(store, &key, data, size, lifetime_s, &problem), STORE_DONE);
}

/* The size of the record, or -1; its bytes are looked at, too. */
static int get(struct store *store, unsigned number)
{
    uint8_t data[STORE_RECORD];
    size_t size = 0;
    struct store_key key = key_of(number);
    enum store_result result = store_get(store, &key, data, &size, &problem);
    if (result == STORE_MISS)
        return -1;
    cr_assert_eq(result, STORE_DONE);
    for (size_t i = 0; i < size; i++)
        cr_assert_eq(data[i], (uint8_t)number);
    return (int)size;
}

Test(sessions_memory, bounded_by_bytes)
{
    struct store *store = store_memory_new(&(struct store_limits){1000, 10000});
    for (unsigned i = 0; i < 100; i++)
        put(store, i, 3000, 60);
    unsigned kept = 0;
    for (unsigned i = 0; i < 100; i++)
        kept += get(store, i) >= 0;
    cr_assert_eq(kept, 3);
    cr_assert_eq(get(store, 99), 3000);
    put(store, 200, 9000, 60);
    cr_assert_eq(get(store, 200), 9000);
    cr_assert_eq(get(store, 99), -1);
    store_free(store);
}
