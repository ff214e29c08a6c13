/* What is said on the plain side after STARTTLS, before the bytes of both sides are joined: a
 * server's greeting that the peer has had already, in clear, is taken off, and a client that waits
 * for one gets it. See starttls/table.h. */
#ifndef ACTPASS_SERVER_HANDLERS_PLAIN_TALK_H
#define ACTPASS_SERVER_HANDLERS_PLAIN_TALK_H

#include "server/daemon/handlers/duplex.h"
#include "server/daemon/handlers/handler.h"

/* FAILED: the close reason is set, or the connection was aborted. */
enum plain_talk { PLAIN_TALK_WAITS, PLAIN_TALK_DONE, PLAIN_TALK_FAILED };

/* Is there anything to say? Of MySQL, the login (mysql_login.h). */
bool plain_talk_is_wanted(const struct handler_job *job);

/* Begins to talk job->plain_talk, or the login, on the descriptor PLAIN, which must not block
 * and stays the caller's. NAME and ADDRESS are as for duplex_begin. The SIZE bytes at FIRST
 * are sent first. job->state, which is NULL, job->own and job->deadline_us are
 * its until plain_talk_step does not return PLAIN_TALK_WAITS any more. Returns false if memory is
 * short, which is the close reason then. */
bool plain_talk_begin(struct handler_job *job, int plain, const char *name, const char *address,
                      const void *first, size_t size);

/* Never waits. It is over within the handshake_timeout. */
enum plain_talk plain_talk_step(struct handler_job *job);

/* After PLAIN_TALK_DONE: duplex_begin_with, which learns what has happened on PLAIN meanwhile,
 * since events come only once. */
bool plain_talk_join(struct handler_job *job, int plain, const char *name, const char *address,
                     const struct duplex_early *early);

#endif
