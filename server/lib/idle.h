/* Gives memory back to the kernel before a long wait. Call it on the thread that will wait. */
#ifndef ACTPASS_SERVER_IDLE_H
#define ACTPASS_SERVER_IDLE_H

#include <stdint.h>

/* A wait of this time is long: so long that a busy connection never pays for the release. */
#define IDLE_AFTER_US INT64_C(1000000)

/* So long after its release a thread sees to it that freed memory goes to the kernel, unless
 * another one has. */
#define IDLE_SETTLE_US INT64_C(300000)

/* Frees OpenSSL's state of this thread (its random generators; OPENSSL_thread_stop(3): made anew
 * when needed) and gives the pages of its stack below the caller back to the kernel: a handshake
 * goes deep, a wait does not. About 20 KiB a connection. */
void idle_release(void);

/* Gives the heap's free pages back to the kernel (malloc_trim(3)), for one who freed memory at
 * SINCE_US: what lasts lies between the buffers that were freed, and would keep them. One trim is
 * enough for all who came before it, and no more than a hundredth of the time goes into trimming.
 * Returns when to call again; 0: no more is to be done. */
int64_t idle_trim(int64_t since_us);

#endif
