/* The programs that run: their processes, the lines that they write to their standard error, and
 * their end. For one thread. */
#ifndef ACTPASS_SERVER_SPAWNER_RUNNING_H
#define ACTPASS_SERVER_SPAWNER_RUNNING_H

#include "server/daemon/spawner/launch.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct running_list;

/* FD: where the messages about them go. NULL: out of memory or descriptors. */
struct running_list *running_new(int fd);

/* Readable when there is something to do. */
int running_fd(const struct running_list *list);

/* How many programs of that command run. */
uint64_t running_count(const struct running_list *list, uint64_t key);
bool running_is_empty(const struct running_list *list);

/* Adds a program that was started. False: out of memory, and it is killed. */
bool running_add(struct running_list *list, uint64_t id, const struct command *command,
                 const struct launched *launched);

/* Its connection has ended: SIGTERM to its group, and SIGKILL after "kill_after". Does nothing for
 * one that is not there. */
void running_end(struct running_list *list, uint64_t id);
void running_end_all(struct running_list *list);

/* Passes on what they have written. */
void running_read(struct running_list *list);

/* Takes the processes that have ended, reports the programs among them, and ends what is left of
 * their groups. */
void running_reap(struct running_list *list);

/* Kills those that are due. Returns when the next one is. */
int64_t running_kill(struct running_list *list);

#endif
