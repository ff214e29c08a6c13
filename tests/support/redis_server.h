/* A real redis-server for a unit test, on a unix socket, without a file. */
#ifndef ACTPASS_TESTS_SUPPORT_REDIS_SERVER_H
#define ACTPASS_TESTS_SUPPORT_REDIS_SERVER_H

#include <sys/types.h>

/* Starts one that listens at PATH, and ends with this process. Returns 0 if there is none to start
 * (it is not installed). */
pid_t redis_server_start(const char *path);

/* Kills it. 0 does nothing. */
void redis_server_stop(pid_t redis);

/* Sends it a command in a line, such as "FLUSHALL", and waits for the answer's first bytes. */
void redis_server_tell(const char *path, const char *command);

#endif
