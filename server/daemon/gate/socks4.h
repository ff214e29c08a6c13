/* SOCKS4, and 4a with names: the command CONNECT. The user's id is read and ignored, since the
 * peer is known by its certificate. For `curl --socks4a`. */
#ifndef ACTPASS_SERVER_GATE_SOCKS4_H
#define ACTPASS_SERVER_GATE_SOCKS4_H

#include "server/daemon/gate/protocol.h"

extern const struct gate_protocol gate_socks4;

#endif
