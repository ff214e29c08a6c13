/* Questions that wait to be asked: a slow responder holds up nobody but those who ask it. */
#include "server/lib/ocsp/queue.h"

#include "tests/unit/test_ocsp_find.h"

#include <string.h>

TestSuite(ocsp_queue, .timeout = 120, .init = begin, .fini = end);

Test(ocsp_queue, a_slow_responder_has_few_threads)
{
    enum { QUESTIONS = 40 };
    static struct visitor visitors[QUESTIONS];
    struct visitor other;
    struct ocsp_responder *slow = scene.responder, *fine = ocsp_responder_new(scene.ca);
    ocsp_responder_hold(slow);
    for (unsigned i = 0; i < QUESTIONS; i++) {
        visitor_init(&visitors[i], 1, i);
        cr_assert_eq(look(&visitors[i]), OCSP_FOUND_PENDING);
    }
    requests_become(QUEUE_HOST_MIN);
    scene.responder = fine;
    visitor_init(&other, 1, 0);
    cr_assert_eq(look(&other), OCSP_FOUND_PENDING);
    cr_assert(is_woken(&other), "the slow one holds up the other");
    cr_assert_eq(look(&other), OCSP_FOUND_GOOD);
    visitor_end(&other);
    scene.responder = slow;
    cr_assert_eq(ocsp_responder_requests(slow), (unsigned)QUEUE_HOST_MIN);
    for (unsigned i = 0; i < QUESTIONS; i++)
        visitor_end(&visitors[i]);
    ocsp_responder_free(fine);
}

/* 200 peers, each with a responder of its own that says nothing. */
Test(ocsp_queue, slow_responders_of_peers_do_not_hold_up_our_own)
{
    enum { PEERS = 200 };
    static struct visitor visitors[PEERS];
    struct ocsp_responder *slow = scene.responder, *fine = ocsp_responder_new(scene.ca);
    ocsp_responder_hold(slow);
    for (unsigned i = 0; i < PEERS; i++) {
        visitor_init(&visitors[i], 1 + i, 0);
        cr_assert_eq(look(&visitors[i]), OCSP_FOUND_PENDING);
    }
    requests_become(QUEUE_LANE_MAX);
    scene.responder = fine;
    struct ocsp_source *source = source_of(1, 0);
    const struct ocsp_report report = {.name = "own"};
    struct ocsp_follower *follower =
        ocsp_follow(scene.ocsp, source, scene.leaf->certificate, scene.ca->certificate, &report);
    int64_t until_us = clock_deadline_ms(STUCK_S * 1000);
    while (ocsp_staple_until(follower) == 0 && clock_now_us() < until_us)
        pause_ms(5);
    cr_assert_gt(ocsp_staple_until(follower), 0, "peers hold up our own certificate");
    ocsp_unfollow(follower);
    ocsp_source_release(source);
    scene.responder = slow;
    for (unsigned i = 0; i < PEERS; i++)
        visitor_end(&visitors[i]);
    ocsp_responder_free(fine);
}

Test(ocsp_queue, what_nobody_waits_for_is_not_asked)
{
    struct visitor visitors[QUEUE_HOST_MIN + 2];
    ocsp_responder_hold(scene.responder);
    for (unsigned i = 0; i < QUEUE_HOST_MIN + 2; i++) {
        visitor_init(&visitors[i], 1, i);
        cr_assert_eq(look(&visitors[i]), OCSP_FOUND_PENDING);
    }
    requests_become(QUEUE_HOST_MIN);
    struct error_text why;
    struct ocsp_peer peer = peer_of(visitors[QUEUE_HOST_MIN].source); /* not asked yet */
    cr_assert_eq(ocsp_find(scene.ocsp, &peer, OCSP_LOOK_ONLY, NULL, &why), OCSP_FOUND_PENDING);
    visitor_end(&visitors[QUEUE_HOST_MIN]);
    ocsp_responder_go_on(scene.responder);
    cr_assert(is_woken(&visitors[QUEUE_HOST_MIN + 1]));
    for (unsigned i = 0; i < QUEUE_HOST_MIN; i++) {
        cr_assert(is_woken(&visitors[i]));
        visitor_end(&visitors[i]);
    }
    visitor_end(&visitors[QUEUE_HOST_MIN + 1]);
    cr_assert_eq(ocsp_responder_requests(scene.responder), (unsigned)QUEUE_HOST_MIN + 1);
}

Test(ocsp_queue, questions_that_wait_are_bounded)
{
    enum { QUESTIONS = QUEUE_PEERS_MAX + QUEUE_HOST_MIN };
    static struct visitor visitors[QUESTIONS];
    struct visitor more;
    struct error_text why = {.text = ""};
    ocsp_responder_hold(scene.responder);
    for (unsigned i = 0; i < QUESTIONS; i++) {
        visitor_init(&visitors[i], 1, i);
        cr_assert_eq(look(&visitors[i]), OCSP_FOUND_PENDING, "question %u", i);
        if (i + 1 == QUEUE_HOST_MIN)
            requests_become(QUEUE_HOST_MIN);
    }
    visitor_init(&more, 2, 0);
    struct ocsp_peer peer = peer_of(more.source);
    cr_assert_eq(ocsp_find(scene.ocsp, &peer, OCSP_LOOK_WAIT, &more.waiter, &why),
                 OCSP_FOUND_UNAVAILABLE);
    cr_assert_not_null(strstr(why.text, "too many"), "%s", why.text);
    visitor_end(&visitors[QUESTIONS - 1]);
    cr_assert_eq(look(&more), OCSP_FOUND_PENDING, "there is room again");
    visitor_end(&more);
    for (unsigned i = 0; i + 1 < QUESTIONS; i++)
        visitor_end(&visitors[i]);
}
