/* The memory store: what it keeps, for how long, and what goes first. */
#include "server/lib/sessions/memory.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

static struct tls_error problem;

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

Test(session_memory, what_is_put_is_there)
{
    struct store *store = store_memory_new(&(struct store_limits){10, 100000});
    cr_assert_eq(get(store, 1), -1);
    put(store, 1, 100, 60);
    put(store, 2, 0, 60);
    put(store, 3, STORE_RECORD, 60);
    cr_assert_eq(get(store, 1), 100);
    cr_assert_eq(get(store, 2), 0);
    cr_assert_eq(get(store, 3), STORE_RECORD);
    put(store, 1, 50, 60);
    cr_assert_eq(get(store, 1), 50);
    store_free(store);
    store_free(NULL);
}

Test(session_memory, removed)
{
    struct store *store = store_memory_new(&(struct store_limits){10, 100000});
    struct store_key key = key_of(1);
    put(store, 1, 100, 60);
    put(store, 2, 100, 60);
    cr_assert_eq(store_remove(store, &key, &problem), STORE_DONE);
    cr_assert_eq(store_remove(store, &key, &problem), STORE_MISS);
    cr_assert_eq(get(store, 1), -1);
    cr_assert_eq(get(store, 2), 100);
    store_free(store);
}

Test(session_memory, what_is_not_kept)
{
    static const uint8_t data[STORE_RECORD + 1];
    struct store *store = store_memory_new(&(struct store_limits){10, 100000});
    struct store_key key = key_of(1);
    cr_assert_eq(store_put(store, &key, data, sizeof(data), 60, &problem), STORE_MISS);
    cr_assert_eq(store_put(store, &key, data, 10, 0, &problem), STORE_MISS);
    cr_assert_eq(store_put(store, &key, data, 10, -5, &problem), STORE_MISS);
    cr_assert_eq(get(store, 1), -1);
    store_free(store);
}

Test(session_memory, expires)
{
    struct store *store = store_memory_new(&(struct store_limits){10, 100000});
    put(store, 1, 10, 1);
    put(store, 2, 10, 600);
    cr_assert_eq(get(store, 1), 10);
    for (int i = 0; i < 1000 && get(store, 1) >= 0; i++)
        pause_ms(10);
    cr_assert_eq(get(store, 1), -1);
    cr_assert_eq(get(store, 2), 10);
    store_free(store);
}

Test(session_memory, the_oldest_go_first)
{
    enum { MOST = 8 };
    struct store *store = store_memory_new(&(struct store_limits){MOST, 100000});
    for (unsigned i = 0; i < 100; i++) {
        put(store, i, 10, 60);
        for (unsigned j = 0; j <= i; j++)
            cr_assert_eq(get(store, j), i - j < MOST ? 10 : -1, "%u after %u", j, i);
    }
    store_free(store);
}

Test(session_memory, bounded_by_bytes)
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

static void *hammer(void *arg)
{
    struct store *store = arg;
    struct tls_error own;
    uint8_t data[100];
    size_t size;
    for (unsigned i = 0; i < 2000; i++) {
        struct store_key key = key_of(i * 7 % 50), other = key_of(i * 5 % 50);
        memset(data, (int)(i * 7 % 50), sizeof(data));
        (void)store_put(store, &key, data, sizeof(data), 60, &own);
        if (store_get(store, &other, data, &size, &own) == STORE_DONE &&
            (size != sizeof(data) || data[0] != data[99] || data[0] != i * 5 % 50))
            return store;
        (void)store_remove(store, &other, &own);
    }
    return NULL;
}

Test(session_memory, many_threads)
{
    pthread_t threads[4];
    void *wrong;
    struct store *store = store_memory_new(&(struct store_limits){20, 100000});
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, hammer, store), 0);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], &wrong);
        cr_assert_null(wrong);
    }
    store_free(store);
}
