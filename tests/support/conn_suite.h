/* What the suites about connections share: the world of each test, and the ways to run it. */
#ifndef ACTPASS_TESTS_SUPPORT_CONN_SUITE_H
#define ACTPASS_TESTS_SUPPORT_CONN_SUITE_H

#include "tests/support/conn_rig.h"
#include "tests/support/resources.h"

/* Around each test. At its end nothing may be left behind. */
struct conn_suite {
    struct conn_world world;
    struct resources before;
};
void conn_suite_begin(struct conn_suite *suite);
void conn_suite_end(struct conn_suite *suite);

extern const actpass_transport conn_transports[2]; /* relay, direct */

/* Both roles, versions and transports, with calls that block (0 to 7) and in an event loop; the
 * defaults of each. */
enum { CONN_WAYS = 16 };
struct conn_rig_options conn_way(int which);

/* The next one to test. Sanitizers, which are slow, see half of them, in which each choice of one
 * kind occurs with each of another. */
int conn_next_way(int which);

bool conn_shakes_hands(struct conn_rig *rig);

/* Joins the peer. Neither side may have failed. */
void conn_must_be_good(bool good, struct conn_rig *rig, int which);

/* Closes our side. The close reason must be WANT. */
void conn_must_end(struct conn_rig *rig, actpass_end want, int which);

#endif
