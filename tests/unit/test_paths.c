/* Lists of paths. */
#include "server/daemon/sandbox/paths.h"

#include <criterion/criterion.h>

Test(paths, access_adds_up)
{
    struct paths paths = {0};
    cr_assert(paths_add(&paths, "/a", PATHS_READ));
    cr_assert(paths_add(&paths, "/b", PATHS_READ));
    cr_assert(paths_add(&paths, "/a", PATHS_WRITE));
    cr_assert_eq(paths.count, 2);
    cr_assert_eq(paths_access(&paths, "/a"), PATHS_READ | PATHS_WRITE);
    cr_assert_eq(paths_access(&paths, "/b"), PATHS_READ);
    cr_assert_eq(paths_access(&paths, "/"), 0);
    paths_free(&paths);
    cr_assert_eq(paths.count, 0);
}

Test(paths, a_folder_allows_what_is_below_it)
{
    struct paths paths = {0};
    cr_assert(paths_add(&paths, "/a/b", PATHS_READ | PATHS_SOCKETS));
    cr_assert(paths_allow(&paths, "/a/b", PATHS_READ));
    cr_assert(paths_allow(&paths, "/a/b/c/d", PATHS_SOCKETS | PATHS_READ));
    cr_assert_not(paths_allow(&paths, "/a/b", PATHS_WRITE));
    cr_assert_not(paths_allow(&paths, "/a", PATHS_READ));
    cr_assert_not(paths_allow(&paths, "/a/bc", PATHS_READ));
    paths_free(&paths);
}
