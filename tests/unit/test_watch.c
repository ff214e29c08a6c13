#include "server/daemon/watch.h"

#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder with a file c.pem, which is watched. */
struct scene {
    struct test_folder *folder;
    char *path;
    struct watch *watch;
};

static void begin(struct scene *scene)
{
    *scene = (struct scene){.folder = test_folder_new(), .watch = watch_new()};
    scene->path = strdup(test_write_text(scene->folder, "c.pem", "text"));
    cr_assert_not_null(scene->watch, "%s", strerror(errno));
    cr_assert(watch_file(scene->watch, scene->path), "%s", strerror(errno));
}

static void end(struct scene *scene)
{
    watch_free(scene->watch);
    free(scene->path);
    test_folder_free(scene->folder);
}

static bool is_readable(const struct watch *watch)
{
    struct pollfd set = {.fd = watch_fd(watch), .events = POLLIN};
    return poll(&set, 1, 0) == 1;
}

/* Says whether something has happened, and that once. */
static bool take(struct scene *scene)
{
    bool readable = is_readable(scene->watch);
    cr_assert_eq(watch_take(scene->watch), readable);
    cr_assert_not(watch_take(scene->watch));
    return readable;
}

Test(watch, a_file_is_written_again)
{
    struct scene scene;
    begin(&scene);
    cr_assert_not(take(&scene));
    (void)test_write_text(scene.folder, "c.pem", "other");
    cr_assert(take(&scene));
    end(&scene);
}

Test(watch, another_file_takes_its_name)
{
    struct scene scene;
    begin(&scene);
    char *other = strdup(test_write_text(scene.folder, "new", "other"));
    (void)take(&scene);
    cr_assert_eq(rename(other, scene.path), 0);
    cr_assert(take(&scene));
    free(other);
    end(&scene);
}

Test(watch, its_rights_change)
{
    struct scene scene;
    begin(&scene);
    cr_assert_eq(chmod(scene.path, 0400), 0);
    cr_assert(take(&scene));
    end(&scene);
}

/* Through a link, the folder that it leads to is watched as well. */
Test(watch, the_target_of_a_link)
{
    struct scene scene;
    struct test_folder *far = test_folder_new();
    begin(&scene);
    char *target = strdup(test_write_text(far, "far.pem", "text"));
    char *link = strdup(test_folder_path(scene.folder, "link.pem"));
    cr_assert_eq(symlink(target, link), 0);
    (void)take(&scene);
    (void)test_write_text(far, "far.pem", "one");
    cr_assert_not(take(&scene), "nobody asked");
    cr_assert(watch_file(scene.watch, link));
    (void)test_write_text(far, "far.pem", "two");
    cr_assert(take(&scene));
    cr_assert_eq(unlink(link), 0);
    cr_assert(take(&scene));
    free(link);
    free(target);
    end(&scene);
    test_folder_free(far);
}

/* As deployments do it: current -> v1 becomes current -> v2. */
Test(watch, a_link_in_the_middle_of_the_path)
{
    struct scene scene;
    begin(&scene);
    char *link = strdup(test_folder_path(scene.folder, "current"));
    char *next = strdup(test_folder_path(scene.folder, "next"));
    const char *first = test_folder_path(scene.folder, "v1");
    cr_assert_eq(mkdir(first, 0700), 0);
    cr_assert_eq(symlink("v1", link), 0);
    char *path = strdup(test_folder_path(scene.folder, "current/c.pem"));
    watch_free(scene.watch);
    scene.watch = watch_new();
    cr_assert(watch_file(scene.watch, path));
    cr_assert_eq(symlink("v2", next), 0);
    cr_assert_eq(rename(next, link), 0);
    cr_assert(take(&scene));
    cr_assert_eq(rmdir(first), 0);
    cr_assert_eq(unlink(link), 0);
    free(path);
    free(next);
    free(link);
    end(&scene);
}

/* A link that leads to a link in another folder. */
Test(watch, links_behind_links)
{
    struct scene scene;
    struct test_folder *middle = test_folder_new(), *far = test_folder_new();
    begin(&scene);
    char *target = strdup(test_write_text(far, "far.pem", "text"));
    char *second = strdup(test_folder_path(middle, "second.pem"));
    char *link = strdup(test_folder_path(scene.folder, "link.pem"));
    cr_assert_eq(symlink(target, second), 0);
    cr_assert_eq(symlink(second, link), 0);
    cr_assert(watch_file(scene.watch, link));
    (void)take(&scene);
    cr_assert_eq(unlink(second), 0);
    cr_assert(take(&scene));
    cr_assert_eq(unlink(link), 0);
    free(link);
    free(second);
    free(target);
    end(&scene);
    test_folder_free(middle);
    test_folder_free(far);
}

/* The folder is replaced as a whole, and is another one by then. */
Test(watch, the_folder_moves_away)
{
    struct scene scene;
    begin(&scene);
    char *folder = strdup(test_folder_path(scene.folder, "inner"));
    char *moved = strdup(test_folder_path(scene.folder, "moved"));
    char *path = strdup(test_folder_path(scene.folder, "inner/c.pem"));
    cr_assert_eq(mkdir(folder, 0700), 0);
    watch_free(scene.watch);
    scene.watch = watch_new();
    cr_assert(watch_file(scene.watch, path));
    cr_assert_eq(rename(folder, moved), 0);
    cr_assert(take(&scene));
    cr_assert_not(watch_file(scene.watch, path));
    cr_assert_eq(errno, ENOENT);
    (void)take(&scene);
    cr_assert_eq(rename(moved, folder), 0);
    cr_assert(take(&scene), "it comes back");
    cr_assert_eq(rmdir(folder), 0);
    free(path);
    free(moved);
    free(folder);
    end(&scene);
}

Test(watch, links_in_a_circle)
{
    struct scene scene;
    begin(&scene);
    char *one = strdup(test_folder_path(scene.folder, "one"));
    char *other = strdup(test_folder_path(scene.folder, "other"));
    cr_assert_eq(symlink("other", one), 0);
    cr_assert_eq(symlink("one", other), 0);
    cr_assert_not(watch_file(scene.watch, one));
    cr_assert_eq(errno, ELOOP);
    cr_assert_eq(unlink(one), 0);
    cr_assert_eq(unlink(other), 0);
    free(other);
    free(one);
    end(&scene);
}

Test(watch, a_folder_that_is_not_there)
{
    struct scene scene;
    begin(&scene);
    cr_assert_not(watch_file(scene.watch, "/no-such-folder/c.pem"));
    cr_assert_eq(errno, ENOENT);
    end(&scene);
    watch_free(NULL);
}
