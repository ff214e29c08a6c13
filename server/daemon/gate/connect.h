/* HTTP CONNECT (RFC 9110 section 9.3.6, RFC 9112 section 3.2.3), for `curl --proxy`, `nc -X
 * connect`, `ssh -o ProxyCommand` and browsers. The head is read as strictly as any
 * (handlers/http/parse.h): authority form with a port; one Host in HTTP/1.1, which names the same;
 * no content. Any other method is answered 405. Proxy-Authorization is ignored: who may reach whom
 * is decided by the client's certificate. */
#ifndef ACTPASS_SERVER_GATE_CONNECT_H
#define ACTPASS_SERVER_GATE_CONNECT_H

#include "server/daemon/gate/protocol.h"

extern const struct gate_protocol gate_connect;

#endif
