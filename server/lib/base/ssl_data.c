#include "server/lib/base/ssl_data.h"

#include <pthread.h>
#include <stdlib.h>

struct entry {
    void *data;
    void (*release)(void *data); /* NULL: it is not ours */
};

struct ssl_data {
    struct entry entries[SSL_PARTS];
};

/* OpenSSL gives an index to the process, for all SSL objects. The library has no function that a
 * program calls first, so the first thread that needs the index takes it. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int slot = -1; /* written once, by make_slot() */

static void release_entry(struct entry *entry)
{
    if (entry->release)
        entry->release(entry->data);
}

static void release_all(void *ssl, void *pointer, CRYPTO_EX_DATA *ex_data, int index, long number,
                        void *arg)
{
    struct ssl_data *all = pointer; /* NULL: nothing was ever set */
    (void)ssl, (void)ex_data, (void)index, (void)number, (void)arg;
    for (int i = 0; all && i < SSL_PARTS; i++)
        release_entry(&all->entries[i]);
    free(all);
}

static void make_slot(void)
{
    slot = SSL_get_ex_new_index(0, NULL, NULL, NULL, release_all);
}

bool ssl_data_prepare(void)
{
    return pthread_once(&once, make_slot) == 0 && slot >= 0;
}

void *ssl_data_get(const SSL *ssl, enum ssl_part part)
{
    const struct ssl_data *all = SSL_get_ex_data(ssl, slot);
    return all ? all->entries[part].data : NULL;
}

/* NULL: no memory. */
static struct ssl_data *data_of(SSL *ssl)
{
    struct ssl_data *all = SSL_get_ex_data(ssl, slot);
    if (all)
        return all;
    all = calloc(1, sizeof(*all));
    if (all && SSL_set_ex_data(ssl, slot, all) == 1)
        return all;
    free(all);
    return NULL;
}

bool ssl_data_set(SSL *ssl, enum ssl_part part, void *data, void (*release)(void *data))
{
    struct entry entry = {data, release};
    struct ssl_data *all = data_of(ssl);
    if (!all) {
        release_entry(&entry);
        return false;
    }
    release_entry(&all->entries[part]);
    all->entries[part] = entry;
    return true;
}
