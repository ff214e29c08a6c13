/* Offers and callers of the pool of a fleet that come and go on many threads. */
#include "tests/unit/test_pool.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

enum { THREADS = 4, ROUNDS = 4000, NAMES = 3 };

struct churn {
    struct scene scene;
    atomic_uint accepted, joined, wrong;
};

/* The name is in the descriptor, so that a wrong join shows. */
static void offer_some(struct churn *churn, unsigned *seed)
{
    struct pool_offer offer;
    struct pool_request request;
    char name[2] = {(char)('a' + rand_r(seed) % NAMES), '\0'};
    bool done = false;
    park(&churn->scene, &offer, name, (uint64_t)name[0]);
    for (int i = rand_r(seed) % 20; i > 0 && !done; i--) {
        done = pool_offer_state(&offer) == POOL_WANTED && pool_accept(&offer, &request);
        if (done) {
            bool right = strcmp(request.name, name) == 0 && request.fd == name[0];
            atomic_fetch_add(&churn->wrong, !right);
            atomic_fetch_add(&churn->accepted, 1);
        }
        (void)sched_yield();
    }
    pool_leave(&offer);
}

static void call_some(struct churn *churn, unsigned *seed)
{
    struct pool_caller caller;
    char name[2] = {(char)('a' + rand_r(seed) % NAMES), '\0'};
    call(&churn->scene, &caller, name, name[0]);
    for (int i = rand_r(seed) % 20; i > 0 && pool_caller_state(&caller) != POOL_JOINED; i--)
        (void)sched_yield();
    bool joined = !pool_cancel(&caller);
    bool right = caller.request.fd == (joined ? -1 : name[0]) &&
                 (!joined || caller.joined_number == (uint64_t)name[0]);
    atomic_fetch_add(&churn->wrong, !right);
    atomic_fetch_add(&churn->joined, joined);
}

static void *offers_thread(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)pthread_self();
    for (int i = 0; i < ROUNDS; i++)
        offer_some(arg, &seed);
    return NULL;
}

static void *calls_thread(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)pthread_self();
    for (int i = 0; i < ROUNDS; i++)
        call_some(arg, &seed);
    return NULL;
}

Test(pool_churn, nobody_is_lost_or_joined_to_another_name, .timeout = 60)
{
    struct churn churn = {.accepted = 0};
    pthread_t threads[THREADS];
    begin(&churn.scene);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(
            pthread_create(&threads[i], NULL, i % 2 ? offers_thread : calls_thread, &churn), 0);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    cr_assert_eq(atomic_load(&churn.wrong), 0);
    cr_assert_gt(atomic_load(&churn.accepted), 0);
    cr_assert_eq(atomic_load(&churn.accepted), atomic_load(&churn.joined));
    cr_assert_eq(pool_count(churn.scene.pool).joined, atomic_load(&churn.joined));
    end(&churn.scene);
}
