/* Has the other end of a socket hung up? The socket itself is asked, since an event comes once, and
 * bytes that nobody takes hide the end from a read. */
#ifndef ACTPASS_SERVER_HANDLERS_HANGUP_H
#define ACTPASS_SERVER_HANDLERS_HANGUP_H

#include <stdbool.h>
#include <stddef.h>

enum { HANGUP_PEEK_MAX = 4096 };

/* It sends no more, or the socket has failed, whatever it has sent before. Also after a half-close:
 * for protocols in which that has no meaning. */
bool hangup_is_there(int fd);

/* The same directly behind SIZE bytes, less than HANGUP_PEEK_MAX, which have come and are not
 * taken. Where more has come, that is an event of its own. */
bool hangup_is_behind(int fd, size_t size);

#endif
