/* Shared by the tests of what is known of certificates: a CA with its responder, and visitors who
 * wait for what that says. Each call that fails ends the test. */
#ifndef ACTPASS_TEST_OCSP_FIND_H
#define ACTPASS_TEST_OCSP_FIND_H

#include "relay/clock.h"
#include "server/lib/ocsp/ocsp.h"
#include "tests/support/certs.h"
#include "tests/support/ocsp_responder.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <openssl/ocsp.h>
#include <semaphore.h>
#include <stdio.h>
#include <time.h>

enum { STUCK_S = 20 };

static struct scene {
    struct test_identity *ca, *leaf;
    struct ocsp_responder *responder;
    struct ocsp *ocsp;
} scene;

static inline void begin(void)
{
    scene.ca = test_ca_new("ca");
    scene.leaf = test_leaf_new(scene.ca, "DNS:a.example");
    scene.responder = ocsp_responder_new(scene.ca);
    scene.ocsp = ocsp_new();
    ocsp_start(scene.ocsp);
}

static inline void end(void)
{
    ocsp_free(scene.ocsp);
    ocsp_responder_free(scene.responder);
    test_identity_free(scene.leaf);
    test_identity_free(scene.ca);
}

/* A question of its own for each pair of numbers. HOST: the last byte of 127.0.0.HOST. */
static inline struct ocsp_source *source_of(unsigned host, unsigned number)
{
    char url[80];
    struct config_ocsp settings = {.timeout_ms = 60000, .responder = url};
    (void)snprintf(url, sizeof(url), "http://127.0.0.%u:%d/%u", host,
                   ocsp_responder_port(scene.responder), number);
    return ocsp_source_new(&settings, NULL);
}

static inline struct ocsp_peer peer_of(struct ocsp_source *source)
{
    return (struct ocsp_peer){source, scene.leaf->certificate, scene.ca->certificate};
}

/* ---- One that waits ------------------------------------------------------------------------ */

struct visitor {
    sem_t woken;
    struct ocsp_source *source;
    struct ocsp_waiter waiter;
};

static inline void wake(void *arg)
{
    struct visitor *visitor = arg;
    sem_post(&visitor->woken);
}

static inline void visitor_init(struct visitor *visitor, unsigned host, unsigned number)
{
    *visitor = (struct visitor){.waiter = {.wake = wake, .arg = visitor}};
    sem_init(&visitor->woken, 0, 0);
    visitor->source = source_of(host, number);
}

static inline enum ocsp_finding look(struct visitor *visitor)
{
    struct error_text why;
    struct ocsp_peer peer = peer_of(visitor->source);
    return ocsp_find(scene.ocsp, &peer, OCSP_LOOK_WAIT, &visitor->waiter, &why);
}

static inline bool is_woken(struct visitor *visitor)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STUCK_S;
    return sem_timedwait(&visitor->woken, &until) == 0;
}

static inline void visitor_end(struct visitor *visitor)
{
    ocsp_leave(&visitor->waiter);
    ocsp_source_release(visitor->source);
    sem_destroy(&visitor->woken);
}

static inline void requests_become(unsigned wanted)
{
    int64_t until_us = clock_deadline_ms(STUCK_S * 1000);
    while (ocsp_responder_requests(scene.responder) < wanted && clock_now_us() < until_us)
        pause_ms(5);
    cr_assert_eq(ocsp_responder_requests(scene.responder), wanted);
}

/* ---- What a responder has said before ------------------------------------------------------ */

/* The caller frees *BYTES. Returns the size. */
static inline int response_of(const struct ocsp_peer *peer, int status, long from_s,
                              unsigned char **bytes)
{
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), peer->certificate, peer->issuer);
    int size = ocsp_response_new(scene.ca, id, status, from_s, bytes);
    OCSP_CERTID_free(id);
    return size;
}

static inline bool teach(struct ocsp_source *source, int status, long from_s)
{
    unsigned char *bytes;
    struct error_text why;
    struct ocsp_peer peer = peer_of(source);
    int size = response_of(&peer, status, from_s, &bytes);
    bool taught = ocsp_teach(scene.ocsp, &peer, bytes, (size_t)size, &why);
    OPENSSL_free(bytes);
    return taught;
}

#endif
