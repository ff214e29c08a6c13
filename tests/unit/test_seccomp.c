/* Which system calls are refused. Each attempt is made in a child, which alone is restricted. */
#include "server/daemon/sandbox/seccomp.h"

#include <criterion/criterion.h>
#ifdef HAVE_LIBSECCOMP
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* 0, or the errno of what the child attempted under the plan. */
static int error_with(const struct plan *plan, long (*attempt)(void))
{
    int status;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        if (seccomp_restrict(plan) != 0)
            _exit(255);
        errno = 0;
        _exit(attempt() < 0 ? errno : 0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "%d", status);
    cr_assert_neq(WEXITSTATUS(status), 255, "cannot restrict");
    return WEXITSTATUS(status);
}

static int error_of(long (*attempt)(void))
{
    const struct plan plan = {.names = false};
    return error_with(&plan, attempt);
}

/* ---- Processes ------------------------------------------------------------------------------ */

static long attempt_fork(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child;
}

static long attempt_execve(void)
{
    char *const arguments[] = {"true", NULL};
    return execve("/bin/true", arguments, NULL);
}

static long attempt_ptrace(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long attempt_kill_parent(void)
{
    return kill(getppid(), 0);
}

static long attempt_io_uring(void)
{
    return syscall(SYS_io_uring_setup, 1, NULL);
}

static long attempt_bpf(void)
{
    return syscall(SYS_bpf, 0, NULL, 0);
}

static long attempt_unshare(void)
{
    return syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */);
}

static long attempt_setuid(void)
{
    return setuid(getuid());
}

static long attempt_dumpable(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long attempt_limit(void)
{
    const struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};
    return setrlimit(RLIMIT_NOFILE, &limit);
}

static long set_policy(pid_t process, int policy)
{
    const struct sched_param none = {.sched_priority = 0};
    return sched_setscheduler(process, policy, &none);
}

static long attempt_own_policies(void)
{
    return set_policy(0, SCHED_BATCH) < 0 ? -1 : set_policy(0, SCHED_OTHER);
}

static long attempt_idle_policy(void)
{
    return set_policy(0, SCHED_IDLE);
}

static long attempt_policy_of_parent(void)
{
    return set_policy(getppid(), SCHED_BATCH);
}

Test(seccomp, the_usual_policies_of_its_own_threads)
{
    cr_assert_eq(error_of(attempt_own_policies), 0);
    cr_assert_eq(error_of(attempt_idle_policy), EPERM);
    cr_assert_eq(error_of(attempt_policy_of_parent), EPERM);
}

Test(seccomp, no_other_process)
{
    cr_assert_eq(error_of(attempt_fork), EPERM);
    cr_assert_eq(error_of(attempt_execve), EPERM);
    cr_assert_eq(error_of(attempt_ptrace), EPERM);
    cr_assert_eq(error_of(attempt_kill_parent), EPERM);
}

Test(seccomp, nothing_of_the_system)
{
    cr_assert_eq(error_of(attempt_io_uring), EPERM);
    cr_assert_eq(error_of(attempt_bpf), EPERM);
    cr_assert_eq(error_of(attempt_unshare), EPERM);
    cr_assert_eq(error_of(attempt_setuid), EPERM);
    cr_assert_eq(error_of(attempt_dumpable), EPERM);
    cr_assert_eq(error_of(attempt_limit), EPERM);
}

/* ---- Memory and threads --------------------------------------------------------------------- */

static void *do_nothing(void *arg)
{
    return arg;
}

static long attempt_thread(void)
{
    pthread_t thread;
    errno = pthread_create(&thread, NULL, do_nothing, NULL);
    if (errno == 0)
        errno = pthread_join(thread, NULL);
    return errno == 0 ? 0 : -1;
}

static long attempt_map_code(void)
{
    void *map =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return map == MAP_FAILED ? -1 : 0;
}

static long attempt_make_code(void)
{
    void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return map == MAP_FAILED ? 0 : mprotect(map, 4096, PROT_READ | PROT_EXEC);
}

static long attempt_abort_signal(void)
{
    (void)signal(SIGUSR1, SIG_IGN);
    return raise(SIGUSR1) == 0 ? 0 : -1;
}

Test(seccomp, threads_run_and_memory_is_no_code)
{
    cr_assert_eq(error_of(attempt_thread), 0);
    cr_assert_eq(error_of(attempt_abort_signal), 0);
    cr_assert_eq(error_of(attempt_map_code), EPERM);
    cr_assert_eq(error_of(attempt_make_code), EPERM);
}

/* ---- Sockets -------------------------------------------------------------------------------- */

static long attempt_tcp(void)
{
    return socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static long attempt_unix(void)
{
    return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static long attempt_udp(void)
{
    return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static long attempt_netlink(void)
{
    return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

static long attempt_raw(void)
{
    return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
}

static long attempt_mptcp(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 262);
}

Test(seccomp, sockets_by_kind)
{
    const struct plan names = {.names = true};
    cr_assert_eq(error_of(attempt_tcp), 0);
    cr_assert_eq(error_of(attempt_unix), 0);
    cr_assert_eq(error_of(attempt_udp), EPERM);
    cr_assert_eq(error_of(attempt_netlink), EPERM);
    cr_assert_eq(error_with(&names, attempt_udp), 0);
    cr_assert_eq(error_with(&names, attempt_netlink), 0);
    cr_assert_eq(error_with(&names, attempt_raw), EPERM);
    cr_assert_eq(error_with(&names, attempt_mptcp), EPERM);
}

/* The destination, port 1, refuses. */
static long send_to(int flags)
{
    const struct sockaddr_in where = {
        .sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return sendto(fd, "x", 1, flags | MSG_NOSIGNAL, (const struct sockaddr *)&where, sizeof(where));
}

static long attempt_fast_open(void)
{
    return send_to(MSG_FASTOPEN);
}

static long attempt_send(void)
{
    return send_to(0);
}

Test(seccomp, fast_open_only_where_it_is_planned)
{
    const struct plan planned = {.fast_open = true};
    cr_assert_eq(error_of(attempt_send), EPIPE, "the call itself must not be refused");
    cr_assert_eq(error_of(attempt_fast_open), EPERM);
    cr_assert_neq(error_with(&planned, attempt_fast_open), EPERM);
}
#endif
