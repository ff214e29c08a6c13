/* The PROXY header that a backend gets first, so that it knows whose connection it serves. */
#ifndef ACTPASS_SERVER_HANDLERS_PROXY_OUT_H
#define ACTPASS_SERVER_HANDLERS_PROXY_OUT_H

#include "config/config.h"
#include "server/daemon/handlers/proxy_header.h"
#include "server/include/actpass.h"

/* Writes the header for a connection whose handshake is complete to OUT, which has
 * PROXY_HEADER_MAX bytes, and returns its length; 0 for CONFIG_PROXY_HEADER_NONE. Version 1 has the
 * addresses only; version 2 also says what was agreed on in TLS, and the common name of the peer's
 * certificate, as far as that fits. For the connection's thread. */
size_t proxy_out_write(actpass_conn *conn, const struct sockaddr_storage *destination,
                       enum config_proxy_header version, void *out);

#endif
