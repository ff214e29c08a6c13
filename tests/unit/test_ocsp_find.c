/* What is known of certificates, and who waits for it: no wake-up is lost, and a slow responder
 * holds up nobody but those who ask it. */
#include "relay/clock.h"
#include "server/lib/ocsp/ocsp.h"
#include "server/lib/ocsp/question.h"
#include "server/lib/ocsp/queue.h"
#include "tests/support/certs.h"
#include "tests/support/ocsp_responder.h"
#include "tests/support/resources.h"
#include "tests/support/share.h"

#include <criterion/criterion.h>
#include <openssl/ocsp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STUCK_S = 20 };

TestSuite(ocsp_find, .timeout = 120);

static struct scene {
    struct test_identity *ca, *leaf;
    struct ocsp_responder *responder;
    struct ocsp *ocsp;
} scene;

static void begin(void)
{
    scene.ca = test_ca_new("ca");
    scene.leaf = test_leaf_new(scene.ca, "DNS:a.example");
    scene.responder = ocsp_responder_new(scene.ca);
    scene.ocsp = ocsp_new();
    ocsp_start(scene.ocsp);
}

static void end(void)
{
    ocsp_free(scene.ocsp);
    ocsp_responder_free(scene.responder);
    test_identity_free(scene.leaf);
    test_identity_free(scene.ca);
}

/* A question of its own for each pair of numbers. HOST: the last byte of 127.0.0.HOST. */
static struct ocsp_source *source_of(unsigned host, unsigned number)
{
    char url[80];
    struct config_ocsp settings = {.timeout_ms = 60000, .responder = url};
    (void)snprintf(url, sizeof(url), "http://127.0.0.%u:%d/%u", host,
                   ocsp_responder_port(scene.responder), number);
    return ocsp_source_new(&settings, NULL);
}

static struct ocsp_peer peer_of(struct ocsp_source *source)
{
    return (struct ocsp_peer){source, scene.leaf->certificate, scene.ca->certificate};
}

/* ---- One that waits ------------------------------------------------------------------------ */

struct visitor {
    sem_t woken;
    struct ocsp_source *source;
    struct ocsp_waiter waiter;
};

static void wake(void *arg)
{
    struct visitor *visitor = arg;
    sem_post(&visitor->woken);
}

static void visitor_init(struct visitor *visitor, unsigned host, unsigned number)
{
    *visitor = (struct visitor){.waiter = {.wake = wake, .arg = visitor}};
    sem_init(&visitor->woken, 0, 0);
    visitor->source = source_of(host, number);
}

static enum ocsp_finding look(struct visitor *visitor)
{
    struct error_text why;
    struct ocsp_peer peer = peer_of(visitor->source);
    return ocsp_find(scene.ocsp, &peer, OCSP_LOOK_WAIT, &visitor->waiter, &why);
}

static bool is_woken(struct visitor *visitor)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STUCK_S;
    return sem_timedwait(&visitor->woken, &until) == 0;
}

static void visitor_end(struct visitor *visitor)
{
    ocsp_leave(&visitor->waiter);
    ocsp_source_release(visitor->source);
    sem_destroy(&visitor->woken);
}

static void requests_become(unsigned wanted)
{
    int64_t until_us = clock_deadline_ms(STUCK_S * 1000);
    while (ocsp_responder_requests(scene.responder) < wanted && clock_now_us() < until_us)
        pause_ms(5);
    cr_assert_eq(ocsp_responder_requests(scene.responder), wanted);
}

/* ---- Wake-ups ------------------------------------------------------------------------------ */

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

Test(ocsp_find, no_wake_up_is_lost, .init = begin, .fini = end)
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

Test(ocsp_find, all_who_wait_for_one_answer_are_woken, .init = begin, .fini = end)
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

/* ---- Slow responders ----------------------------------------------------------------------- */

Test(ocsp_find, a_slow_responder_has_few_threads, .init = begin, .fini = end)
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
Test(ocsp_find, slow_responders_of_peers_do_not_hold_up_our_own, .init = begin, .fini = end)
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

Test(ocsp_find, what_nobody_waits_for_is_not_asked, .init = begin, .fini = end)
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

Test(ocsp_find, questions_that_wait_are_bounded, .init = begin, .fini = end)
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

/* ---- What is taken ------------------------------------------------------------------------- */

/* The caller frees *BYTES. Returns the size. */
static int respond(const struct ocsp_peer peer, int status, long from_s, unsigned char **bytes)
{
    *bytes = NULL;
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), peer.certificate, peer.issuer);
    ASN1_TIME *from = X509_gmtime_adj(NULL, from_s), *until = X509_gmtime_adj(NULL, 3600);
    OCSP_basic_add1_status(basic, id, status, OCSP_REVOKED_STATUS_NOSTATUS,
                           status == V_OCSP_CERTSTATUS_REVOKED ? from : NULL, from, until);
    OCSP_basic_sign(basic, scene.ca->certificate, scene.ca->key, EVP_sha256(), NULL, 0);
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    int size = i2d_OCSP_RESPONSE(response, bytes);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return size;
}

static bool teach(struct ocsp_source *source, int status, long from_s)
{
    unsigned char *bytes;
    struct error_text why;
    struct ocsp_peer peer = peer_of(source);
    int size = respond(peer, status, from_s, &bytes);
    bool taught = ocsp_teach(scene.ocsp, &peer, bytes, (size_t)size, &why);
    OPENSSL_free(bytes);
    return taught;
}

Test(ocsp_find, an_older_response_does_not_displace_a_newer_one, .init = begin, .fini = end)
{
    struct visitor visitor;
    visitor_init(&visitor, 1, 0);
    cr_assert(teach(visitor.source, V_OCSP_CERTSTATUS_REVOKED, -60));
    cr_assert(teach(visitor.source, V_OCSP_CERTSTATUS_GOOD, -120));
    cr_assert_eq(look(&visitor), OCSP_FOUND_REVOKED);
    cr_assert(teach(visitor.source, V_OCSP_CERTSTATUS_GOOD, -30));
    cr_assert_eq(look(&visitor), OCSP_FOUND_GOOD);
    visitor_end(&visitor);
}

Test(ocsp_find, what_is_stapled_meanwhile_ends_the_wait, .init = begin, .fini = end)
{
    struct visitor visitor;
    visitor_init(&visitor, 1, 0);
    ocsp_responder_hold(scene.responder);
    cr_assert_eq(look(&visitor), OCSP_FOUND_PENDING);
    requests_become(1);
    cr_assert(teach(visitor.source, V_OCSP_CERTSTATUS_REVOKED, -30));
    cr_assert(is_woken(&visitor));
    cr_assert_eq(look(&visitor), OCSP_FOUND_REVOKED);
    ocsp_responder_go_on(scene.responder); /* with an older one, which says "good" */
    pause_ms(200);
    cr_assert_eq(look(&visitor), OCSP_FOUND_REVOKED);
    visitor_end(&visitor);
}

static void put_in_cache(const struct ocsp_peer peer, int status, long from_s)
{
    unsigned char *bytes;
    uint8_t key[OCSP_KEY_SIZE];
    struct ocsp_answer answer;
    struct error_text why;
    int size = respond(peer, status, from_s, &bytes);
    cr_assert(ocsp_question_key(peer.source, peer.certificate, key));
    cr_assert(ocsp_answer_read(&answer, bytes, (size_t)size, peer.certificate, peer.issuer, &why));
    cr_assert(ocsp_store_write(peer.source->cache, key, &answer, &why), "%s", why.text);
    ocsp_answer_free(&answer);
    OPENSSL_free(bytes);
}

/* What a peer has stapled of a certificate that becomes one of ours, too. */
Test(ocsp_find, an_older_response_of_the_cache_is_not_taken, .init = begin, .fini = end)
{
    struct visitor visitor;
    struct test_folder *folder = test_folder_new();
    const struct ocsp_report report = {.name = "ours"};
    visitor_init(&visitor, 1, 0);
    visitor.source->cache = strdup(test_folder_path(folder, "."));
    ocsp_responder_hold(scene.responder);
    put_in_cache(peer_of(visitor.source), V_OCSP_CERTSTATUS_GOOD, -120);
    cr_assert(teach(visitor.source, V_OCSP_CERTSTATUS_REVOKED, -30));
    struct ocsp_follower *ours = ocsp_follow(scene.ocsp, visitor.source, scene.leaf->certificate,
                                             scene.ca->certificate, &report);
    cr_assert_eq(look(&visitor), OCSP_FOUND_REVOKED);
    cr_assert_eq(ocsp_staple_until(ours), 0, "it is stapled");
    ocsp_unfollow(ours);
    visitor_end(&visitor);
    test_folder_free(folder);
}

Test(ocsp_find, who_can_be_asked, .init = begin, .fini = end)
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
