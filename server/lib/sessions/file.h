/* Sessions in an LMDB file that all processes of a host share. The caller seals the records.
 *
 * Any process may be killed at any time, the disk may be full, and a process that is stopped may
 * hold LMDB's lock. So a thread of our own writes the records, and a call waits for it only a short
 * time.
 *
 * LMDB trusts the pages of its file. If it finds damage, from a crash of the machine or a failing
 * disk, the file is renamed to PATH-damaged and a new one is made. It does not find all damage: the
 * safe place is a file system that does not outlive the machine, such as /run.
 *
 *   file.c          the store, one for each file and process
 *   file_writer.c   the thread that writes
 *   file_db.c       the two tables, and eviction
 *   file_place.c    who else could write there
 */
#ifndef ACTPASS_SERVER_SESSIONS_FILE_H
#define ACTPASS_SERVER_SESSIONS_FILE_H

#include "server/lib/sessions/store.h"

/* Opens or makes PATH and PATH-lock with mode 0600, if the place is safe (file_place.h). Stores of
 * the same file in one process are one store, since LMDB must not open a file twice, with the
 * limits of the first. Among processes the limits of the last writer apply. NULL with error. */
struct store *store_file_new(const char *path, const struct store_limits *limits,
                             struct error_text *error);

#endif
