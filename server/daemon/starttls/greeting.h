/* The greetings of the plain program on our other side, once there is TLS: that of a server is
 * read, since its client has had one, and a client that waits for one gets it. Each is a `read` of
 * protocol.h, and what differs between the protocols is in their row of table.c. */
#ifndef ACTPASS_SERVER_STARTTLS_GREETING_H
#define ACTPASS_SERVER_STARTTLS_GREETING_H

#include "server/daemon/starttls/protocol.h"

/* Says protocol->greeting, a whole line. */
enum starttls_next starttls_greeting_say(struct starttls_talk *talk, const unsigned char *input,
                                         size_t size);

/* Reads a line, whose first words are protocol->greeting. */
enum starttls_next starttls_greeting_read_line(struct starttls_talk *talk,
                                               const unsigned char *input, size_t size);

/* Reads a reply (reply.h), which must be 220. */
enum starttls_next starttls_greeting_read_smtp(struct starttls_talk *talk,
                                               const unsigned char *input, size_t size);
enum starttls_next starttls_greeting_read_ftp(struct starttls_talk *talk,
                                              const unsigned char *input, size_t size);

#endif
