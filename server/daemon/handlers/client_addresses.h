/* Where a connection comes from, and where its client wanted to go. */
#ifndef ACTPASS_SERVER_HANDLERS_CLIENT_ADDRESSES_H
#define ACTPASS_SERVER_HANDLERS_CLIENT_ADDRESSES_H

#include "server/daemon/handlers/handler.h"

#include <sys/socket.h>

/* Both ends of the client's connection: of ours, or, if a proxy has said so ("accept_proxy"), of
 * that with the proxy. False: they are not known, and both are AF_UNSPEC. For the connection's
 * thread. */
bool client_addresses(const struct handler_job *job, struct sockaddr_storage *source,
                      struct sockaddr_storage *destination);

#endif
