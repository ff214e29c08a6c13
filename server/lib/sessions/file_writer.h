/* The thread that writes to a file store, and its queue. Any thread may pass changes to it. */
#ifndef ACTPASS_SERVER_SESSIONS_FILE_WRITER_H
#define ACTPASS_SERVER_SESSIONS_FILE_WRITER_H

#include "server/lib/sessions/file_db.h"

struct file_writer;

/* WRITE is called on the thread with one or more changes; it returns 0 or a code. NULL: no memory
 * or no thread. */
struct file_writer *file_writer_new(int (*write)(void *arg, struct file_change *const *changes,
                                                 size_t count),
                                    void *arg);

/* Stops the thread once all queued changes are written, and frees the writer. False: that did not
 * happen by the deadline, and the writer goes on as before. WRITER may be NULL. */
bool file_writer_free(struct file_writer *writer, int64_t deadline_us);

/* Passes a change to the thread, which frees it, and waits for it until the deadline. Returns the
 * result of WRITE, ENOMEM, EBUSY if the queue is full, or ETIMEDOUT: the change will still be
 * written. */
int file_writer_run(struct file_writer *writer, struct file_change *change, int64_t deadline_us);

#endif
