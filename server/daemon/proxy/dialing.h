/* Connects to where the peer of a proxy has asked for, without waiting. For one task. */
#ifndef ACTPASS_SERVER_PROXY_DIALING_H
#define ACTPASS_SERVER_PROXY_DIALING_H

#include "server/daemon/gate/protocol.h"
#include "server/daemon/handlers/handler.h"
#include "server/daemon/proxy/rules.h"

struct proxy_dialing;

/* Is where the peer wants to go allowed, as far as that is known before names are resolved? NULL
 * with the outcome, and one sentence in job->problem. */
struct proxy_dialing *proxy_dialing_begin(struct handler_job *job,
                                          const struct gate_request *request,
                                          enum gate_outcome *outcome);

/* True: there is *FD, a connected non-blocking socket, with GATE_REACHED, or another outcome and
 * one sentence in job->problem. False: wait for job->own and job->deadline_us. */
bool proxy_dialing_step(struct proxy_dialing *dialing, struct handler_job *job, int *fd,
                        enum gate_outcome *outcome);

/* job->own is -1 then. NULL is fine. */
void proxy_dialing_end(struct proxy_dialing *dialing, struct handler_job *job);

#endif
