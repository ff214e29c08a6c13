/* Listening sockets that a running actpass has handed over to this one, which is to replace it. For
 * one thread. */
#ifndef ACTPASS_SERVER_HANDED_H
#define ACTPASS_SERVER_HANDED_H

#include "config/config.h"
#include "server/daemon/listener.h"

struct handed;

/* NULL: out of memory. */
struct handed *handed_new(void);
void handed_free(struct handed *handed); /* closes what was not taken; accepts NULL */

/* Adds a socket, which is taken also on failure. WHAT is "admin", "control", or "service" and a
 * space and its name. False: out of memory. */
bool handed_add(struct handed *handed, const char *what, enum listener_owner owner, int fd);

/* Gives the caller the listener for ADDRESS: that of WHAT, or, if that listens elsewhere, any one
 * that listens on ADDRESS. NULL: there is none, or, with a sentence in ERROR, it cannot be used. */
struct listener *handed_take(struct handed *handed, const char *what,
                             const struct config_address *address, struct error_text *error);

/* That process does not listen any more: removes the files of unix sockets that nobody has taken,
 * and frees all. Accepts NULL. */
void handed_end(struct handed *handed);

#endif
