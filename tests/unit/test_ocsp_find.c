/* Who waits for what is not known yet: no wake-up is lost. And who can be asked at all. */
#include "tests/unit/test_ocsp_find.h"

#include "tests/support/share.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

TestSuite(ocsp_find, .timeout = 120, .init = begin, .fini = end);

static atomic_uint lost, wrong;

/* Some stay until they are woken, some leave at any moment. */
static void *visit_often(void *arg)
{
    enum { ROUNDS = 400, QUESTIONS_AT_ONCE = 4 };
    unsigned seed = (unsigned)(size_t)arg;
    for (unsigned round = 0; round < TEST_ROUNDS(ROUNDS); round++) {
        struct visitor visitor;
        visitor_init(&visitor, 1, round / 4 * QUESTIONS_AT_ONCE + (unsigned)rand_r(&seed) % 4);
        enum ocsp_finding finding = look(&visitor);
        bool stays = rand_r(&seed) % 4 > 0;
        if (finding == OCSP_FOUND_PENDING && !stays)
            usleep((unsigned)rand_r(&seed) % 2000);
        while (finding == OCSP_FOUND_PENDING && stays) {
            bool woken = is_woken(&visitor);
            lost += !woken;
            finding = look(&visitor);
            stays = woken;
        }
        wrong += finding != OCSP_FOUND_PENDING && finding != OCSP_FOUND_GOOD;
        visitor_end(&visitor);
    }
    return NULL;
}

Test(ocsp_find, no_wake_up_is_lost)
{
    enum { THREADS = 12 };
    pthread_t threads[THREADS];
    ocsp_responder_delay(scene.responder, 1000);
    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, visit_often, (void *)(i + 1)), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(lost, 0);
    cr_assert_eq(wrong, 0);
}

Test(ocsp_find, all_who_wait_for_one_answer_are_woken)
{
    enum { VISITORS = 200 };
    static struct visitor visitors[VISITORS];
    ocsp_responder_hold(scene.responder);
    for (int i = 0; i < VISITORS; i++) {
        visitor_init(&visitors[i], 1, 0);
        cr_assert_eq(look(&visitors[i]), OCSP_FOUND_PENDING);
    }
    visitor_end(&visitors[7]);
    requests_become(1);
    ocsp_responder_go_on(scene.responder);
    for (int i = 0; i < VISITORS; i++) {
        if (i == 7)
            continue;
        cr_assert(is_woken(&visitors[i]));
        cr_assert_eq(look(&visitors[i]), OCSP_FOUND_GOOD);
        visitor_end(&visitors[i]);
    }
    cr_assert_eq(ocsp_responder_requests(scene.responder), 1);
}

Test(ocsp_find, who_can_be_asked)
{
    struct config_ocsp settings = {.timeout_ms = 1000};
    struct ocsp_source *nobody = ocsp_source_new(&settings, NULL), *somebody = source_of(1, 0);
    struct ocsp_peer peer = peer_of(nobody);
    cr_assert_not(ocsp_can_find(scene.ocsp, &peer), "the certificate names no responder");
    peer.source = somebody;
    cr_assert(ocsp_can_find(scene.ocsp, &peer));
    peer.issuer = NULL;
    cr_assert_not(ocsp_can_find(scene.ocsp, &peer));
    cr_assert(teach(somebody, V_OCSP_CERTSTATUS_GOOD, -60));
    cr_assert(ocsp_can_find(scene.ocsp, &peer), "it is known");
    ocsp_source_release(nobody);
    ocsp_source_release(somebody);
}
