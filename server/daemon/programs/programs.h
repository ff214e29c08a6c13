/* The programs of "exec", as the daemon sees them: it asks its spawner (spawner/spawner.h) for
 * them, and a thread takes what that says, and logs how each has ended. */
#ifndef ACTPASS_SERVER_PROGRAMS_PROGRAMS_H
#define ACTPASS_SERVER_PROGRAMS_PROGRAMS_H

#include "config/config.h"
#include "server/daemon/handlers/bell.h"
#include "server/daemon/handlers/duplex.h"
#include "server/daemon/log.h"
#include "server/daemon/report.h"
#include "server/daemon/spawner/message.h"
#include "server/daemon/spawner/spawner.h"

struct programs;
struct service_stats;

/* Is everything about the "exec" of a configuration right that config/ cannot see: users, and what
 * they may execute? Adds what is not to the report. While no other thread runs. */
void programs_check(const struct config *config, struct config_report *report);

/* Takes the spawner, and lets it read the configuration. Starts no thread. NULL, with what is wrong
 * added to the report's errors. */
struct programs *programs_new(struct spawner *spawner, struct log *log,
                              struct config_report *report);

/* Starts the thread. Returns 0, or an errno: the system gives none. */
int programs_run(struct programs *programs);

/* A reload: lets the spawner read the configuration again. False, with what is wrong added to the
 * errors: it knows what it knew. PROGRAMS: NULL: there is no spawner, which is wrong if CONFIG has
 * an "exec". */
bool programs_load(struct programs *programs, const struct config *config,
                   struct config_report *report);

/* What was loaded last is in force. Accepts NULL. */
void programs_commit(struct programs *programs);

/* Ends the programs that are left, waits for them, for "kill_after" and a bit, and ends the thread.
 * Accepts NULL. */
void programs_free(struct programs *programs);

/* ---- One program ----------------------------------------------------------------------------- */

enum program_state { PROGRAM_STARTING, PROGRAM_RUNNING, PROGRAM_FAILED, PROGRAM_ENDED };

/* What is wanted. The texts and REPORT are copied; STATS lives as long as the server. */
struct program_wish {
    const struct config_exec *exec;
    const struct report *report;
    struct service_stats *stats;
    struct bell *bell; /* rung when the state changes, until program_leave */
};

struct program;

/* Asks for a program. MESSAGE has its variables as text, and is used up. CONNECTION, which becomes
 * its input and output, stays the caller's. Does not wait. NULL with ERROR; with *FULL, the spawner
 * has much to do: try again a bit later. */
struct program *program_start(struct programs *programs, const struct program_wish *wish,
                              struct message *message, int connection, bool *full,
                              struct error_text *error);

/* Logs, now and then, that the spawner takes or does nothing. */
void programs_note_hang(struct programs *programs);

/* With FAILED, the reason is in ERROR. */
enum program_state program_look(struct program *program, struct error_text *error);

/* For the duplex: valid until program_leave. */
struct duplex_program *program_exit(struct program *program);

/* Its connection has ended: it is asked to end, too, if it has not. Releases it. */
void program_leave(struct program *program);

#endif
