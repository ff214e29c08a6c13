/* The thread that writes the log. Other threads put a line into a bounded queue and continue:
 * only this thread waits for the descriptor, so a reader that stalls delays no other thread. Any
 * thread. */
#ifndef ACTPASS_SERVER_LOG_WRITER_H
#define ACTPASS_SERVER_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LOG_LINE_MAX = 4096,          /* a pipe takes this much in one piece (PIPE_BUF) */
    LOG_QUEUE_BYTES = 1024 * 1024 /* the max size of the queue while the reader stalls */
};

struct log_writer;

/* FD stays the caller's and is not made non-blocking, since others may share its open file
 * description. The thread starts with the first line. NULL: out of memory. */
struct log_writer *log_writer_new(int fd);

/* Queues a line of at most LOG_LINE_MAX bytes, its newline included. False: there is no room, or no
 * thread. */
bool log_writer_put(struct log_writer *writer, const char *line, size_t length);

/* Lines that were queued and could not be written, since the last call. */
unsigned long log_writer_take_failed(struct log_writer *writer);
unsigned long log_writer_failed(const struct log_writer *writer); /* the same, not taken */

/* Waits until all queued lines are written. False: they were not by the deadline. */
bool log_writer_flush(struct log_writer *writer, int64_t deadline_us);

/* Ends the thread. Lines that are still queued are lost: flush before. A thread that is blocked in
 * a write is detached, and frees the writer when that write ends. Accepts NULL. */
void log_writer_free(struct log_writer *writer);

#endif
