#include "server/lib/shared.h"

#include "relay/lock.h"
#include "relay/ring_pool.h"
#include "relay/threads.h"
#include "server/lib/ocsp/ocsp.h"
#include "server/lib/peers.h"
#include "server/lib/tls/own_keys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { RELAY_STACK = 65536, KEEP_THREADS = 64, KEEP_MS = 5000, UNFIT_MAX = 1024 };

struct shared {
    atomic_uint references;
    atomic_flag warned;
    struct own_keys *own_keys;
    struct ring_pool *ring_pool;

    pthread_mutex_t lock;    /* guards the making of what follows */
    struct threads *threads; /* NULL: not needed yet, as the next one */
    struct peers *unfit;
    struct ocsp *ocsp;
};

struct shared *shared_new(void)
{
    struct shared *shared = calloc(1, sizeof(*shared));
    if (!shared)
        return NULL;
    shared->own_keys = own_keys_new();
    if (!shared->own_keys)
        goto out;
    shared->ring_pool = ring_pool_new();
    if (!shared->ring_pool)
        goto out_keys;
    if (pthread_mutex_init(&shared->lock, NULL))
        goto out_pool;
    atomic_init(&shared->references, 1);
    atomic_flag_clear(&shared->warned);
    return shared;
out_pool:
    ring_pool_free(shared->ring_pool);
out_keys:
    own_keys_free(shared->own_keys);
out:
    free(shared);
    return NULL;
}

struct shared *shared_hold(struct shared *shared)
{
    atomic_fetch_add(&shared->references, 1);
    return shared;
}

void shared_release(struct shared *shared)
{
    if (!shared || atomic_fetch_sub(&shared->references, 1) > 1)
        return;
    ocsp_free(shared->ocsp);
    if (shared->threads)
        threads_free(shared->threads);
    peers_free(shared->unfit);
    ring_pool_free(shared->ring_pool);
    own_keys_free(shared->own_keys);
    pthread_mutex_destroy(&shared->lock);
    free(shared);
}

struct own_keys *shared_own_keys(struct shared *shared)
{
    return shared->own_keys;
}

struct ring_pool *shared_ring_pool(struct shared *shared)
{
    return shared->ring_pool;
}

struct threads *shared_threads(struct shared *shared)
{
    lock_take(&shared->lock);
    if (!shared->threads)
        shared->threads = threads_new(RELAY_STACK, KEEP_THREADS, KEEP_MS);
    struct threads *threads = shared->threads;
    lock_release(&shared->lock);
    return threads;
}

struct peers *shared_unfit(struct shared *shared)
{
    lock_take(&shared->lock);
    if (!shared->unfit)
        shared->unfit = peers_new(UNFIT_MAX);
    struct peers *unfit = shared->unfit;
    lock_release(&shared->lock);
    return unfit;
}

struct ocsp *shared_ocsp(struct shared *shared)
{
    lock_take(&shared->lock);
    if (!shared->ocsp)
        shared->ocsp = ocsp_new();
    struct ocsp *ocsp = shared->ocsp;
    lock_release(&shared->lock);
    return ocsp;
}

bool shared_may_warn(struct shared *shared)
{
    return !atomic_flag_test_and_set(&shared->warned);
}
