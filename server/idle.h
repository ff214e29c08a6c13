/* What a thread can give back before a long wait. Called on the thread itself. */
#ifndef ACTPASS_SERVER_IDLE_H
#define ACTPASS_SERVER_IDLE_H

/* A wait is long from here on. Long enough that a busy connection never pays for it. */
#define IDLE_AFTER_US INT64_C(1000000)

/* Frees OpenSSL's state of this thread (its random generators; OPENSSL_thread_stop(3): made anew when needed)
 * and gives the pages of its stack below the caller back to the kernel: a handshake goes deep, a wait does
 * not. About 20 KiB a connection. */
void idle_release(void);

#endif
