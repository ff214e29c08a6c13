/* What every store of sessions must do, whatever its kind. What only one kind does is in the test
 * of that kind. Redis is the real one, started here; where it is not installed, its rows are left
 * out. */
#include "server/lib/sessions/file.h"
#include "server/lib/sessions/memory.h"
#include "server/lib/sessions/redis.h"
#include "tests/support/certs.h"
#include "tests/support/redis_server.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000, FEW = 8 };

static const struct store_limits usual = {1000, 4 * 1024 * 1024};
static const struct store_limits few = {FEW, 4 * 1024 * 1024};
static struct test_folder *folder;
static pid_t redis; /* 0: not started */

static void set_up(void)
{
    folder = test_folder_new();
}

static void tear_down(void)
{
    static const char *const names[] = {"store", "store-lock", "redis"};
    redis_server_stop(redis);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        (void)unlink(test_folder_path(folder, names[i]));
    test_folder_free(folder);
}

TestSuite(sessions_store, .init = set_up, .fini = tear_down);

/* ---- The kinds ------------------------------------------------------------------------------ */

static struct store *open_memory(const struct store_limits *limits)
{
    return store_memory_new(limits);
}

#ifdef HAVE_LMDB
static struct store *open_file(const struct store_limits *limits)
{
    struct error_text error;
    (void)unlink(test_folder_path(folder, "store"));
    (void)unlink(test_folder_path(folder, "store-lock"));
    struct store *store = store_file_new(test_folder_path(folder, "store"), limits, &error);
    cr_assert_not_null(store, "%s", error.text);
    return store;
}
#endif

#ifdef HAVE_HIREDIS
static struct store *open_redis(const struct store_limits *limits)
{
    struct error_text error;
    const char *path = test_folder_path(folder, "redis");
    const struct config_sessions where = {.kind = CONFIG_SESSIONS_REDIS, .path = (char *)path};
    (void)limits; /* the administrator's */
    if (!redis)
        redis = redis_server_start(path);
    if (!redis)
        return NULL;
    struct store *store = store_redis_new(&where, PATIENCE_MS, &error);
    cr_assert_not_null(store, "%s", error.text);
    return store;
}
#endif

static const struct kind {
    const char *name;
    struct store *(*open)(const struct store_limits *limits); /* an empty store; NULL: not here */
    bool has_limits;
} kinds[] = {
    {"memory", open_memory, true},
#ifdef HAVE_LMDB
    {"file", open_file, true},
#endif
#ifdef HAVE_HIREDIS
    {"redis", open_redis, false},
#endif
};

/* ---- One record ----------------------------------------------------------------------------- */

static struct store_key key_of(unsigned number)
{
    struct store_key key = {{0}};
    number = number * 2654435761U; /* in no order, as digests are */
    memcpy(key.bytes, &number, sizeof(number));
    return key;
}

static void put(struct store *store, unsigned number, size_t size, int64_t lifetime_s)
{
    uint8_t data[STORE_RECORD];
    struct error_text error;
    struct store_key key = key_of(number);
    memset(data, (int)number, sizeof(data));
    cr_assert_eq(store_put(store, &key, data, size, lifetime_s, &error), STORE_DONE, "%s",
                 error.text);
}

/* The size of the record, or -1: there is none. Its bytes must be those that were put. */
static int get(struct store *store, unsigned number)
{
    uint8_t data[STORE_RECORD];
    struct error_text error;
    size_t size = 0;
    struct store_key key = key_of(number);
    enum store_result result = store_get(store, &key, data, &size, &error);
    if (result == STORE_MISS)
        return -1;
    cr_assert_eq(result, STORE_DONE, "%s", error.text);
    for (size_t i = 0; i < size; i++)
        cr_assert_eq(data[i], (uint8_t)number);
    return (int)size;
}

static enum store_result take_out(struct store *store, unsigned number)
{
    struct error_text error = {.text = ""};
    struct store_key key = key_of(number);
    return store_remove(store, &key, &error);
}

/* ---- The contract --------------------------------------------------------------------------- */

static void each_kind(void (*check)(struct store *store, const char *name),
                      const struct store_limits *limits)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        bool fits = kinds[i].has_limits || limits == &usual;
        struct store *store = fits ? kinds[i].open(limits) : NULL;
        if (store)
            check(store, kinds[i].name);
        store_free(store);
    }
}

static void check_put(struct store *store, const char *name)
{
    cr_assert_eq(get(store, 1), -1, "%s", name);
    put(store, 1, 100, 60);
    put(store, 2, 0, 60);
    put(store, 3, STORE_RECORD, 60);
    cr_assert_eq(get(store, 1), 100, "%s", name);
    cr_assert_eq(get(store, 2), 0, "%s", name);
    cr_assert_eq(get(store, 3), STORE_RECORD, "%s", name);
    put(store, 1, 50, 60);
    cr_assert_eq(get(store, 1), 50, "%s", name);
}

Test(sessions_store, what_is_put_is_there)
{
    each_kind(check_put, &usual);
    store_free(NULL);
}

static void check_removed(struct store *store, const char *name)
{
    put(store, 1, 100, 60);
    put(store, 2, 100, 60);
    cr_assert_eq(take_out(store, 1), STORE_DONE, "%s", name);
    cr_assert_eq(take_out(store, 1), STORE_MISS, "%s", name);
    cr_assert_eq(get(store, 1), -1, "%s", name);
    cr_assert_eq(get(store, 2), 100, "%s", name);
}

Test(sessions_store, removed)
{
    each_kind(check_removed, &usual);
}

static void check_not_kept(struct store *store, const char *name)
{
    static const uint8_t data[STORE_RECORD + 1];
    struct error_text error;
    struct store_key key = key_of(1);
    cr_assert_eq(store_put(store, &key, data, sizeof(data), 60, &error), STORE_MISS, "%s", name);
    cr_assert_eq(store_put(store, &key, data, 10, 0, &error), STORE_MISS, "%s", name);
    cr_assert_eq(store_put(store, &key, data, 10, -5, &error), STORE_MISS, "%s", name);
    cr_assert_eq(get(store, 1), -1, "%s", name);
}

Test(sessions_store, what_is_not_kept)
{
    each_kind(check_not_kept, &usual);
}

static void check_expires(struct store *store, const char *name)
{
    put(store, 1, 10, 2);
    put(store, 2, 10, 600);
    cr_assert_eq(get(store, 1), 10, "%s", name);
    for (int i = 0; i < PATIENCE_MS / 10 && get(store, 1) >= 0; i++)
        pause_ms(10);
    cr_assert_eq(get(store, 1), -1, "%s", name);
    cr_assert_eq(get(store, 2), 10, "%s", name);
}

Test(sessions_store, expires)
{
    each_kind(check_expires, &usual);
}

static void check_order(struct store *store, const char *name)
{
    for (unsigned i = 0; i < 50; i++) {
        put(store, i, 10, 60);
        for (unsigned j = 0; j <= i; j++)
            cr_assert_eq(get(store, j), i - j < FEW ? 10 : -1, "%s: %u after %u", name, j, i);
    }
}

Test(sessions_store, the_oldest_go_first)
{
    each_kind(check_order, &few);
}

static void *hammer(void *arg)
{
    struct store *store = arg;
    struct error_text own;
    uint8_t data[STORE_RECORD];
    size_t size;
    for (unsigned i = 0; i < 200; i++) {
        struct store_key key = key_of(i * 7 % 50), other = key_of(i * 5 % 50);
        memset(data, (int)(i * 7 % 50), 100);
        (void)store_put(store, &key, data, 100, 60, &own);
        if (store_get(store, &other, data, &size, &own) == STORE_DONE &&
            (size != 100 || data[0] != data[99] || data[0] != i * 5 % 50))
            return store;
        if (i % 4 == 0)
            (void)store_remove(store, &other, &own);
    }
    return NULL;
}

static void check_threads(struct store *store, const char *name)
{
    pthread_t threads[4];
    void *wrong;
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, hammer, store), 0);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], &wrong);
        cr_assert_null(wrong, "%s", name);
    }
    put(store, 1, 100, 60);
    cr_assert_eq(get(store, 1), 100, "%s", name);
}

Test(sessions_store, many_threads)
{
    each_kind(check_threads, &usual);
}
