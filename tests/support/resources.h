/* Sockets for tests, and what this process holds and uses: descriptors, threads, CPU time. A
 * failure of the system ends the test program with a message. Any thread. */
#ifndef ACTPASS_TESTS_SUPPORT_RESOURCES_H
#define ACTPASS_TESTS_SUPPORT_RESOURCES_H

#include <stdbool.h>
#include <stdint.h>

/* Two connected sockets: over TCP on 127.0.0.1, or of the unix family. */
void sockets_tcp(int fds[2]);
void sockets_unix(int fds[2]);

/* The smallest buffers the system gives, so that a peer that does not read is felt early. */
void socket_small_buffers(int fd);

/* Closes with RST. */
void socket_reset(int fd);

/* Open descriptors and running threads of this process. */
struct resources {
    unsigned descriptors, threads;
};
struct resources resources_now(void);

/* Waits until no more is held than at BEFORE; false if that does not come within ten seconds. */
bool resources_return_to(struct resources before);

/* CPU time of all threads, and how often any of them slept and was woken. Threads that have ended
 * count, too. */
int64_t cpu_time_us(void);
uint64_t context_switches(void);

/* Time passes. For a peer that is slow on purpose, never to wait for something to happen. */
void pause_ms(int64_t ms);

#endif
