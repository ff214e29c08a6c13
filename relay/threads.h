/* Threads that are kept: a finished one waits for the next job, since making a thread costs more
 * than a handshake's share of system calls. Entered by any thread. */
#ifndef ACTPASS_RELAY_THREADS_H
#define ACTPASS_RELAY_THREADS_H

#include <stddef.h>
#include <stdint.h>

struct threads;

/* A pool with no thread yet. Threads that have had no job for keep_ms end; at most keep_max are
 * kept idle. stack_size is in bytes. Returns NULL when memory or another resource is short. */
struct threads *threads_new(size_t stack_size, unsigned keep_max, int64_t keep_ms);

/* Runs job(arg) on a kept thread or a new one; never waits for another job to end. Returns 0, or
 * the errno of pthread_create: then the job is not run and arg is still the caller's. */
int threads_run(struct threads *threads, void (*job)(void *arg), void *arg);

/* Waits until every job has ended, joins every thread, frees. NULL is fine. Not to be called from
 * one of the pool's own threads. */
void threads_free(struct threads *threads);

#endif
