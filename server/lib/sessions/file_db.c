/* The two tables of the file store.
 *
 *   records   key -> when it expires, when it came, its bytes
 *   order     when it came, start of the key -> key
 *
 * Times are of the wall clock: they must mean the same to all processes, and after a restart. */
#include "server/lib/sessions/file_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_READERS = 1024,
    TABLES = 2,
    LOCK_BYTES = 65536,  /* of the lock file, for MAX_READERS; LMDB extends it if needed */
    EVICT_MAX = 512,     /* in one transaction; with more, other processes would wait too long */
    SPARE_SIXTEENTHS = 8 /* room of the map beyond the limit, for pages in transition */
};

struct order_key {
    uint64_t came; /* big-endian: LMDB sorts bytes */
    uint8_t start[8];
};

struct record_head {
    int64_t expires_s;
    struct order_key order;
};

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static MDB_val val(const void *data, size_t size)
{
    return (MDB_val){.mv_size = size, .mv_data = (void *)data};
}

/* ---- The files on the disk -----------------------------------------------------------------
 * Both are mapped. A process that touches a mapped page without a block on the disk gets SIGBUS. */

/* Does nothing if the file system does not support it. */
static int reserve(int fd, off_t offset, off_t size)
{
    int error;
    do
        error = fallocate(fd, 0, offset, size) == 0 ? 0 : errno;
    while (error == EINTR);
    return error == EOPNOTSUPP || error == ENOSYS ? 0 : error;
}

static struct file_id id_of(const struct stat *status)
{
    return (struct file_id){status->st_dev, status->st_ino};
}

/* NULL: no memory. */
static char *name_lock(const char *path)
{
    char *name;
    return asprintf(&name, "%s-lock", path) < 0 ? NULL : name;
}

/* LMDB makes the lock file with a hole and writes to it; this reports a full disk as an error now.
 * A file that exists does not grow, since other processes have mapped it. To be called while the
 * file is not open in this process, since closing it releases the process's locks on it. */
static int reserve_lock(struct file_db *db, const char *path)
{
    struct stat status;
    char *name = name_lock(path);
    if (!name)
        return ENOMEM;
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, 0600);
    free(name);
    if (fd < 0)
        return errno;
    int error = fstat(fd, &status) ? errno : 0;
    if (!error && !S_ISREG(status.st_mode))
        error = EINVAL;
    if (!error)
        error = reserve(fd, 0, status.st_size ? status.st_size : LOCK_BYTES);
    close(fd);
    if (!error)
        db->lock = id_of(&status);
    return error;
}

static bool is_at(struct file_id id, const char *path)
{
    struct stat status;
    return lstat(path, &status) ? errno != ENOENT
                                : status.st_dev == id.device && status.st_ino == id.inode;
}

bool file_db_is_current(const struct file_db *db, const char *path)
{
    char *lock = name_lock(path);
    bool is = is_at(db->data, path) && (!lock || is_at(db->lock, lock));
    free(lock);
    return is;
}

/* After a crash of the machine a file may be shorter than its header says. The missing part becomes
 * zeros, which LMDB detects. (The last pages may be missing without harm: they were free.) */
static int fill_up(struct file_db *db)
{
    MDB_envinfo info;
    MDB_stat pages;
    struct stat status;
    int fd, error = mdb_env_info(db->env, &info);
    if (!error)
        error = mdb_env_stat(db->env, &pages);
    if (!error)
        error = mdb_env_get_fd(db->env, &fd);
    if (!error && fstat(fd, &status))
        error = errno;
    if (error)
        return error;
    db->data = id_of(&status);
    off_t size = (off_t)(info.me_last_pgno + 1) * pages.ms_psize;
    return status.st_size < size ? reserve(fd, size - 1, 1)
                                 : 0; /* another process may have extended it by now */
}

/* ---- Open --------------------------------------------------------------------------------- */

static int open_in(struct file_db *db, unsigned transaction, unsigned flags)
{
    MDB_txn *txn;
    int error = mdb_txn_begin(db->env, NULL, transaction, &txn);
    if (error)
        return error;
    error = mdb_dbi_open(txn, "records", flags, &db->records);
    if (!error)
        error = mdb_dbi_open(txn, "order", flags, &db->order);
    if (!error)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return error;
}

/* Opens existing tables without the write lock, which a stopped process may hold. */
static int open_tables(struct file_db *db)
{
    int error = open_in(db, MDB_RDONLY, 0);
    return error == MDB_NOTFOUND ? open_in(db, 0, MDB_CREATE) : error;
}

static int make_reader(struct file_db *db)
{
    int error = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &db->reader);
    if (error == MDB_READERS_FULL && mdb_reader_check(db->env, NULL) == 0)
        error = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &db->reader);
    if (error)
        db->reader = NULL;
    else
        mdb_txn_reset(db->reader);
    return error;
}

/* No sync: sessions may be lost in a crash of the machine, and the order of writes keeps the file
 * consistent if only a process dies. */
static int open_env(struct file_db *db, const char *path)
{
    const unsigned flags = MDB_NOTLS | MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOMETASYNC | MDB_NORDAHEAD;
    size_t map = db->limits.max_bytes + db->limits.max_bytes / 16 * SPARE_SIXTEENTHS;
    int error = mdb_env_set_maxdbs(db->env, TABLES);
    if (!error)
        error = mdb_env_set_maxreaders(db->env, MAX_READERS);
    if (!error)
        error = mdb_env_set_mapsize(db->env, map / 4096 * 4096);
    if (!error)
        error = reserve_lock(db, path);
    if (!error)
        error = mdb_env_open(db->env, path, flags, 0600);
    return error ? error : fill_up(db);
}

int file_db_open(struct file_db *db, const char *path)
{
    int error = mdb_env_create(&db->env);
    if (error) {
        db->env = NULL;
        return error;
    }
    error = open_env(db, path);
    if (!error)
        error = mdb_reader_check(db->env, NULL); /* frees the slots of processes that were killed */
    if (!error)
        error = open_tables(db);
    if (!error)
        error = make_reader(db);
    if (error)
        file_db_close(db);
    return error;
}

void file_db_close(struct file_db *db)
{
    if (!db->env)
        return;
    if (db->reader)
        mdb_txn_abort(db->reader);
    mdb_env_close(db->env);
    db->env = NULL;
    db->reader = NULL;
}

/* ---- Read --------------------------------------------------------------------------------- */

static int copy_record(MDB_val found, void *buffer, size_t *size)
{
    struct record_head head;
    if (found.mv_size < sizeof(head) || found.mv_size > sizeof(head) + STORE_RECORD)
        return MDB_NOTFOUND;
    memcpy(&head, found.mv_data, sizeof(head));
    if (head.expires_s <= time(NULL))
        return MDB_NOTFOUND;
    *size = found.mv_size - sizeof(head);
    memcpy(buffer, (const uint8_t *)found.mv_data + sizeof(head), *size);
    return 0;
}

int file_db_get(struct file_db *db, const struct store_key *key, void *buffer, size_t *size)
{
    MDB_val wanted = val(key->bytes, STORE_KEY), found;
    int error = mdb_txn_renew(db->reader);
    if (error)
        return error;
    error = mdb_get(db->reader, db->records, &wanted, &found);
    if (!error)
        error = copy_record(found, buffer, size);
    mdb_txn_reset(db->reader);
    return error;
}

/* ---- Write -------------------------------------------------------------------------------- */

static int done_if_gone(int error)
{
    return error == MDB_NOTFOUND ? 0 : error;
}

/* Removes a record from both tables. */
static int take_out(struct file_db *db, MDB_txn *txn, const struct store_key *key)
{
    MDB_val wanted = val(key->bytes, STORE_KEY), found;
    struct record_head head;
    int error = mdb_get(txn, db->records, &wanted, &found);
    if (error || found.mv_size < sizeof(head))
        return error;
    memcpy(&head, found.mv_data, sizeof(head));
    MDB_val place = val(&head.order, sizeof(head.order));
    error = done_if_gone(mdb_del(txn, db->order, &place, NULL));
    return error ? error : mdb_del(txn, db->records, &wanted, NULL);
}

static int put(struct file_db *db, MDB_txn *txn, const struct file_change *change)
{
    struct record_head head = {.expires_s = time(NULL) + change->lifetime_s};
    MDB_val key = val(change->key.bytes, STORE_KEY);
    MDB_val place = val(&head.order, sizeof(head.order));
    MDB_val room = val(NULL, sizeof(head) + change->size);
    int error = done_if_gone(take_out(db, txn, &change->key));
    head.order.came = __builtin_bswap64(now_us());
    memcpy(head.order.start, change->key.bytes, sizeof(head.order.start));
    if (!error)
        error = mdb_put(txn, db->order, &place, &key, 0);
    if (!error)
        error = mdb_put(txn, db->records, &key, &room, MDB_RESERVE);
    if (error)
        return error;
    memcpy(room.mv_data, &head, sizeof(head));
    memcpy((uint8_t *)room.mv_data + sizeof(head), change->data, change->size);
    return 0;
}

static size_t used_bytes(const MDB_stat *stat)
{
    return (stat->ms_branch_pages + stat->ms_leaf_pages + stat->ms_overflow_pages) * stat->ms_psize;
}

/* *OVER: more is stored than the limits allow, less the share that must stay free. */
static int measure(struct file_db *db, MDB_txn *txn, unsigned free_sixteenths, bool *over)
{
    MDB_stat records, order;
    int error = mdb_stat(txn, db->records, &records);
    if (!error)
        error = mdb_stat(txn, db->order, &order);
    size_t bytes = db->limits.max_bytes, count = db->limits.max_records;
    *over = !error &&
            (records.ms_entries > count - count * free_sixteenths / 16 ||
             used_bytes(&records) + used_bytes(&order) > bytes - bytes * free_sixteenths / 16);
    return error;
}

/* Has the record that this entry of the order table names expired, or is it gone? */
static int look_at_oldest(struct file_db *db, MDB_txn *txn, MDB_val *key, bool *expired)
{
    struct record_head head;
    MDB_val found;
    int error = mdb_get(txn, db->records, key, &found);
    *expired = error == MDB_NOTFOUND;
    if (error || found.mv_size < sizeof(head))
        return done_if_gone(error);
    memcpy(&head, found.mv_data, sizeof(head));
    *expired = head.expires_s <= time(NULL);
    return 0;
}

/* Removes the oldest record if it has expired or the limits are exceeded; *MORE: it was removed. */
static int evict_oldest(struct file_db *db, MDB_txn *txn, MDB_cursor *cursor, bool over, bool *more)
{
    MDB_val place, found;
    struct store_key key;
    bool expired = false;
    int error = mdb_cursor_get(cursor, &place, &found, MDB_FIRST);
    *more = false;
    if (error)
        return done_if_gone(error);
    bool whole = found.mv_size == STORE_KEY;
    if (whole) {
        memcpy(key.bytes, found.mv_data, STORE_KEY); /* the page may change under it */
        error = look_at_oldest(db, txn, &found, &expired);
    }
    if (error || (whole && !over && !expired))
        return error;
    *more = true;
    error = mdb_cursor_del(cursor, 0);
    MDB_val wanted = val(key.bytes, STORE_KEY);
    return error || !whole ? error : done_if_gone(mdb_del(txn, db->records, &wanted, NULL));
}

static int evict(struct file_db *db, MDB_txn *txn, unsigned free_sixteenths)
{
    MDB_cursor *cursor;
    bool over = false, more = true;
    int error = mdb_cursor_open(txn, db->order, &cursor);
    if (error)
        return error;
    for (int i = 0; !error && more && i < EVICT_MAX; i++) {
        error = measure(db, txn, free_sixteenths, &over);
        if (!error)
            error = evict_oldest(db, txn, cursor, over, &more);
    }
    mdb_cursor_close(cursor);
    return error;
}

static int write_once(struct file_db *db, struct file_change *const *changes, size_t count,
                      unsigned free_sixteenths)
{
    MDB_txn *txn;
    int error = mdb_txn_begin(db->env, NULL, 0, &txn);
    if (error)
        return error;
    for (size_t i = 0; !error && i < count; i++)
        error = changes[i]->remove ? done_if_gone(take_out(db, txn, &changes[i]->key))
                                   : put(db, txn, changes[i]);
    if (!error)
        error = evict(db, txn, free_sixteenths);
    if (!error)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return error;
}

/* If there is no room, a killed reader may hold old pages, or the records have grown. Then an
 * eighth of the limits is freed, and the write is tried again. */
int file_db_write(struct file_db *db, struct file_change *const *changes, size_t count)
{
    int error = write_once(db, changes, count, 0);
    if (error != MDB_MAP_FULL && error != ENOSPC)
        return error;
    (void)mdb_reader_check(db->env, NULL);
    error = write_once(db, NULL, 0, 2);
    return error ? error : write_once(db, changes, count, 0);
}
