/* Gives memory back to the kernel before a long wait. Call it on the thread that will wait. */
#ifndef ACTPASS_SERVER_IDLE_H
#define ACTPASS_SERVER_IDLE_H

#include <stdint.h>

/* A wait of this time is long enough that a busy connection never pays for the release. */
#define IDLE_AFTER_US INT64_C(1000000)

/* This long after its release a thread calls idle_trim. */
#define IDLE_SETTLE_US INT64_C(300000)

/* Frees OpenSSL's state of this thread (its random generators, which are made again when needed:
 * OPENSSL_thread_stop(3)), and gives the pages of its stack below the caller back to the kernel: a
 * handshake needs a deep stack, a wait does not. Saves about 20 KiB a connection. */
void idle_release(void);

/* Gives the heap's free pages back to the kernel (malloc_trim(3)), for a thread that freed memory
 * at SINCE_US: allocations that live on between the freed buffers would keep these. One trim serves
 * all threads that freed memory before it, and at most a hundredth of the time is spent on trims.
 * Returns when to call again; 0: nothing is left to do. */
int64_t idle_trim(int64_t since_us);

#endif
