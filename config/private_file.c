/* Files with secrets in them. */
#include "config/private_file.h"

#include <stdbool.h>
#include <stddef.h>

/* By number: names would have to be looked up, which may take a network. */
static bool is_of_all_users(gid_t group)
{
    enum { USERS = 100, NOGROUP = 65534 };
    return group == USERS || group == NOGROUP;
}

const char *private_file_open_to(const struct stat *status)
{
    if (!S_ISREG(status->st_mode))
        return NULL;
    if (status->st_mode & S_IRWXO)
        return "everybody";
    if (status->st_mode & S_IRWXG && is_of_all_users(status->st_gid))
        return "its group, in which all users can be,";
    return NULL;
}
