#include "server/daemon/sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's interface (linux/landlock.h), written out since the headers of Debian 12 end with
 * ABI 2. */
enum {
    ACCESS_WRITE_FILE = 1 << 1,
    ACCESS_READ_FILE = 1 << 2,
    ACCESS_READ_DIR = 1 << 3,
    ACCESS_REMOVE_FILE = 1 << 5,
    ACCESS_MAKE_REG = 1 << 8,
    ACCESS_MAKE_SOCK = 1 << 9,
    ACCESS_ABI_1 = (1 << 13) - 1,
    ACCESS_REFER = 1 << 13,     /* ABI 2 */
    ACCESS_TRUNCATE = 1 << 14,  /* ABI 3 */
    ACCESS_IOCTL_DEV = 1 << 15, /* ABI 5 */
    ACCESS_OF_FILES = ACCESS_WRITE_FILE | ACCESS_READ_FILE | ACCESS_TRUNCATE,
    NET_CONNECT_TCP = 1 << 1, /* ABI 4 */
    SCOPE_ABSTRACT = 1,
    SCOPE_ALL = 3, /* ABI 6: abstract unix sockets, and signals */
    CREATE_VERSION = 1,
    RULE_PATH_BENEATH = 1,
    RULE_NET_PORT = 2
};

struct ruleset {
    uint64_t fs, net, scoped;
};

struct path_rule {
    uint64_t access;
    int32_t parent_fd;
} __attribute__((packed));

struct port_rule {
    uint64_t access, port;
};

int landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
    return abi > 0 ? (int)abi : 0;
}

/* All that this version can refuse. Connecting to what has a path in the file system is left free
 * (ABI 9): the resolver's and the journal's sockets have many places. So is connecting by TCP where
 * each port is planned: a rule for each would make the start, and each connect, slower. */
static struct ruleset ruleset_of(int abi, const struct plan *plan)
{
    bool connects = abi >= LANDLOCK_ABI_CONNECT && !plan_has_all_ports(plan);
    struct ruleset ruleset = {.fs = ACCESS_ABI_1};
    ruleset.fs |= abi >= 2 ? (uint64_t)ACCESS_REFER : 0;
    ruleset.fs |= abi >= LANDLOCK_ABI_TRUNCATE ? (uint64_t)ACCESS_TRUNCATE : 0;
    ruleset.fs |= abi >= 5 ? (uint64_t)ACCESS_IOCTL_DEV : 0;
    ruleset.net = connects ? (uint64_t)NET_CONNECT_TCP : 0;
    ruleset.scoped = abi >= LANDLOCK_ABI_SCOPE ? (uint64_t)SCOPE_ALL : 0;
    ruleset.scoped &= plan->abstract ? ~(uint64_t)SCOPE_ABSTRACT : ruleset.scoped;
    return ruleset;
}

/* Earlier kernels refuse a structure with members that they do not know, unless these are zero. */
static int create(const struct ruleset *ruleset)
{
    long fd = syscall(SYS_landlock_create_ruleset, ruleset, sizeof(*ruleset), 0);
    return (int)fd;
}

static uint64_t rights_of(unsigned access)
{
    uint64_t rights = 0;
    if ((access & PATHS_READ) != 0)
        rights |= ACCESS_READ_FILE | ACCESS_READ_DIR;
    if ((access & PATHS_WRITE) != 0)
        rights |= ACCESS_WRITE_FILE | ACCESS_TRUNCATE | ACCESS_MAKE_REG | ACCESS_REMOVE_FILE;
    if ((access & PATHS_SOCKETS) != 0)
        rights |= ACCESS_MAKE_SOCK | ACCESS_REMOVE_FILE;
    return rights;
}

/* What is not there is left out: it cannot be opened later either. 0, or an errno. */
static int allow_path(int fd, const struct ruleset *ruleset, const struct paths_item *path)
{
    struct stat status;
    struct path_rule rule = {.access = rights_of(path->access) & ruleset->fs};
    rule.parent_fd = open(path->path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : errno;
    int error = fstat(rule.parent_fd, &status) == 0 ? 0 : errno;
    if (!S_ISDIR(status.st_mode))
        rule.access &= ACCESS_OF_FILES;
    if (error == 0 && rule.access != 0 &&
        syscall(SYS_landlock_add_rule, fd, RULE_PATH_BENEATH, &rule, 0) != 0)
        error = errno;
    close(rule.parent_fd);
    return error;
}

static int allow_port(int fd, uint16_t port)
{
    const struct port_rule rule = {.access = NET_CONNECT_TCP, .port = port};
    return syscall(SYS_landlock_add_rule, fd, RULE_NET_PORT, &rule, 0) == 0 ? 0 : errno;
}

static int allow_all(int fd, const struct ruleset *ruleset, const struct plan *plan)
{
    int error = 0;
    for (size_t i = 0; i < plan->allowed.count && error == 0; i++)
        error = allow_path(fd, ruleset, &plan->allowed.items[i]);
    for (unsigned port = 0; ruleset->net != 0 && port <= UINT16_MAX && error == 0; port++)
        if (plan_has_port(plan, (uint16_t)port))
            error = allow_port(fd, (uint16_t)port);
    return error;
}

int landlock_restrict(const struct plan *plan, int abi)
{
    const struct ruleset ruleset = ruleset_of(abi, plan);
    int fd = create(&ruleset);
    if (fd < 0)
        return errno;
    int error = allow_all(fd, &ruleset, plan);
    if (error == 0 && syscall(SYS_landlock_restrict_self, fd, 0) != 0)
        error = errno;
    close(fd);
    return error;
}
