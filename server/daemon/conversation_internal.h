/* What the files of a conversation share:
 *
 *   conversation.c          its making and its end, and what it makes of a socket
 *   conversation_dialed.c   the same, where we dial
 *   conversation_preface.c  what is said before TLS (preface/), if anything is
 *   conversation_run.c      its stages: handshake, handler, close
 *   conversation_recheck.c  whether newer settings accept the peer, too
 *   conversation_wait.c     what its task waits for, and what an idle connection gives back */
#ifndef ACTPASS_SERVER_CONVERSATION_INTERNAL_H
#define ACTPASS_SERVER_CONVERSATION_INTERNAL_H

#include "server/daemon/crew/crew.h"
#include "server/daemon/handlers/bell.h"
#include "server/daemon/handlers/handler.h"
#include "server/daemon/report.h"
#include "server/daemon/state.h"

struct conversation_kept; /* conversation.h */

/* Each stage follows the one before it, or is skipped. */
enum stage {
    STAGE_PREFACE,   /* there is no connection yet, only its socket */
    STAGE_HANDSHAKE, /* the wait for the role, and TLS */
    STAGE_SERVE,     /* the handler */
    STAGE_CLOSE,
    STAGE_CLOSED /* and logged */
};

/* How far an idle connection has given its memory back. */
enum idle {
    IDLE_NOT,      /* it is not idle, or not for long enough */
    IDLE_SETTLING, /* it has freed its memory; the allocator is to return that to the kernel */
    IDLE_SETTLED
};

struct conversation {
    struct registry_entry entry;
    struct server *server;
    struct service *service;
    struct report report;                /* and the connection */
    struct preface *preface;             /* STAGE_PREFACE; else NULL */
    bool judged;                         /* whom a proxy has brought: then only once */
    int backend;                         /* that is connected before the handshake; -1: none */
    const char *alpn_wanted;             /* what the preface has said so; NULL: nothing */
    const char *address;                 /* with that, and if we have dialed: where */
    struct sockaddr_storage destination; /* where the client has connected, if a proxy has said it;
                                            else AF_UNSPEC */
    char proxy[80];                      /* with that: that proxy */
    int plain;                           /* the local connection to be bridged; -1: none */
    void *dialing;                       /* dial_service.c's, or a gate's (fleet/plain.c) */
    const struct errand *errand;         /* what else it is for (fleet/pass_on.h); NULL: nothing */
    struct bell bell;                    /* how other connections get its attention */
    char *reached; /* the name under which it was joined to another one; NULL: it was not */
    const struct conversation_kept *kept; /* NULL: its service does not dial by itself */
    bool used;                            /* kept: and it was told */
    int64_t began_us;
    int64_t up_us;       /* when the handshake was complete; 0: it is not */
    actpass_cause cause; /* of the role, as it was logged */
    unsigned rechecks;   /* registry_service_rechecks, when it was judged last */
    struct peer peer;    /* set if it was accepted, or if the service has hints */

    enum stage stage;
    const struct handler *handler; /* STAGE_SERVE: not NULL */
    struct handler_job job;

    uint32_t own_events; /* that the task has watched job.own.fd for */
    int own_fd;          /* the descriptor that it watches for the handler; -1: none */
    bool active;         /* something has happened since the last wait */
    bool waited;         /* the last run has ended with nothing to do */
    int64_t active_us;   /* when it last waited after that */
    int64_t due_us;      /* when something other than memory is due: the last wait's deadline */
    enum idle idle;
    int64_t idle_us; /* SETTLING: when memory was freed */
};

static inline actpass_conn *conversation_of(const struct conversation *conversation)
{
    return conversation->report.conn;
}

/* ---- conversation.c -------------------------------------------------------------------------- */

/* Makes the socket the conversation's connection. 0, or an errno. */
int conversation_make(struct conversation *conversation, int fd, actpass_accept_options *options);

/* The same for one that was accepted, before anything was said on it. */
int conversation_make_accepted(struct conversation *conversation, int fd,
                               const struct sockaddr_storage *address);

/* CONN becomes its connection. BEGAN_US: no later than the times of CONN count from, or its end
 * could precede its first byte. */
void conversation_attach(struct conversation *conversation, actpass_conn *conn, int64_t began_us);

/* Notes in the entry whose connection it is, for who looks on. */
void conversation_note_origin(struct conversation *conversation);

/* Logs and counts that it was dropped for the shortage of a resource, an errno. */
void conversation_note_dropped(struct conversation *conversation, int error);

/* ---- conversation_dialed.c ------------------------------------------------------------------- */

/* As conversation_make_accepted, for a socket that was dialed. Logs what fails. */
void conversation_make_dialed(struct conversation *conversation, int fd, const char *address);

/* ---- conversation_preface.c ------------------------------------------------------------------ */

/* Takes the socket into its preface, also on failure. FROM: what accept has said; NULL: we have
 * dialed ADDRESS, which outlives the preface. 0, or an errno. */
int conversation_begin_preface(struct conversation *conversation, int fd,
                               const struct sockaddr_storage *from, const char *address);

/* Does what can be done without waiting. TASK_MORE: it is over, there is a connection, and its
 * stage is set. TASK_END: it is over, and there is none; that was logged. */
enum task_next conversation_run_preface(struct conversation *conversation, struct task *task);

/* ---- conversation_run.c ---------------------------------------------------------------------- */

/* Notes, counts and logs the result of the handshake, and chooses the next stage. */
void conversation_note_handshake(struct conversation *conversation, bool up);

/* ---- conversation_recheck.c ------------------------------------------------------------------ */

/* Has the service newer settings, by which the peer is to be judged? */
bool conversation_must_recheck(const struct conversation *conversation);

/* Judges the peer by them. If it is refused, the connection is aborted, with its close reason. The
 * handshake must be complete. */
void conversation_recheck(struct conversation *conversation);

/* ---- conversation_wait.c --------------------------------------------------------------------- */

/* Takes the events for which the task was woken. */
void conversation_take_events(struct conversation *conversation, struct task *task);

/* Makes the task wait for what the connection and the handler want. Returns TASK_WAIT, or TASK_MORE
 * if there is something to do at once. Sends output. If a descriptor cannot be watched, stores the
 * errno in *ERROR; else 0. */
enum task_next conversation_wait(struct conversation *conversation, struct task *task, int *error);

/* Has nothing happened for so long that the handler should free memory? True once for each such
 * time. */
bool conversation_is_idle(struct conversation *conversation);

/* Must a connection end in order that its service has dialed by itself, since nobody uses it at a
 * stop, or since it was idle for too long? */
bool conversation_must_leave(const struct conversation *conversation, bool stopping);

/* Frees the connection's memory, after the handler has freed its own. */
void conversation_release_memory(struct conversation *conversation);

/* Was the task woken only to return memory to the kernel? */
bool conversation_only_settles(const struct conversation *conversation);

#endif
