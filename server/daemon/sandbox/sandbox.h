/* The sandbox: after the start, the process gives up for good all that its configuration does not
 * need, so that a peer that takes it over finds little to take. "Sandbox" in
 * config/OPERATING.md says what is left. */
#ifndef ACTPASS_SERVER_SANDBOX_SANDBOX_H
#define ACTPASS_SERVER_SANDBOX_SANDBOX_H

#include "config/config.h"
#include "config/error_text.h"

#include <stdbool.h>

/* What holds since sandbox_enter. Constant; any thread. */
struct sandbox;

/* Confines the process to what the configuration, read from FILE, needs: before any other thread
 * runs, since Landlock holds for the calling thread and those that it starts. With "prefer", what
 * this system does not offer is left out. Returns NULL with ERROR if the sandbox is required and
 * not whole, or memory is short; then the process may be confined in part, and must end. The caller
 * frees it with sandbox_free, which does not end the confinement. */
struct sandbox *sandbox_enter(const struct config *config, const char *file,
                              struct error_text *error);
void sandbox_free(struct sandbox *sandbox); /* accepts NULL */

/* Is it on at all, the version of Landlock (0: none), and seccomp? */
bool sandbox_is_on(const struct sandbox *sandbox);
int sandbox_landlock(const struct sandbox *sandbox);
bool sandbox_has_seccomp(const struct sandbox *sandbox);

/* What this system or this build lacks, or why it is off although the configuration prefers it.
 * "": nothing. */
const char *sandbox_lacks(const struct sandbox *sandbox);

/* Adds an error to the report for each thing that another configuration, read from the same file,
 * needs and the sandbox refuses. A NULL sandbox refuses nothing. */
void sandbox_explain(const struct sandbox *sandbox, const struct config *config,
                     struct config_report *report);

/* Adds a warning for each file that decides which programs run outside the sandbox ("exec"), and
 * that may be written inside. */
void sandbox_check_programs(const struct config *config, const char *file,
                            struct config_report *report);

#endif
