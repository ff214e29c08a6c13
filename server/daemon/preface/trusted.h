/* Whose headers of the PROXY protocol are believed. Pure. */
#ifndef ACTPASS_SERVER_PREFACE_TRUSTED_H
#define ACTPASS_SERVER_PREFACE_TRUSTED_H

#include "config/config.h"

#include <stdbool.h>
#include <sys/socket.h>

/* Must a connection from this address begin with a header? A unix socket's have no address: there,
 * all must, since the permissions of the socket say who may connect. */
bool proxy_is_trusted(const struct config_service *config, const struct sockaddr_storage *from);

#endif
