/* OCSP in the background: responses for our own certificates, which are fetched before they are
 * needed, and for those of peers, when one is to be judged. No caller waits here for a responder.
 * One for all configurations that share (shared.h). Any thread.
 *
 * Threads: none until ocsp_start; then one that begins what is due, and more that each ask one
 * responder (queue.h says how many, and for whom).
 * Lock: its own. The reports of followers are called under it, so they may take the log's; and so
 * are the wake-ups of waiters, which may take the lock of a relay or of the crew. */
#ifndef ACTPASS_SERVER_LIB_OCSP_OCSP_H
#define ACTPASS_SERVER_LIB_OCSP_OCSP_H

#include "server/lib/ocsp/answer.h"
#include "server/lib/ocsp/callers.h"
#include "server/lib/ocsp/source.h"

struct ocsp;

struct ocsp *ocsp_new(void);       /* NULL: no memory */
void ocsp_free(struct ocsp *ocsp); /* may be NULL; nobody follows any more. Ends its threads */

/* Begins to fetch. Not before the process has confined itself. Again: does nothing. */
void ocsp_start(struct ocsp *ocsp);

/* ---- Our own certificates ------------------------------------------------------------------ */

struct ocsp_follower;

/* Keeps a response for CERTIFICATE at hand from now on. Takes one from the source's cache at once,
 * if that has one. NULL: no memory. */
struct ocsp_follower *ocsp_follow(struct ocsp *ocsp, struct ocsp_source *source, X509 *certificate,
                                  X509 *issuer, const struct ocsp_report *report);
void ocsp_unfollow(struct ocsp_follower *follower); /* may be NULL; no report after it */

/* A copy of the current response if that says "good"; the caller frees it with OPENSSL_free. NULL:
 * there is none now. */
unsigned char *ocsp_copy_staple(const struct ocsp_follower *follower, size_t *size);

/* Until when the current response is good, in seconds since 1970; 0: there is none now. */
int64_t ocsp_staple_until(const struct ocsp_follower *follower);

/* ---- Peers --------------------------------------------------------------------------------- */

/* ISSUER may be NULL: then only what was asked before is known. */
struct ocsp_peer {
    struct ocsp_source *source;
    X509 *certificate, *issuer;
};

enum ocsp_finding {
    OCSP_FOUND_GOOD,
    OCSP_FOUND_REVOKED,
    OCSP_FOUND_UNKNOWN,     /* the responder does not know the certificate */
    OCSP_FOUND_UNAVAILABLE, /* nothing that can be relied on is there; WHY says why */
    OCSP_FOUND_PENDING      /* it is being asked */
};

/* What if nothing is known? */
enum ocsp_look {
    OCSP_LOOK_ONLY, /* do not ask */
    OCSP_LOOK_WAIT, /* ask, as long as WAITER waits */
    OCSP_LOOK_ASK   /* ask, and nobody waits */
};

/* What is known of a certificate. Failures are kept for a while as well. After PENDING, WAITER,
 * which is for OCSP_LOOK_WAIT alone, is woken once there is something: look again then. */
enum ocsp_finding ocsp_find(struct ocsp *ocsp, const struct ocsp_peer *peer, enum ocsp_look look,
                            struct ocsp_waiter *waiter, struct error_text *why);

/* Is the answer known, or is there somebody who could be asked for it? Asks nobody. */
bool ocsp_can_find(struct ocsp *ocsp, const struct ocsp_peer *peer);

/* Waits no more. A question that nobody waits for is not asked, if it was not begun yet. Must come
 * before the waiter's memory is freed. Does nothing if it never waited. */
void ocsp_leave(struct ocsp_waiter *waiter);

/* Takes a response from elsewhere, such as a stapled one, which is verified. False with error. */
bool ocsp_teach(struct ocsp *ocsp, const struct ocsp_peer *peer, const unsigned char *der,
                size_t size, struct error_text *error);

#endif
