/* Where a file store may lie, and where somebody else could put another file in its place. */
#ifdef HAVE_LMDB
#include "server/lib/sessions/file_place.h"

#include "server/lib/sessions/file.h"
#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct test_folder *folder;
static struct error_text error;
static const char *below, *store, *lock;

static void set_up(void)
{
    folder = test_folder_new();
    below = test_folder_path(folder, "below");
    store = test_folder_path(folder, "below/store");
    lock = test_folder_path(folder, "below/store-lock");
    cr_assert_eq(mkdir(below, 0700), 0);
}

static void tear_down(void)
{
    (void)unlink(store);
    (void)unlink(lock);
    cr_assert_eq(rmdir(below), 0);
    test_folder_free(folder);
}

TestSuite(sessions_file_place, .init = set_up, .fini = tear_down);

static void allows(const char *path)
{
    error.text[0] = '\0';
    cr_assert(file_place_is_safe(path, &error), "%s", error.text);
}

static void refuses(const char *path, const char *text)
{
    error.text[0] = '\0';
    cr_assert_not(file_place_is_safe(path, &error), "%s", path);
    cr_assert(strstr(error.text, path) && strstr(error.text, text), "%s", error.text);
    cr_assert_null(store_file_new(path, &(struct store_limits){1000, 1048576}, &error));
    cr_assert(strstr(error.text, text), "%s", error.text);
}

static void write_file(const char *name, mode_t mode)
{
    cr_assert_eq(chmod(test_write_text(folder, name, ""), mode), 0);
}

Test(sessions_file_place, modes_of_the_folder)
{
    static const mode_t good[] = {0700, 0750, 0755}, bad[] = {0770, 0720, 0702, 0777};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        cr_assert_eq(chmod(below, good[i]), 0);
        allows(store);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        cr_assert_eq(chmod(below, bad[i]), 0);
        refuses(store, "chmod go-w ");
    }
    cr_assert_eq(chmod(below, 01777), 0);
    refuses(store, "make a folder with mode 700 in it");
    refuses("/tmp/actpass-test-store", "others may write to the folder /tmp: make a folder");
}

/* Who may rename the folder puts another in its place, but not where the sticky bit is set. */
Test(sessions_file_place, modes_of_the_folder_above)
{
    const char *above = test_folder_path(folder, ".");
    cr_assert_eq(chmod(above, 0777), 0);
    refuses(store, "chmod go-w ");
    cr_assert_eq(chmod(above, 01777), 0);
    allows(store);
    cr_assert_eq(chmod(above, 0700), 0);
}

Test(sessions_file_place, ways_to_it)
{
    char path[512];
    const char *link = test_folder_path(folder, "link");
    allows("/store");
    allows("/run/store");
    snprintf(path, sizeof(path), "/%s//../below///store", below);
    allows(path);
    cr_assert_eq(chdir(below), 0);
    allows("store");
    allows("../below/store");
    cr_assert_eq(symlink("below", link), 0);
    snprintf(path, sizeof(path), "%s/store", link);
    allows(path);
    cr_assert_eq(chmod(below, 0777), 0);
    refuses(path, "chmod go-w ");
    refuses("store", "chmod go-w ");
    refuses(test_folder_path(folder, "no/store"), "make the folder first");
}

Test(sessions_file_place, the_two_files)
{
    static const char *const names[] = {"below/store", "below/store-lock"};
    for (size_t i = 0; i < 2; i++) {
        const char *path = test_folder_path(folder, names[i]);
        write_file(names[i], 0600);
        allows(store);
        write_file(names[i], 0640);
        allows(store);
        write_file(names[i], 0644);
        refuses(store, "chmod 600 ");
        cr_assert_eq(unlink(path), 0);
        cr_assert_eq(mkdir(path, 0700), 0);
        refuses(store, "not a regular file");
        cr_assert_eq(rmdir(path), 0);
        cr_assert_eq(mkfifo(path, 0600), 0);
        refuses(store, "not a regular file");
        cr_assert_eq(unlink(path), 0);
    }
}

/* What LMDB did: it overwrote what the link leads to. */
Test(sessions_file_place, links)
{
    static const char text[] = "somebody's\n";
    const char *victim = test_write_text(folder, "victim", text);
    const char *const names[] = {store, lock};
    for (size_t i = 0; i < 2; i++) {
        struct stat status;
        cr_assert_eq(symlink(victim, names[i]), 0);
        refuses(store, "is a symbolic link");
        cr_assert_eq(stat(victim, &status), 0);
        cr_assert_eq(status.st_size, sizeof(text) - 1);
        cr_assert_eq(unlink(names[i]), 0);
        cr_assert_eq(symlink("nowhere", names[i]), 0);
        refuses(store, "is a symbolic link");
        cr_assert_eq(unlink(names[i]), 0);
    }
}

/* Also while the store is in use. */
Test(sessions_file_place, a_link_that_comes_later)
{
    const struct store_limits limits = {1000, 1048576};
    const char *victim = test_write_text(folder, "victim", "somebody's\n");
    const char *const names[] = {store, lock};
    for (size_t i = 0; i < 2; i++) {
        struct error_text problem;
        struct stat status;
        struct store *opened = store_file_new(store, &limits, &error);
        cr_assert_not_null(opened, "%s", error.text);
        cr_assert_eq(unlink(names[i]), 0);
        cr_assert_eq(symlink(victim, names[i]), 0);
        const struct store_key key = {{1}};
        cr_assert_eq(opened->calls->put(opened, &key, "x", 1, 60, &problem), STORE_FAILED);
        cr_assert_eq(stat(victim, &status), 0);
        cr_assert_eq(status.st_size, 11);
        cr_assert_eq(unlink(names[i]), 0);
        store_free(opened);
        (void)unlink(store);
        (void)unlink(lock);
    }
}

/* root's files and folders are fine for everybody; another user's are not, not even for root. */
Test(sessions_file_place, owners)
{
    enum { SOMEBODY = 65533, US = 65532 };
    if (geteuid() != 0)
        cr_skip("only root can give files away; tests/run.sh runs as root");
    allows(store);
    write_file("below/store", 0600);
    cr_assert_eq(chown(store, SOMEBODY, (gid_t)-1), 0);
    refuses(store, "belongs to user 65533");
    cr_assert_eq(unlink(store), 0);
    cr_assert_eq(chown(below, SOMEBODY, (gid_t)-1), 0);
    refuses(store, "belongs to user 65533");
    cr_assert_eq(chown(below, US, (gid_t)-1), 0);
    cr_assert_eq(chmod(test_folder_path(folder, "."), 0755), 0);
    cr_assert_eq(seteuid(US), 0);
    allows(store);
    cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(chown(below, 0, (gid_t)-1), 0);
}
#else
typedef int empty; /* test_sessions_file.c says what holds then */
#endif
