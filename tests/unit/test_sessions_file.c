/* The file store in one process: bounded, private, and never an error for long. What every store
 * does: test_sessions_store.c. */
#ifdef HAVE_LMDB
#include "tests/unit/test_sessions_file.h"

#include "server/lib/sessions/file_db.h"
#include "tests/support/resources.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(sessions_file, .init = set_up, .fini = tear_down);

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
#else
#include "server/lib/sessions/store_open.h"

#include <criterion/criterion.h>
#include <string.h>

Test(sessions_file, not_built)
{
    struct error_text error;
    const struct config_sessions where = {.kind = CONFIG_SESSIONS_FILE, .text = (char *)"file:/x"};
    cr_assert_null(store_open(&where, &error));
    cr_assert(strstr(error.text, "built without LMDB"), "%s", error.text);
}
#endif
