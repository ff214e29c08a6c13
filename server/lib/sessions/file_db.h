/* The LMDB file of the file store: a table of records and one of their order of arrival. The
 * functions that return int return 0, an errno or a code of LMDB (mdb_strerror). */
#ifndef ACTPASS_SERVER_SESSIONS_FILE_DB_H
#define ACTPASS_SERVER_SESSIONS_FILE_DB_H

#include "server/lib/sessions/store.h"

#include <lmdb.h>
#include <sys/types.h>

/* One record to be put or removed. */
struct file_change {
    bool remove;
    struct store_key key;
    int64_t lifetime_s;
    size_t size;
    uint8_t data[];
};

/* Identifies a file independently of its path. */
struct file_id {
    dev_t device;
    ino_t inode;
};

struct file_db {
    MDB_env *env; /* NULL: not open */
    MDB_dbi records, order;
    MDB_txn *reader; /* kept open, so that a read needs no slot and no lock; one thread at a time */
    struct store_limits limits;
    struct file_id data, lock; /* the files in use, or last in use */
};

/* The place must be safe (file_place.h). */
int file_db_open(struct file_db *db, const char *path);
void file_db_close(struct file_db *db);

/* Are the files in use those at the path now? If other processes had opened other files, they would
 * not share our locks. */
bool file_db_is_current(const struct file_db *db, const char *path);

/* Copies a record that has not expired; MDB_NOTFOUND if there is none. */
int file_db_get(struct file_db *db, const struct store_key *key, void *buffer, size_t *size);

/* Writes changes in one transaction, and evicts records that have expired or exceed the limits. For
 * one thread, which may wait for other processes. */
int file_db_write(struct file_db *db, struct file_change *const *changes, size_t count);

#endif
