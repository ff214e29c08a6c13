/* Replies of SMTP (RFC 5321 section 4.2) and FTP (RFC 959 section 4.2): three digits, and one line
 * or several of them. Pure functions. */
#ifndef ACTPASS_SERVER_STARTTLS_REPLY_H
#define ACTPASS_SERVER_STARTTLS_REPLY_H

#include "server/daemon/starttls/line.h"

enum { STARTTLS_REPLY_READY = 220 };

struct starttls_reply {
    unsigned code;              /* 100 to 599 */
    struct starttls_line first; /* its first line, for messages */
    size_t size;                /* all of it */
};

/* All lines of SMTP begin with the code; of FTP only the first and the last. */
enum starttls_replies { STARTTLS_REPLIES_SMTP, STARTTLS_REPLIES_FTP };

/* Reads the first reply of the input. A reply that would be larger than STARTTLS_INPUT_MAX is
 * wrong. */
enum starttls_line_result starttls_reply_read(enum starttls_replies replies,
                                              struct starttls_reply *reply,
                                              const unsigned char *input, size_t size);

/* The same for a talk. STARTTLS_DONE: it is there. STARTTLS_MORE, STARTTLS_WRONG: for `read`. */
enum starttls_next starttls_reply_take(struct starttls_talk *talk, enum starttls_replies replies,
                                       struct starttls_reply *reply, const unsigned char *input,
                                       size_t size);

/* Has a reply of SMTP a line, behind the first one, that is the keyword? */
bool starttls_reply_has(const struct starttls_reply *reply, const char *keyword);

/* Ends the talk: WANTED is the reply that was expected, such as "a greeting (220)". */
enum starttls_next starttls_wrong_reply(struct starttls_talk *talk, const char *wanted,
                                        const struct starttls_reply *reply);

#endif
