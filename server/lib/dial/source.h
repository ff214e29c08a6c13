/* From where a TCP connection is made: its local address, its network interface and its mark. */
#ifndef ACTPASS_SERVER_LIB_DIAL_SOURCE_H
#define ACTPASS_SERVER_LIB_DIAL_SOURCE_H

#include "config/config.h"
#include "server/lib/base/error.h"

#include <sys/socket.h>

/* Nothing in it is owned. All zero: the system's choice. */
struct source {
    const struct config_source *config;    /* NULL: none */
    const struct sockaddr_storage *client; /* whose address is taken with "transparent" */
};

/* Prepares an unconnected TCP socket that is to connect to FAMILY. False with one sentence in
 * ERROR: what the system refuses and what it would take, or that the source has no address of this
 * family. Any thread. */
bool source_apply(const struct source *source, int fd, int family, struct error_text *error);

/* Tries on sockets of its own whether the system allows what the source wants, as far as that can
 * be known without a client. Returns 0, or an errno with one sentence in ERROR: EPERM, if it takes
 * more rights. Any thread. */
int source_probe(const struct config_source *config, struct error_text *error);

/* An IPv4 client of a socket for both families has an IPv4 address. ADDRESS may be any address. */
void source_unmap(struct sockaddr_storage *address);

#endif
