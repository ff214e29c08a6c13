/* A pool of threads: a thread that has finished a job waits for the next one, since creating a
 * thread costs more than the system calls of a handshake. Any thread. */
#ifndef ACTPASS_RELAY_THREADS_H
#define ACTPASS_RELAY_THREADS_H

#include <stddef.h>
#include <stdint.h>

struct threads;

/* Returns a pool without threads. A thread that has had no job for keep_ms ends; at most keep_max
 * are kept idle. stack_size is in bytes. Returns NULL if memory or another resource is short. */
struct threads *threads_new(size_t stack_size, unsigned keep_max, int64_t keep_ms);

/* Runs job(arg) on a kept thread or a new one; never waits for another job to end. Returns 0, or
 * the errno of pthread_create: then the job is not run and arg is still the caller's. */
int threads_run(struct threads *threads, void (*job)(void *arg), void *arg);

/* Waits until every job has ended, joins every thread and frees the pool. NULL does nothing. Must
 * not be called on a thread of the pool. */
void threads_free(struct threads *threads);

#endif
