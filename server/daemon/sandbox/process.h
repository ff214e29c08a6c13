/* What a process can give up by itself. */
#ifndef ACTPASS_SERVER_SANDBOX_PROCESS_H
#define ACTPASS_SERVER_SANDBOX_PROCESS_H

/* From now on, no program that the process executes gets more rights than it has (no_new_privs).
 * Returns 0, or an errno. */
int process_renounce(void);

/* From now on, no process of the same user may look into this one (ptrace, /proc/PID/mem), and the
 * kernel writes no core dump of it, in which its keys would be. Returns 0, or an errno. */
int process_hide(void);

#endif
