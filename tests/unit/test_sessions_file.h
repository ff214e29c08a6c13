/* Shared by the tests of the file store: a folder with one, and records that say who has written
 * them. Each call that fails ends the test. */
#ifndef ACTPASS_TEST_SESSIONS_FILE_H
#define ACTPASS_TEST_SESSIONS_FILE_H

#include "server/lib/sessions/file.h"
#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

static const struct store_limits usual = {1000, 4 * 1024 * 1024};
static struct test_folder *folder;
static struct error_text error;
static struct error_text problem;

static inline void set_up(void)
{
    folder = test_folder_new();
}

/* The folder knows only the files that were made with its functions. */
static inline void tear_down(void)
{
    (void)unlink(test_folder_path(folder, "store"));
    (void)unlink(test_folder_path(folder, "store-lock"));
    (void)unlink(test_folder_path(folder, "store-damaged"));
    test_folder_free(folder);
}

static inline struct store *open_store(const struct store_limits *limits)
{
    struct store *store = store_file_new(test_folder_path(folder, "store"), limits, &error);
    cr_assert_not_null(store, "%s", error.text);
    return store;
}

static inline struct store_key key_of(unsigned number)
{
    struct store_key key = {{0}};
    number = number * 2654435761U; /* in no order, as digests are */
    memcpy(key.bytes, &number, sizeof(number));
    return key;
}

static inline enum store_result try_put(struct store *store, unsigned number, size_t size,
                                        int64_t lifetime_s)
{
    uint8_t data[STORE_RECORD];
    struct store_key key = key_of(number);
    memset(data, (int)number, sizeof(data));
    return store_put(store, &key, data, size, lifetime_s, &problem);
}

/* A store answers before a handshake would have to wait for it. On a slow machine, ask again. */
static inline bool is_busy(enum store_result result, int round)
{
    return result != STORE_DONE && result != STORE_MISS && round < 50 &&
           strstr(problem.text, "it was busy");
}

static inline void put(struct store *store, unsigned number, size_t size, int64_t lifetime_s)
{
    enum store_result result = try_put(store, number, size, lifetime_s);
    for (int round = 0; is_busy(result, round); round++)
        result = try_put(store, number, size, lifetime_s);
    cr_assert_eq(result, STORE_DONE, "%s", problem.text);
}

/* The size of the record, or -1: there is none, -2: it is damaged, -3: failure. */
static inline int get(struct store *store, unsigned number)
{
    uint8_t data[STORE_RECORD];
    size_t size = 0;
    struct store_key key = key_of(number);
    enum store_result result = store_get(store, &key, data, &size, &problem);
    for (int round = 0; is_busy(result, round); round++)
        result = store_get(store, &key, data, &size, &problem);
    if (result != STORE_DONE)
        return result == STORE_MISS ? -1 : -3;
    for (size_t i = 0; i < size; i++)
        if (data[i] != (uint8_t)number)
            return -2;
    return (int)size;
}

#endif
