/* Sockets for tests, and what this process holds and uses: descriptors, threads, CPU time. A
 * failed system call ends the test program with a message. Any thread. */
#ifndef ACTPASS_TESTS_SUPPORT_RESOURCES_H
#define ACTPASS_TESTS_SUPPORT_RESOURCES_H

#include <stdbool.h>
#include <stdint.h>

/* Two connected sockets: over TCP on 127.0.0.1, or of the unix family. */
void sockets_tcp(int fds[2]);
void sockets_unix(int fds[2]);

/* Sets the smallest buffers that the system allows, so that a peer that does not read soon blocks
 * the writer. */
void socket_small_buffers(int fd);

/* Closes with RST. */
void socket_reset(int fd);

/* Open descriptors and running threads of this process. */
struct resources {
    unsigned descriptors, threads;
};
struct resources resources_now(void);

/* Waits until the process holds no more than in BEFORE. Returns false after ten seconds. */
bool resources_return_to(struct resources before);

/* CPU time and voluntary context switches of all threads, including those that have ended. The
 * count of switches has one or two of its own. */
int64_t cpu_time_us(void);
uint64_t context_switches(void);

/* Sleeps. Only for a peer that is slow on purpose, never to wait for an event. */
void pause_ms(int64_t ms);

#endif
