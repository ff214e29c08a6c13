/* Asks a responder about a certificate, over HTTP (RFC 6960 appendix A). Blocks; any thread. */
#ifndef ACTPASS_SERVER_LIB_OCSP_FETCH_H
#define ACTPASS_SERVER_LIB_OCSP_FETCH_H

#include "server/lib/ocsp/answer.h"
#include "server/lib/ocsp/question.h"

/* Who has chosen the name of the responder: its lookup takes its turn accordingly (resolve.h). */
enum ocsp_chosen_by { OCSP_CHOSEN_BY_US, OCSP_CHOSEN_BY_PEER };

/* Gives up after the source's timeout, which is for all of it: the lookup of the name, the
 * connection, a proxy, and the answer; and once CANCEL_FD is readable (-1: never). The caller ends
 * ANSWER with ocsp_answer_free. False with error, which names the responder. */
bool ocsp_fetch(const struct ocsp_question *question, enum ocsp_chosen_by chosen_by, int cancel_fd,
                struct ocsp_answer *answer, struct error_text *error);

#endif
