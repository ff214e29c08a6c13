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

Test(watch, a_folder_that_is_not_there)
{
    struct scene scene;
    begin(&scene);
    cr_assert_not(watch_file(scene.watch, "/no-such-folder/c.pem"));
    cr_assert_eq(errno, ENOENT);
    end(&scene);
    watch_free(NULL);
}
