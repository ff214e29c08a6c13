/* SOCKS5 (RFC 1928): the method "no authentication", the command CONNECT, names and addresses. For
 * `curl --socks5-hostname` and `ssh -o ProxyCommand='nc -X 5 ...'`. SOCKS4 is refused in its own
 * terms. */
#ifndef ACTPASS_SERVER_GATE_SOCKS5_H
#define ACTPASS_SERVER_GATE_SOCKS5_H

#include "server/daemon/gate/protocol.h"

extern const struct gate_protocol gate_socks5;

#endif
