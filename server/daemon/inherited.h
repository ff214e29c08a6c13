/* Listening sockets that the service manager has opened for us and passes on, by the protocol of
 * sd_listen_fds(3): descriptors from 3 on, of which the environment has the number and the names.
 * Each name is that of a service. For one thread. */
#ifndef ACTPASS_SERVER_INHERITED_H
#define ACTPASS_SERVER_INHERITED_H

#include "config/config.h"
#include "config/error_text.h"

struct inherited;

/* The values of the environment variables with these names; NULL: not set. */
struct inherited_environment {
    const char *listen_pid;     /* whom the descriptors are for; if it is not us, there are none */
    const char *listen_fds;     /* how many there are */
    const char *listen_fdnames; /* their names with ':' between them */
    int first;                  /* the first of the descriptors: INHERITED_FIRST, but in tests */
};

enum { INHERITED_FIRST = 3 };

/* Takes over the descriptors, and makes them close at exec. Returns NULL with a sentence in ERROR
 * if the environment contradicts itself, or without memory. */
struct inherited *inherited_new(const struct inherited_environment *environment,
                                struct error_text *error);

/* Gives the caller a socket that has the name of the service and listens on ADDRESS, who closes it.
 * A port 0 fits any port. Returns -1 if there is none, or none any more; and -1 with a sentence in
 * ERROR if the address's name cannot be resolved. */
int inherited_take(struct inherited *inherited, const char *service,
                   const struct config_address *address, struct error_text *error);

/* Are there sockets of that name which none of the service's addresses has taken? Then true, with
 * one sentence in ERROR. */
bool inherited_explain(struct inherited *inherited, const char *service,
                       const struct config_listen *listen, struct error_text *error);

/* Does this socket listen on ADDRESS? A port 0 fits any port. False with a sentence in ERROR: its
 * name cannot be resolved. */
bool inherited_fits(int fd, const struct config_address *address, struct error_text *error);

/* The name of a socket that no service has taken or refused, or NULL. */
const char *inherited_left(const struct inherited *inherited);

/* Closes what was not taken. Accepts NULL. */
void inherited_free(struct inherited *inherited);

#endif
