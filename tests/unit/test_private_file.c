/* Which modes and groups keep a secret. */
#include "config/private_file.h"

#include <criterion/criterion.h>
#include <string.h>

static void check(mode_t mode, gid_t group, const char *wanted)
{
    const struct stat status = {.st_mode = mode, .st_gid = group};
    const char *others = private_file_open_to(&status);
    cr_assert_eq(!others, !wanted, "%o of %u", mode, group);
    if (others && wanted)
        cr_assert(strstr(others, wanted), "%o of %u: %s", mode, group, others);
}

Test(private_file, modes_and_groups)
{
    static const mode_t private[] = {0600, 0400, 0640, 0660, 0670, 0440, 0};
    static const mode_t open[] = {0644, 0604, 0602, 0601, 0666, 0777, 0004};
    for (size_t i = 0; i < sizeof(private) / sizeof(*private); i++)
        check(S_IFREG | private[i], 0, NULL);
    for (size_t i = 0; i < sizeof(open) / sizeof(*open); i++) {
        check(S_IFREG | open[i], 0, "everybody");
        check(S_IFIFO | open[i], 0, NULL);
    }
    static const gid_t all[] = {100, 65534};
    for (size_t i = 0; i < 2; i++) {
        check(S_IFREG | 0640, all[i], "group");
        check(S_IFREG | 0620, all[i], "group");
        check(S_IFREG | 0600, all[i], NULL);
    }
}
