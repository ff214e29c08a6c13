/* Which folder stands for a file. */
#include "server/daemon/sandbox/places.h"

#include "tests/unit/test_config.h"

static bool is_in(const struct paths *paths, const char *path)
{
    return paths_access(paths, path) != 0;
}

/* The folder of the test, with NAME in it. */
static const char *here(const char *name)
{
    static char path[4096 + 64];
    char folder[4096];
    cr_assert_not_null(getcwd(folder, sizeof(folder)));
    (void)snprintf(path, sizeof(path), "%s%s%s", folder, *name ? "/" : "", name);
    return path;
}

Test(places, shared_folders)
{
    static const char *const shared[] = {"/", "/etc", "/tmp", "/home/a", "/usr/lib", "/etc/ssl"};
    static const char *const own[] = {"/etc/actpass", "/home/a/b", "/etc/ssl/private", "/tmp/x",
                                      "/usr/lib/x"};
    for (size_t i = 0; i < sizeof(shared) / sizeof(*shared); i++)
        cr_assert(places_is_shared(shared[i]), "%s", shared[i]);
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        cr_assert_not(places_is_shared(own[i]), "%s", own[i]);
}

Test(places, of_a_shared_folder_only_the_file)
{
    struct paths paths = {0};
    cr_assert(places_add_named(&paths, "/etc/passwd", PATHS_READ));
    cr_assert(is_in(&paths, "/etc/passwd"));
    cr_assert_not(is_in(&paths, "/etc"));
    paths_free(&paths);
}

/* As certbot does: the link stays, and what it leads to is another file each time. */
Test(places, both_folders_of_a_link, .init = folder_enter, .fini = folder_leave)
{
    struct paths paths = {0};
    cr_assert_eq(mkdir("folder/live", 0700) | mkdir("folder/archive", 0700), 0);
    make_file("folder/archive/1.pem", 0600, "");
    cr_assert_eq(symlink("../archive/1.pem", "folder/live/cert.pem"), 0);
    cr_assert(places_add_named(&paths, "folder/live/cert.pem", PATHS_READ));
    cr_assert(is_in(&paths, here("folder/live")));
    cr_assert(is_in(&paths, here("folder/archive")));
    cr_assert_eq(paths.count, 2);
    paths_free(&paths);
    (void)unlink("folder/live/cert.pem");
    (void)unlink("folder/archive/1.pem");
    cr_assert_eq(rmdir("folder/live") | rmdir("folder/archive"), 0);
}

Test(places, what_is_not_there_yet, .init = folder_enter, .fini = folder_leave)
{
    struct paths paths = {0};
    cr_assert(places_add_named(&paths, "folder/new", PATHS_WRITE));
    cr_assert(is_in(&paths, here("folder")));
    cr_assert(places_add_named(&paths, "none/new", PATHS_WRITE));
    cr_assert_eq(paths.count, 1);
    paths_free(&paths);
}
