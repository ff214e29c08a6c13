/* An OCSP responder in this process, for tests of what asks it: it says "good" of every certificate
 * of its CA. A thread accepts, and each connection has one of its own. A failed system call ends
 * the test program with a message. */
#ifndef ACTPASS_TESTS_SUPPORT_OCSP_RESPONDER_H
#define ACTPASS_TESTS_SUPPORT_OCSP_RESPONDER_H

#include "tests/support/certs.h"

#include <openssl/ocsp.h>
#include <stdbool.h>

struct ocsp_responder;

/* Listens at all of 127.0.0.0/8. CA must outlive it. */
struct ocsp_responder *ocsp_responder_new(const struct test_identity *ca);
void ocsp_responder_free(struct ocsp_responder *responder);

int ocsp_responder_port(const struct ocsp_responder *responder);

/* Takes requests, but answers none from now on; and answers all that wait. Any thread. */
void ocsp_responder_hold(struct ocsp_responder *responder);
void ocsp_responder_go_on(struct ocsp_responder *responder);

/* Each answer comes after up to so many microseconds, by chance. */
void ocsp_responder_delay(struct ocsp_responder *responder, unsigned us_max);

unsigned ocsp_responder_requests(const struct ocsp_responder *responder); /* that have come */

/* A response about the certificate with this ID, with one of V_OCSP_CERTSTATUS_..., which holds
 * from FROM_S seconds from now on for an hour. The caller frees *BYTES. Returns the size. */
int ocsp_response_new(const struct test_identity *signer, OCSP_CERTID *id, int status, long from_s,
                      unsigned char **bytes);

#endif
