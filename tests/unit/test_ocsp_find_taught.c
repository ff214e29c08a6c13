/* Of several responses, which one is taken: stapled by a peer, said to the thread that asks, or
 * kept in the cache. */
#include "tests/unit/test_ocsp_find.h"

#include "server/lib/ocsp/question.h"

#include <string.h>

TestSuite(ocsp_find_taught, .timeout = 120, .init = begin, .fini = end);

Test(ocsp_find_taught, an_older_response_does_not_displace_a_newer_one)
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

Test(ocsp_find_taught, what_is_stapled_meanwhile_ends_the_wait)
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
    int size = response_of(&peer, status, from_s, &bytes);
    cr_assert(ocsp_question_key(peer.source, peer.certificate, key));
    cr_assert(ocsp_answer_read(&answer, bytes, (size_t)size, peer.certificate, peer.issuer, &why));
    cr_assert(ocsp_store_write(peer.source->cache, key, &answer, &why), "%s", why.text);
    ocsp_answer_free(&answer);
    OPENSSL_free(bytes);
}

/* What a peer has stapled of a certificate that becomes one of ours, too. */
Test(ocsp_find_taught, an_older_response_of_the_cache_is_not_taken)
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
