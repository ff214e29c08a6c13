/* The file store: shared by processes that die at any time, bounded, and never an error for long.
 * What every store does: test_sessions_store.c. */
#include "server/lib/sessions/file.h"
#include "server/lib/sessions/store_open.h"
#include "tests/support/certs.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <string.h>

#ifdef HAVE_LMDB
#include "server/lib/sessions/file_db.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct store_limits usual = {1000, 4 * 1024 * 1024};
static struct test_folder *folder;
static struct error_text error;
static struct error_text problem;

static void set_up(void)
{
    folder = test_folder_new();
}

/* The folder knows only the files that were made with its functions. */
static void tear_down(void)
{
    (void)unlink(test_folder_path(folder, "store"));
    (void)unlink(test_folder_path(folder, "store-lock"));
    (void)unlink(test_folder_path(folder, "store-damaged"));
    test_folder_free(folder);
}

TestSuite(sessions_file, .init = set_up, .fini = tear_down);

static struct store *open_store(const struct store_limits *limits)
{
    struct store *store = store_file_new(test_folder_path(folder, "store"), limits, &error);
    cr_assert_not_null(store, "%s", error.text);
    return store;
}

static struct store_key key_of(unsigned number)
{
    struct store_key key = {{0}};
    number = number * 2654435761U; /* in no order, as digests are */
    memcpy(key.bytes, &number, sizeof(number));
    return key;
}

static enum store_result try_put(struct store *store, unsigned number, size_t size,
                                 int64_t lifetime_s)
{
    uint8_t data[STORE_RECORD];
    struct store_key key = key_of(number);
    memset(data, (int)number, sizeof(data));
    return store_put(store, &key, data, size, lifetime_s, &problem);
}

/* A store answers before a handshake would have to wait for it. On a slow machine, ask again. */
static bool is_busy(enum store_result result, int round)
{
    return result != STORE_DONE && result != STORE_MISS && round < 50 &&
           strstr(problem.text, "it was busy");
}

static void put(struct store *store, unsigned number, size_t size, int64_t lifetime_s)
{
    enum store_result result = try_put(store, number, size, lifetime_s);
    for (int round = 0; is_busy(result, round); round++)
        result = try_put(store, number, size, lifetime_s);
    cr_assert_eq(result, STORE_DONE, "%s", problem.text);
}

/* The size of the record, or -1: there is none, -2: it is damaged, -3: failure. */
static int get(struct store *store, unsigned number)
{
    uint8_t data[STORE_RECORD];
    size_t size = 0;
    struct store_key key = key_of(number);
    enum store_result result = store_get(store, &key, data, &size, &problem);
    for (int round = 0; is_busy(result, round); round++)
        result = store_get(store, &key, data, &size, &problem);
    if (result != STORE_DONE)
        return result == STORE_MISS ? -1 : -3;
    for (size_t i = 0; i < size; i++)
        if (data[i] != (uint8_t)number)
            return -2;
    return (int)size;
}

/* ---- One process ---------------------------------------------------------------------------- */

Test(sessions_file, it_is_there_the_next_time)
{
    struct store *store = open_store(&usual);
    put(store, 1, 100, 60);
    put(store, 1, 50, 60);
    put(store, 2, 0, 60);
    put(store, 3, STORE_RECORD, 60);
    store_free(store);
    store = open_store(&usual);
    cr_assert_eq(get(store, 1), 50);
    cr_assert_eq(get(store, 2), 0);
    cr_assert_eq(get(store, 3), STORE_RECORD);
    store_free(store);
}

/* However much is written, what came last is there, and the file stays within its limit. */
Test(sessions_file, bounded_by_bytes)
{
    const struct store_limits small = {100000, 1024 * 1024};
    struct store *store = open_store(&small);
    struct stat status;
    for (unsigned i = 0; i < 2000; i++) {
        put(store, i, i % 3 ? 1500 : STORE_RECORD, 60);
        cr_assert_geq(get(store, i), 0);
    }
    cr_assert_eq(get(store, 0), -1);
    unsigned kept = 0;
    for (unsigned i = 0; i < 2000; i++)
        kept += get(store, i) >= 0;
    cr_assert(kept > 20 && kept < 700, "%u", kept);
    cr_assert_eq(stat(test_folder_path(folder, "store"), &status), 0);
    cr_assert_leq(status.st_size, 1536 * 1024);
    store_free(store);
}

Test(sessions_file, only_for_us)
{
    struct stat status;
    mode_t before = umask(0);
    struct store *store = open_store(&usual);
    umask(before);
    static const char *const names[] = {"store", "store-lock"};
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(stat(test_folder_path(folder, names[i]), &status), 0);
        cr_assert_eq(status.st_mode & 0777, 0600, "%s", names[i]);
    }
    store_free(store);
}

/* LMDB must not open a file twice; two paths may be one file. */
Test(sessions_file, opened_once_in_a_process)
{
    char detour[512];
    struct resources before = resources_now();
    struct store *one = open_store(&usual), *two = open_store(&usual);
    struct test_folder *elsewhere = test_folder_new();
    const char *link = test_folder_path(elsewhere, "link");
    cr_assert_eq(symlink(test_folder_path(folder, "."), link), 0);
    snprintf(detour, sizeof(detour), "%s/store", link);
    struct store *three = store_file_new(detour, &usual, &error);
    cr_assert(one == two && one == three);
    store_free(one);
    put(two, 1, 10, 60);
    store_free(two);
    store_free(three);
    cr_assert(resources_return_to(before));
    cr_assert_eq(unlink(link), 0);
    test_folder_free(elsewhere);
}

Test(sessions_file, what_cannot_be_opened)
{
    char garbage[20000];
    memset(garbage, 'x', sizeof(garbage) - 1);
    garbage[sizeof(garbage) - 1] = '\0';
    const struct {
        const char *path, *text;
    } rows[] = {
        {test_folder_path(folder, "no/folder"), "make the folder first"},
        {"/", "cannot be used"},
        {"/dev/null", "cannot be used"},
        {test_write_text(folder, "text", garbage), "name another file, or remove it"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        error.text[0] = '\0';
        cr_assert_null(store_file_new(rows[i].path, &usual, &error), "row %zu", i);
        cr_assert(strstr(error.text, rows[i].text), "row %zu: %s", i, error.text);
    }
    char first = 0;
    int fd = open(test_folder_path(folder, "text"), O_RDONLY | O_CLOEXEC);
    cr_assert(fd >= 0 && read(fd, &first, 1) == 1 && first == 'x', "somebody's file is untouched");
    close(fd);
    (void)unlink(test_folder_path(folder, "text-lock"));
}

/* A file that cannot grow is a disk that is full: nothing breaks, and it works again when there is
 * room. */
Test(sessions_file, a_full_disk)
{
    struct rlimit limit, before;
    signal(SIGXFSZ, SIG_IGN);
    struct store *store = open_store(&usual);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 200000;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    unsigned failed = 0;
    for (unsigned i = 0; i < 300; i++) {
        failed += try_put(store, i, 1000, 60) != STORE_DONE;
        int there = get(store, i);
        cr_assert(there == -1 || there == 1000, "%u: %d", i, there);
    }
    cr_assert_gt(failed, 0);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    put(store, 1000, 1000, 60);
    cr_assert_eq(get(store, 1000), 1000);
    store_free(store);
    cr_assert_neq(access(test_folder_path(folder, "store-damaged"), F_OK), 0);
}

/* A disk of this test alone, in a mount namespace of its own. */
static void mount_disk(const char *path)
{
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", path, "tmpfs", 0, "size=256k,mode=700"))
        cr_skip("no disk of our own can be mounted here");
}

/* Both files are mapped: without a place on the disk, writing to the lock file would kill the
 * process. */
Test(sessions_file, a_disk_that_is_full_at_the_start)
{
    char disk[] = "/tmp/actpass-disk-XXXXXX", path[64], filler[64];
    const char block[4096] = "x";
    cr_assert_not_null(mkdtemp(disk));
    mount_disk(disk);
    snprintf(path, sizeof(path), "%s/store", disk);
    snprintf(filler, sizeof(filler), "%s/filler", disk);
    int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert(fd >= 0);
    off_t size = 0;
    while (write(fd, block, sizeof(block)) == sizeof(block))
        size += (off_t)sizeof(block);
    for (off_t room = 0; room <= 65536; room += 4096) {
        cr_assert_eq(ftruncate(fd, size - room), 0);
        error.text[0] = '\0';
        struct store *store = store_file_new(path, &usual, &error);
        if (!store)
            cr_assert(strstr(error.text, "make room on the disk"), "%s", error.text);
        store_free(store);
    }
    cr_assert_eq(ftruncate(fd, 0), 0);
    close(fd);
    struct store *store = store_file_new(path, &usual, &error);
    cr_assert_not_null(store, "%s", error.text);
    put(store, 1, 100, 60);
    cr_assert_eq(get(store, 1), 100);
    store_free(store);
    cr_assert_eq(umount(disk), 0);
    cr_assert_eq(rmdir(disk), 0);
}

/* As after a crash of the machine. What is missing may be of use or not; if it is, the file is set
 * aside. */
Test(sessions_file, cut_short)
{
    struct stat whole;
    unsigned set_aside = 0;
    const char *path = test_folder_path(folder, "store");
    for (off_t cut = 4096; cut <= 20 * 4096; cut += 4096) {
        struct store *store = open_store(&usual);
        for (unsigned i = 0; i < 100; i++)
            put(store, i, 1000, 60);
        store_free(store);
        cr_assert(stat(path, &whole) == 0 && whole.st_size > cut);
        cr_assert_eq(truncate(path, whole.st_size - cut), 0);
        store = open_store(&usual);
        for (unsigned i = 0; i < 110; i++) {
            int there = get(store, i);
            cr_assert(there == 1000 || there == -1 || there == -3, "%u: %d", i, there);
            (void)try_put(store, i, 1000, 60);
        }
        put(store, 1000, 1000, 60);
        cr_assert_eq(get(store, 1000), 1000);
        store_free(store);
        set_aside += unlink(test_folder_path(folder, "store-damaged")) == 0;
        cr_assert(unlink(path) == 0 && unlink(test_folder_path(folder, "store-lock")) == 0);
    }
    cr_assert_gt(set_aside, 0);
}

/* ---- Many processes ------------------------------------------------------------------------- */

/* A child that opens the store itself, when there is something to read: LMDB does not survive a
 * fork, so that we must have none open. -1: at once. */
static pid_t child_after(int fd, void (*run)(struct store *store, unsigned number), unsigned number)
{
    char byte;
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent ||
        (fd >= 0 && read(fd, &byte, 1) != 1))
        _exit(3);
    struct store *store = store_file_new(test_folder_path(folder, "store"), &usual, &error);
    if (!store)
        _exit(2);
    run(store, number);
    store_free(store);
    _exit(0);
}

static pid_t child(void (*run)(struct store *store, unsigned number), unsigned number)
{
    return child_after(-1, run, number);
}

static void put_one(struct store *store, unsigned number)
{
    if (try_put(store, number, 100, 60) != STORE_DONE)
        _exit(4);
}

Test(sessions_file, another_process_sees_it)
{
    int status = -1;
    pid_t pid = child(put_one, 7);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    struct store *store = open_store(&usual);
    cr_assert_eq(get(store, 7), 100);
    store_free(store);
}

/* Takes the lock for writing, and never gives it back. */
static void hold_for_ever(struct store *store, unsigned number)
{
    MDB_txn *txn;
    struct file_db db = {.limits = usual};
    (void)number;
    store_free(store);
    if (file_db_open(&db, test_folder_path(folder, "store")) ||
        mdb_txn_begin(db.env, NULL, 0, &txn) || kill(getppid(), SIGCONT))
        _exit(6);
    for (;;)
        pause();
}

static atomic_bool held;

static void on_held(int signal)
{
    (void)signal;
    atomic_store(&held, true);
}

/* As one does that is stopped, by a debugger for example: nobody waits for long, at the start, in
 * between, or at the end. */
Test(sessions_file, a_process_that_holds_the_lock, .timeout = 30)
{
    int status;
    signal(SIGCONT, on_held);
    struct store *store = open_store(&usual);
    put(store, 1, 100, 60);
    store_free(store);
    pid_t pid = child(hold_for_ever, 0);
    for (int i = 0; i < 1000 && !atomic_load(&held); i++)
        pause_ms(10);
    cr_assert(atomic_load(&held));
    for (int i = 0; i < 2; i++) { /* the second time it is still open */
        store = open_store(&usual);
        cr_assert_eq(get(store, 1), 100);
        cr_assert_eq(try_put(store, 2, 100, 60), STORE_FAILED);
        cr_assert(strstr(problem.text, "it was busy"), "%s", problem.text);
        store_free(store);
    }
    cr_assert_eq(kill(pid, SIGKILL), 0);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    store = open_store(&usual);
    put(store, 3, 100, 60);
    cr_assert_eq(get(store, 2), 100, "it was written after all");
    store_free(store);
}

/* Until the new file can be written there is none, but that is said at once. */
Test(sessions_file, a_lock_that_is_held_and_a_file_that_was_removed, .timeout = 30)
{
    int status, go[2];
    signal(SIGCONT, on_held);
    cr_assert_eq(pipe(go), 0);
    pid_t pid = child_after(go[0], hold_for_ever, 0);
    struct store *store = open_store(&usual);
    put(store, 1, 100, 60);
    cr_assert_eq(write(go[1], "x", 1), 1);
    for (int i = 0; i < 1000 && !atomic_load(&held); i++)
        pause_ms(10);
    cr_assert(atomic_load(&held));
    cr_assert_eq(unlink(test_folder_path(folder, "store")), 0);
    cr_assert_eq(try_put(store, 2, 100, 60), STORE_FAILED);
    cr_assert_eq(get(store, 1), -3);
    store_free(store);
    struct store *again = open_store(&usual);
    cr_assert_eq(again, store, "it is still open");
    cr_assert_eq(kill(pid, SIGKILL), 0);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    for (int i = 0; i < 1000 && try_put(again, 3, 100, 60) != STORE_DONE; i++)
        pause_ms(10);
    cr_assert_eq(get(again, 1), -1);
    cr_assert_eq(get(again, 2), 100);
    cr_assert_eq(get(again, 3), 100);
    store_free(again);
    close(go[0]);
    close(go[1]);
}

/* Somebody took them for leftovers: what is made anew is found by others, too, and is one store for
 * all. */
Test(sessions_file, files_that_were_removed)
{
    static const struct {
        const char *names[2];
        int kept;
    } rows[] = {{{"store-lock"}, 100}, {{"store"}, -1}, {{"store", "store-lock"}, -1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int status = -1, go[2];
        cr_assert_eq(pipe(go), 0);
        pid_t pid = child_after(go[0], put_one, 2);
        struct store *store = open_store(&usual);
        put(store, 1, 100, 60);
        for (size_t j = 0; j < 2 && rows[i].names[j]; j++)
            cr_assert_eq(unlink(test_folder_path(folder, rows[i].names[j])), 0);
        cr_assert_eq(write(go[1], "x", 1), 1);
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_eq(status, 0, "row %zu: %x", i, status);
        close(go[0]);
        close(go[1]);
        put(store, 3, 100, 60);
        cr_assert_eq(get(store, 1), rows[i].kept, "row %zu", i);
        cr_assert_eq(get(store, 2), 100, "row %zu", i);
        struct store *again = open_store(&usual);
        cr_assert_eq(again, store, "row %zu: LMDB would lose its locks", i);
        store_free(again);
        store_free(store);
        cr_assert_eq(unlink(test_folder_path(folder, "store")), 0);
        cr_assert_eq(unlink(test_folder_path(folder, "store-lock")), 0);
    }
}

/* Its own records, and whatever the others have; status 5: one was damaged. */
static void work_for_ever(struct store *store, unsigned number)
{
    for (unsigned i = 0;; i++) {
        (void)try_put(store, number * 100 + i % 100, 50 + i % 3000, 60);
        if (get(store, (number * 37 + i * 11) % 1000) == -2)
            _exit(5);
    }
}

/* Killed in the middle of anything, over and over; the others go on. */
Test(sessions_file, killed_processes, .timeout = 60)
{
    enum { CHILDREN = 6, KILLS = 40 };
    pid_t pids[CHILDREN];
    int status;
    for (unsigned i = 0; i < CHILDREN; i++)
        pids[i] = child(work_for_ever, i);
    for (unsigned i = 0; i < KILLS; i++) {
        pause_ms(20);
        cr_assert_eq(kill(pids[i % CHILDREN], SIGKILL), 0);
        cr_assert_eq(waitpid(pids[i % CHILDREN], &status, 0), pids[i % CHILDREN]);
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x", status);
        pids[i % CHILDREN] = child(work_for_ever, i % CHILDREN);
    }
    for (unsigned i = 0; i < CHILDREN; i++) {
        cr_assert_eq(kill(pids[i], SIGKILL), 0);
        cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x", status);
    }
    struct store *store = open_store(&usual);
    put(store, 5000, 100, 60);
    cr_assert_eq(get(store, 5000), 100);
    for (unsigned i = 0; i < 1000; i++)
        cr_assert_neq(get(store, i), -2, "record %u is damaged", i);
    cr_assert_neq(access(test_folder_path(folder, "store-damaged"), F_OK), 0);
    store_free(store);
}
#else
Test(sessions_file, not_built)
{
    struct error_text error;
    const struct config_sessions where = {.kind = CONFIG_SESSIONS_FILE, .text = (char *)"file:/x"};
    cr_assert_null(store_open(&where, &error));
    cr_assert(strstr(error.text, "built without LMDB"), "%s", error.text);
}
#endif
