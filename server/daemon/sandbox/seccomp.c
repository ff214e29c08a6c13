#include "server/daemon/sandbox/seccomp.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41 /* glibc 2.41 names its memory */
#endif

/* What the program, OpenSSL, LMDB, hiredis and the C library call. Names that an architecture does
 * not have are skipped: stat64, mmap2 and the like are those of 32 bits. The tests, all run inside,
 * prove the list complete. */
static const char *const allowed_calls[] = {
    /* files: which ones is Landlock's part */
    "open",
    "openat",
    "openat2",
    "close",
    "close_range",
    "read",
    "readv",
    "pread64",
    "preadv",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "lseek",
    "_llseek",
    "sendfile",
    "sendfile64",
    "fcntl",
    "fcntl64",
    "flock",
    "dup",
    "dup2",
    "dup3",
    "stat",
    "stat64",
    "lstat",
    "lstat64",
    "fstat",
    "fstat64",
    "newfstatat",
    "fstatat64",
    "statx",
    "statfs",
    "statfs64",
    "fstatfs",
    "fstatfs64",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getcwd",
    "getdents",
    "getdents64",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "ftruncate",
    "ftruncate64",
    "fallocate",
    "fsync",
    "fdatasync",
    "fchmod",
    "umask",
    "fadvise64",
    "fadvise64_64",
    "arm_fadvise64_64",
    "readahead",
    "inotify_init1",
    "inotify_add_watch",
    "inotify_rm_watch",
    /* memory; mmap, mmap2 and mprotect are below */
    "brk",
    "munmap",
    "mremap",
    "madvise",
    "msync",
    "mincore",
    "membarrier",
    /* threads; clone is below */
    "futex",
    "futex_time64",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "set_tid_address",
    "gettid",
    "getpid",
    "getppid",
    "exit",
    "exit_group",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "getcpu",
    /* signals */
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigreturn",
    "rt_sigtimedwait",
    "rt_sigtimedwait_time64",
    "rt_sigpending",
    "sigaltstack",
    "signalfd4",
    "restart_syscall",
    /* time */
    "clock_gettime",
    "clock_gettime64",
    "clock_getres",
    "clock_getres_time64",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "nanosleep",
    "gettimeofday",
    "time",
    "times",
    "timerfd_create",
    "timerfd_settime",
    "timerfd_settime64",
    "timerfd_gettime",
    "timerfd_gettime64",
    /* waiting */
    "poll",
    "ppoll",
    "ppoll_time64",
    "select",
    "_newselect",
    "pselect6",
    "pselect6_time64",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_ctl_old",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "eventfd",
    "eventfd2",
    "pipe",
    "pipe2",
    /* sockets; socket and those that send are below */
    "bind",
    "listen",
    "accept",
    "accept4",
    "connect",
    "getsockname",
    "getpeername",
    "getsockopt",
    "setsockopt",
    "shutdown",
    "recv",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "recvmmsg_time64",
    "send",
    /* what the process is */
    "getuid",
    "getuid32",
    "geteuid",
    "geteuid32",
    "getgid",
    "getgid32",
    "getegid",
    "getegid32",
    "getresuid",
    "getresuid32",
    "getresgid",
    "getresgid32",
    "getgroups",
    "getgroups32",
    "getrusage",
    "getrlimit",
    "ugetrlimit",
    "sysinfo",
    "uname",
    "getrandom",
};

static int error_of(int result)
{
    return result < 0 ? -result : 0;
}

static struct scmp_arg_cmp argument_is(unsigned argument, uint64_t value)
{
    return (struct scmp_arg_cmp){.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value};
}

/* A rule of one to three conditions. */
static int allow_if(scmp_filter_ctx filter, const char *name, unsigned count,
                    const struct scmp_arg_cmp *conditions)
{
    int call = seccomp_syscall_resolve_name(name);
    if (call == __NR_SCMP_ERROR)
        return 0;
    return error_of(seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, count, conditions));
}

static int allow_calls(scmp_filter_ctx filter)
{
    int error = 0;
    for (size_t i = 0; i < sizeof(allowed_calls) / sizeof(allowed_calls[0]) && error == 0; i++)
        error = allow_if(filter, allowed_calls[i], 0, NULL);
    return error;
}

/* ---- Memory and threads --------------------------------------------------------------------- */

/* No memory can be written and executed, at once or one after the other. */
static int allow_memory(scmp_filter_ctx filter)
{
    const unsigned both = PROT_WRITE | PROT_EXEC;
    const struct scmp_arg_cmp data = SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    const struct scmp_arg_cmp code = SCMP_A2_64(SCMP_CMP_MASKED_EQ, both, PROT_EXEC);
    static const char *const maps[] = {"mmap", "mmap2"};
    int error = allow_if(filter, "mprotect", 1, &data);
    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]) && error == 0; i++) {
        error = allow_if(filter, maps[i], 1, &data);
        if (error == 0)
            error = allow_if(filter, maps[i], 1, &code);
    }
    return error;
}

/* Threads, but no processes. The flags of clone3 are in memory, where no filter sees them. */
static int allow_threads(scmp_filter_ctx filter)
{
    const unsigned spaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID |
                            CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    const struct scmp_arg_cmp thread =
        SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD | spaces, CLONE_THREAD);
    int clone3 = seccomp_syscall_resolve_name("clone3");
    int error = allow_if(filter, "clone", 1, &thread);
    if (error == 0 && clone3 != __NR_SCMP_ERROR)
        error = error_of(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), clone3, 0));
    return error;
}

/* ---- Sockets -------------------------------------------------------------------------------- */

enum { TYPE_MASK = 0xf }; /* without SOCK_CLOEXEC and SOCK_NONBLOCK */

static int allow_socket(scmp_filter_ctx filter, int family, int type, int protocol)
{
    const struct scmp_arg_cmp conditions[] = {
        argument_is(0, (unsigned)family),
        SCMP_A1_64(SCMP_CMP_MASKED_EQ, TYPE_MASK, (unsigned)type),
        argument_is(2, (unsigned)protocol),
    };
    return allow_if(filter, "socket", 3, conditions);
}

/* Other protocols would be ways around Landlock, which knows TCP. Datagrams and netlink are for
 * the resolver alone. */
static int allow_sockets(scmp_filter_ctx filter, bool names)
{
    static const int families[] = {AF_INET, AF_INET6};
    const struct scmp_arg_cmp local = argument_is(0, AF_UNIX);
    int error = allow_if(filter, "socket", 1, &local);
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]) && error == 0; i++) {
        error = allow_socket(filter, families[i], SOCK_STREAM, 0);
        if (error == 0)
            error = allow_socket(filter, families[i], SOCK_STREAM, IPPROTO_TCP);
        if (error == 0 && names)
            error = allow_socket(filter, families[i], SOCK_DGRAM, 0);
        if (error == 0 && names)
            error = allow_socket(filter, families[i], SOCK_DGRAM, IPPROTO_UDP);
    }
    if (error == 0 && names)
        error = allow_socket(filter, AF_NETLINK, SOCK_RAW, 0);
    return error == 0 ? allow_if(filter, "socketpair", 1, &local) : error;
}

/* Fast Open connects behind Landlock's back (in Linux up to 7.1), so its flag is refused unless
 * the configuration wants it. */
static int allow_sending(scmp_filter_ctx filter, bool fast_open)
{
    const struct scmp_arg_cmp sendto = SCMP_A3_64(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0);
    const struct scmp_arg_cmp sendmsg = SCMP_A2_64(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0);
    unsigned count = fast_open ? 0 : 1;
    int error = allow_if(filter, "sendto", count, &sendto);
    if (error == 0)
        error = allow_if(filter, "sendmmsg", count, &sendto);
    return error == 0 ? allow_if(filter, "sendmsg", count, &sendmsg) : error;
}

/* ---- The rest ------------------------------------------------------------------------------- */

static int allow_value(scmp_filter_ctx filter, const char *name, unsigned argument, uint64_t value)
{
    const struct scmp_arg_cmp is = argument_is(argument, value);
    return allow_if(filter, name, 1, &is);
}

/* A thread may choose between the usual policies for itself; no other process is slowed down. */
static int allow_policies(scmp_filter_ctx filter)
{
    static const int policies[] = {SCHED_OTHER, SCHED_BATCH};
    int error = 0;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]) && error == 0; i++) {
        const struct scmp_arg_cmp own[] = {argument_is(0, 0),
                                           argument_is(1, (unsigned)policies[i])};
        error = allow_if(filter, "sched_setscheduler", 2, own);
    }
    return error;
}

/* Calls that do many things: only what is needed, or what concerns this process. */
static int allow_some(scmp_filter_ctx filter)
{
    static const unsigned requests[] = {FIONREAD, FIONBIO,     TCGETS,      SIOCOUTQ,
                                        SIOCINQ,  SIOCGIFNAME, SIOCGIFINDEX};
    static const unsigned options[] = {PR_SET_NAME, PR_GET_NAME, PR_SET_VMA, PR_GET_DUMPABLE};
    const struct scmp_arg_cmp own_limits[] = {argument_is(0, 0), argument_is(2, 0)};
    int error = allow_value(filter, "tgkill", 0, (uint64_t)getpid());
    if (error == 0)
        error = allow_policies(filter);
    if (error == 0)
        error = allow_if(filter, "prlimit64", 2, own_limits);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]) && error == 0; i++)
        error = allow_value(filter, "ioctl", 1, requests[i]);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]) && error == 0; i++)
        error = allow_value(filter, "prctl", 0, options[i]);
    return error;
}

/* For a reload that opens a unix socket whose file is to have these; all files are the user's own.
 */
static int allow_file_modes(scmp_filter_ctx filter)
{
    static const char *const calls[] = {"lchown", "lchown32", "fchownat",
                                        "chmod",  "fchmodat", "fchmodat2"};
    int error = 0;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) && error == 0; i++)
        error = allow_if(filter, calls[i], 0, NULL);
    return error;
}

static int allow_all(scmp_filter_ctx filter, const struct plan *plan)
{
    int error = allow_calls(filter);
    if (error == 0)
        error = allow_memory(filter);
    if (error == 0)
        error = allow_threads(filter);
    if (error == 0)
        error = allow_sockets(filter, plan->names);
    if (error == 0)
        error = allow_sending(filter, plan->fast_open);
    if (error == 0 && plan->file_modes)
        error = allow_file_modes(filter);
    return error == 0 ? allow_some(filter) : error;
}

/* The log and the order of the rules are extras: an older kernel or library goes without. */
static int set_up(scmp_filter_ctx filter)
{
    enum { BINARY_TREE = 2 };
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE);
    int result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM));
    return error_of(result < 0 ? result : seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1));
}

int seccomp_restrict(const struct plan *plan)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        return ENOMEM;
    int error = set_up(filter);
    if (error == 0)
        error = allow_all(filter, plan);
    if (error == 0)
        error = error_of(seccomp_load(filter));
    seccomp_release(filter);
    return error;
}
