/* Lines of the text protocols that begin TLS by a command: SMTP, IMAP, POP3, FTP. Pure functions.
 *
 * A line ends with CR LF, has at most STARTTLS_LINE_MAX bytes with that, and no other control
 * characters but tabs: a CR or LF alone, which some programs take for an end and others do not, is
 * an error. */
#ifndef ACTPASS_SERVER_STARTTLS_LINE_H
#define ACTPASS_SERVER_STARTTLS_LINE_H

#include "server/daemon/starttls/protocol.h"

enum { STARTTLS_LINE_MAX = 1024 };

struct starttls_line {
    const char *text; /* in the input, not terminated */
    size_t length;    /* without its end */
    size_t size;      /* with its end */
};

enum starttls_line_result { STARTTLS_LINE_OK, STARTTLS_LINE_MORE, STARTTLS_LINE_WRONG };

/* The first line of the input. */
enum starttls_line_result starttls_line_read(struct starttls_line *line, const unsigned char *input,
                                             size_t size);

/* Does it begin with the text? Letters of both cases are equal. */
bool starttls_line_begins(const struct starttls_line *line, const char *text);

/* Is it the text? The same. */
bool starttls_line_is(const struct starttls_line *line, const char *text);

/* Is the text its first word? The same. */
bool starttls_line_has_command(const struct starttls_line *line, const char *word);

/* ---- For a talk ------------------------------------------------------------------------------ */

/* Reads the first line of the input. STARTTLS_DONE: it is there. STARTTLS_MORE, STARTTLS_WRONG: for
 * `read`; with a wrong one the REPLY is sent, a line without its end, "" for none. */
enum starttls_next starttls_line_take(struct starttls_talk *talk, struct starttls_line *line,
                                      const unsigned char *input, size_t size, const char *protocol,
                                      const char *reply);

/* Answers the line with a line of text, and goes on. */
enum starttls_next starttls_answer_line(struct starttls_talk *talk,
                                        const struct starttls_line *line, const char *text);

/* Consents to begin TLS with a line of text. */
enum starttls_next starttls_consent(struct starttls_talk *talk, const struct starttls_line *line,
                                    const char *text);

/* Ends the talk: the client has ended it (QUIT), or went on without TLS. */
enum starttls_next starttls_without_tls(struct starttls_talk *talk, size_t used);

/* Ends the talk: the peer's line is not what the protocol wants there, such as "a greeting". */
enum starttls_next starttls_unexpected(struct starttls_talk *talk, const char *wanted,
                                       const struct starttls_line *line);

/* Ends the talk, since the server has sent something behind its reply, before it was asked. */
enum starttls_next starttls_too_early(struct starttls_talk *talk);

#endif
