/* The thread that writes to a file store, and the queue to it. Any thread may hand over changes. */
#ifndef ACTPASS_SERVER_SESSIONS_FILE_WRITER_H
#define ACTPASS_SERVER_SESSIONS_FILE_WRITER_H

#include "server/lib/sessions/file_db.h"

struct file_writer;

/* WRITE is called on the thread with one or more changes; it returns 0 or a code. NULL: no memory
 * or no thread. */
struct file_writer *file_writer_new(int (*write)(void *arg, struct file_change *const *changes,
                                                 size_t count),
                                    void *arg);

/* Ends it after what is queued is written. False: that is not so by the deadline, and it goes on as
 * before. NULL is fine. */
bool file_writer_free(struct file_writer *writer, int64_t deadline_us);

/* Hands over a change, which the writer frees, and waits for it until the deadline. What write
 * said, EBUSY when the queue is full, or ETIMEDOUT: it will still be written. */
int file_writer_run(struct file_writer *writer, struct file_change *change, int64_t deadline_us);

#endif
