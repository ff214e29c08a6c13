#include "server/lib/sessions/file.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "server/lib/base/error.h"
#include "server/lib/sessions/file_db.h"
#include "server/lib/sessions/file_place.h"
#include "server/lib/sessions/file_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAIT_MS = 100, REOPEN_AFTER_MS = 1000, CLOSE_MS = 1000 };

struct file {
    struct store base;
    char *path;
    struct file *next;   /* in the table */
    unsigned references; /* guarded by the table's lock; 0: it could not be closed */

    pthread_mutex_t lock; /* guards the reader, and db against being opened anew */
    struct file_db db;
    struct file_writer *writer;
    int64_t reopen_us; /* not to be opened anew before; belongs to the writer's thread */
};

/* The one table of this process: LMDB's locks are lost if a process opens a file twice (lmdb.h), so
 * all services that name a file must share it. */
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct file *table;

static enum store_result fail(const struct file *file, int error, struct error_text *problem)
{
    const char *why = error == ETIMEDOUT ? "it was busy for longer than a handshake should wait"
                                         : mdb_strerror(error);
    return store_fail(problem, "sessions in %s: %s", file->path, why);
}

/* ---- Calls -------------------------------------------------------------------------------- */

static enum store_result get(struct store *store, const struct store_key *key, void *buffer,
                             size_t *size, struct error_text *problem)
{
    struct file *file = (struct file *)store;
    lock_take(&file->lock);
    int error = file->db.env ? file_db_get(&file->db, key, buffer, size) : MDB_PANIC;
    lock_release(&file->lock);
    if (error == 0)
        return STORE_DONE;
    return error == MDB_NOTFOUND ? STORE_MISS : fail(file, error, problem);
}

static enum store_result change(struct file *file, struct file_change *wanted,
                                struct error_text *problem)
{
    int error = file_writer_run(file->writer, wanted, clock_deadline_ms(WAIT_MS));
    return error ? fail(file, error, problem) : STORE_DONE;
}

static enum store_result put(struct store *store, const struct store_key *key, const void *data,
                             size_t size, int64_t lifetime_s, struct error_text *problem)
{
    struct file_change *wanted = OPENSSL_zalloc(sizeof(*wanted) + size);
    if (!wanted)
        return store_fail(problem, "out of memory for a session");
    *wanted = (struct file_change){.key = *key, .lifetime_s = lifetime_s, .size = size};
    memcpy(wanted->data, data, size);
    return change((struct file *)store, wanted, problem);
}

static enum store_result take_out(struct store *store, const struct store_key *key,
                                  struct error_text *problem)
{
    uint8_t record[STORE_RECORD];
    size_t size;
    enum store_result there = get(store, key, record, &size, problem);
    if (there != STORE_DONE)
        return there; /* failed handshakes are frequent, and most had no session */
    struct file_change *wanted = OPENSSL_zalloc(sizeof(*wanted));
    if (!wanted)
        return store_fail(problem, "out of memory for a session");
    *wanted = (struct file_change){.remove = true, .key = *key};
    return change((struct file *)store, wanted, problem);
}

/* ---- Which file it is ---------------------------------------------------------------------- */

/* Makes the file if there is none, to identify it: LMDB takes an empty file for a new store. Does
 * not touch anything that is not a regular file. */
static int identify(const char *path, struct stat *status)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno;
    int error = fstat(fd, status) ? errno : 0;
    close(fd);
    return error || S_ISREG(status->st_mode) ? error : EINVAL;
}

/* ---- On the writer's thread --------------------------------------------------------------- */

/* After these LMDB refuses all further work on the environment. */
static bool is_lost(int error)
{
    return error == MDB_PANIC || error == MDB_MAP_RESIZED;
}

/* BAD_TXN: an earlier error in the transaction that LMDB did not return. */
static bool is_damaged(int error)
{
    return error == MDB_CORRUPTED || error == MDB_PAGE_NOTFOUND || error == MDB_BAD_TXN;
}

/* Renames a file that a crash of the machine has damaged, so that a new one is made and the old one
 * can be inspected. Not if another process has done so already. */
static void set_aside(const struct file *file)
{
    struct stat status;
    char *name;
    if (lstat(file->path, &status) || status.st_dev != file->db.data.device ||
        status.st_ino != file->db.data.inode || asprintf(&name, "%s-damaged", file->path) < 0)
        return;
    (void)rename(file->path, name); /* on failure it stays as it was */
    free(name);
}

/* Opening may wait for other processes, and until it is done there is nothing to read. A service
 * that names the file meanwhile must find this entry of the table. */
static bool open_anew(struct file *file)
{
    struct stat status;
    struct error_text unsafe;
    struct file_db fresh = {.limits = file->db.limits};
    bool identified = file_place_is_safe(file->path, &unsafe) && identify(file->path, &status) == 0;
    lock_take(&file->lock);
    file_db_close(&file->db);
    if (identified)
        file->db.data = (struct file_id){status.st_dev, status.st_ino};
    lock_release(&file->lock);
    if (!identified || clock_now_us() < file->reopen_us)
        return false;
    file->reopen_us = clock_deadline_ms(REOPEN_AFTER_MS);
    if (file_db_open(&fresh, file->path))
        return false;
    lock_take(&file->lock);
    file->db = fresh;
    lock_release(&file->lock);
    return true;
}

static int write_changes(void *arg, struct file_change *const *changes, size_t count)
{
    struct file *file = arg;
    bool usable = file->db.env && file_db_is_current(&file->db, file->path);
    if (!usable && !open_anew(file))
        return MDB_PANIC;
    int error = file_db_write(&file->db, changes, count);
    if (is_damaged(error)) {
        set_aside(file);
        (void)open_anew(file);
    } else if (is_lost(error) && open_anew(file)) {
        error = file_db_write(&file->db, changes, count);
    }
    return error; /* even if the next write will succeed, since the error is worth a log line */
}

/* ---- Open and free ------------------------------------------------------------------------ */

/* The writer has stopped. */
static void destroy(struct file *file)
{
    file_db_close(&file->db);
    pthread_mutex_destroy(&file->lock);
    free(file->path);
    free(file);
}

/* If the writer waits for a process that does not go on, the file stays open for a service that
 * names it later, or until this process exits. */
static void release(struct store *store)
{
    struct file *file = (struct file *)store;
    lock_take(&table_lock);
    bool last = --file->references == 0;
    if (last && file_writer_free(file->writer, clock_deadline_ms(CLOSE_MS))) {
        struct file **place = &table;
        while (*place != file)
            place = &(*place)->next;
        *place = file->next;
        destroy(file); /* under the lock, so that nothing opens the file before it is closed */
    }
    lock_release(&table_lock);
}

static const struct store_calls calls = {put, get, take_out, release};

static struct file *make(const char *path, const struct store_limits *limits)
{
    struct file *file = calloc(1, sizeof(*file));
    if (!file)
        return NULL;
    file->path = strdup(path);
    if (!file->path)
        goto out_file;
    if (pthread_mutex_init(&file->lock, NULL))
        goto out_path;
    file->base.calls = &calls;
    file->references = 1;
    file->db.limits = *limits;
    return file;
out_path:
    free(file->path);
out_file:
    free(file);
    return NULL;
}

static const char *remedy(int error)
{
    if (error == MDB_INVALID || error == MDB_VERSION_MISMATCH || error == MDB_CORRUPTED)
        return ": it is not a store of sessions: name another file, or remove it and its -lock "
               "file";
    if (error == EACCES || error == EPERM)
        return ": let actpass read and write it and its -lock file";
    if (error == ENOENT || error == ENOTDIR)
        return ": make the folder first";
    return error == ENOSPC ? ": make room on the disk" : "";
}

static void *fail_open(const char *path, int error, struct error_text *why)
{
    error_set(why, "sessions file %s cannot be used: %s%s", path, mdb_strerror(error),
              remedy(error));
    return NULL;
}

/* Adds it to the table, whose lock is held. NULL with error. */
static struct file *open_file(const char *path, const struct store_limits *limits,
                              struct error_text *error)
{
    struct file *file = make(path, limits);
    if (!file)
        return fail_open(path, ENOMEM, error);
    int failed = file_db_open(&file->db, path);
    if (is_damaged(failed)) {
        set_aside(file);
        failed = file_db_open(&file->db, path);
    }
    if (!failed) {
        file->writer = file_writer_new(write_changes, file);
        failed = file->writer ? 0 : EAGAIN;
    }
    if (!failed) {
        file->next = table;
        table = file;
        return file;
    }
    destroy(file);
    return fail_open(path, failed, error);
}

static bool is(struct file *file, const struct stat *status)
{
    lock_take(&file->lock);
    struct file_id id = file->db.data; /* it changes if the file was opened anew */
    lock_release(&file->lock);
    return id.device == status->st_dev && id.inode == status->st_ino;
}

static struct file *find(const struct stat *status)
{
    struct file *file = table;
    while (file && !is(file, status))
        file = file->next;
    return file;
}

struct store *store_file_new(const char *path, const struct store_limits *limits,
                             struct error_text *error)
{
    struct stat status = {.st_ino = 0};
    if (!file_place_is_safe(path, error))
        return NULL;
    lock_take(&table_lock);
    int failed = identify(path, &status);
    struct file *file = failed ? fail_open(path, failed, error) : find(&status);
    if (file)
        file->references++;
    else if (!failed)
        file = open_file(path, limits, error);
    lock_release(&table_lock);
    return file ? &file->base : NULL;
}
