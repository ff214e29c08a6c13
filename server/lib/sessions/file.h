/* Sessions in an LMDB file that all processes of a host share. What is in it is sealed by the
 * caller.
 *
 * Any process may be killed at any time, the disk may be full, and LMDB's lock may be held by a
 * process that is stopped: records are written by a thread of our own, for which a call waits a
 * short time only.
 *
 * LMDB trusts the pages of its file. When it finds damage, by a crash of the machine or a failing
 * disk, the file is renamed to PATH-damaged and another begun. It does not find all: the safe place
 * is a file system that ends with the machine, as /run does.
 *
 *   file.c   the store, one for each file and process      file_writer.c   the thread that writes
 *   file_db.c   the two tables, and eviction                file_place.c   who else could write
 * there */
#ifndef ACTPASS_SERVER_SESSIONS_FILE_H
#define ACTPASS_SERVER_SESSIONS_FILE_H

#include "server/lib/sessions/store.h"

/* Opens or makes PATH and PATH-lock with mode 0600, where the place is safe (file_place.h). Stores
 * of the same file in one process are one (LMDB must not open a file twice), with the limits of the
 * first; among processes those of the last writer hold. NULL with error. */
struct store *store_file_new(const char *path, const struct store_limits *limits,
                             struct tls_error *error);

#endif
