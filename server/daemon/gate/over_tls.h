/* A gate's talk (protocol.h) over TLS, on a non-blocking connection and on its thread. */
#ifndef ACTPASS_SERVER_GATE_OVER_TLS_H
#define ACTPASS_SERVER_GATE_OVER_TLS_H

#include "server/daemon/gate/protocol.h"
#include "server/include/actpass.h"

void gate_send(actpass_conn *conn, const struct gate_answer *answer);

/* Has the protocol read the *SIZE bytes of INPUT, sends what it answers to them on the way, and
 * removes what it has used. Never returns GATE_SEND. */
enum gate_next gate_read(const struct gate_protocol *protocol, struct gate_talk *talk,
                         actpass_conn *conn, unsigned char *input, size_t *size);

#endif
