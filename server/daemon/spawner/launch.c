#include "server/daemon/spawner/launch.h"

#include "server/daemon/spawner/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_OTHER = STDERR_FILENO + 1, MIB = 1 << 20, MS_PER_S = 1000 };

/* Where a start may fail in the new process. */
enum stage {
    STAGE_SESSION,
    STAGE_TERMINAL,
    STAGE_DESCRIPTORS,
    STAGE_LIMITS,
    STAGE_USER,
    STAGE_FOLDER,
    STAGE_EXECUTE
};

static const char *const stages[] = {[STAGE_SESSION] = "make a session for",
                                     [STAGE_TERMINAL] = "give its terminal to",
                                     [STAGE_DESCRIPTORS] = "set up the descriptors of",
                                     [STAGE_LIMITS] = "set the limits of",
                                     [STAGE_USER] = "become the user of",
                                     [STAGE_FOLDER] = "enter the folder of",
                                     [STAGE_EXECUTE] = "execute"};

struct failure {
    int stage, error;
};

/* The descriptors of a start; -1: none. All close by themselves at execve. */
struct ends {
    int input, output, errors; /* the program's */
    int terminal;              /* the same, if they are a terminal */
    int failing;               /* where it writes a struct failure */
};

/* ---- The new process: only system calls from here on ----------------------------------------- */

static bool limit(int which, uint64_t value)
{
    const struct rlimit both = {.rlim_cur = value, .rlim_max = value};
    return value == 0 || setrlimit((__rlimit_resource_t)which, &both) == 0;
}

static bool set_limits(const struct config_exec_limits *limits)
{
    return limit(RLIMIT_CPU, ((uint64_t)limits->cpu_ms + MS_PER_S - 1) / MS_PER_S) &&
           limit(RLIMIT_AS, limits->memory_mib * MIB) &&
           limit(RLIMIT_NOFILE, limits->descriptors) && limit(RLIMIT_NPROC, limits->processes) &&
           limit(RLIMIT_FSIZE, limits->file_mib * MIB);
}

/* Those that are ignored would stay ignored, and those that are blocked would stay blocked. */
static void reset_signals(void)
{
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        (void)sigaction(number, &usual, NULL); /* not for KILL, STOP and those of the C library */
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL); /* cannot fail */
}

/* The three are above 2, so none overwrites another. */
static bool set_descriptors(const struct ends *ends)
{
    return dup2(ends->input, STDIN_FILENO) >= 0 && dup2(ends->output, STDOUT_FILENO) >= 0 &&
           dup2(ends->errors, STDERR_FILENO) >= 0 &&
           close_range(FIRST_OTHER, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

/* Returns only on failure. */
static enum stage execute(const struct command *command, char *const *environment,
                          const struct ends *ends)
{
    const struct config_exec *exec = command->exec;
    reset_signals();
    (void)umask(022);
    if (setsid() < 0)
        return STAGE_SESSION;
    if (ends->terminal >= 0 && !pty_take(ends->terminal))
        return STAGE_TERMINAL;
    if (!set_descriptors(ends))
        return STAGE_DESCRIPTORS;
    if (!set_limits(&exec->limits))
        return STAGE_LIMITS;
    errno = account_become(&command->account);
    if (errno != 0)
        return STAGE_USER;
    if (chdir(exec->folder) != 0)
        return STAGE_FOLDER;
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* an extra, if the spawner is killed */
    (void)execve(command->arguments[0], command->arguments, environment);
    return STAGE_EXECUTE;
}

static void become(const struct command *command, char *const *environment, const struct ends *ends)
{
    struct failure failure = {.stage = (int)execute(command, environment, ends)};
    failure.error = errno;
    ssize_t written = write(ends->failing, &failure, sizeof(failure));
    (void)written; /* there is nobody else to tell */
    _exit(127);
}

/* ---- The spawner --------------------------------------------------------------------------- */

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool fail(const struct command *command, int stage, int error, struct error_text *text)
{
    char reason[128];
    return error_set(text, "cannot %s %s: %s", stages[stage], command->exec->command.items[0],
                     strerror_r(error, reason, sizeof(reason)));
}

/* Waits until the program is executed, which closes the other end, or has failed. */
static bool await(const struct command *command, int failing, struct error_text *error)
{
    struct failure failure;
    ssize_t got;
    do {
        got = read(failing, &failure, sizeof(failure));
    } while (got < 0 && errno == EINTR);
    return got != sizeof(failure) || fail(command, failure.stage, failure.error, error);
}

static bool fork_it(const struct command *command, char *const *environment, struct ends *ends,
                    struct launched *launched, struct error_text *error)
{
    int failing[2];
    if (pipe2(failing, O_CLOEXEC) != 0)
        return fail(command, STAGE_DESCRIPTORS, errno, error);
    ends->failing = failing[1];
    launched->pid = fork();
    if (launched->pid == 0)
        become(command, environment, ends);
    close(failing[1]);
    bool started = launched->pid > 0 ? await(command, failing[0], error)
                                     : fail(command, STAGE_EXECUTE, errno, error);
    close(failing[0]);
    return started;
}

/* With the connection itself. */
static bool launch_plain(const struct command *command, char *const *environment, int connection,
                         struct launched *launched, struct error_text *error)
{
    enum config_exec_stderr place = command->exec->stderr_to;
    int pipe_ends[2] = {-1, -1};
    int null = place == CONFIG_EXEC_STDERR_DISCARD ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
    bool open = place == CONFIG_EXEC_STDERR_DISCARD ? null >= 0
                : place == CONFIG_EXEC_STDERR_LOG   ? pipe2(pipe_ends, O_CLOEXEC) == 0
                                                    : true;
    if (!open)
        return fail(command, STAGE_DESCRIPTORS, errno, error);
    int errors = place == CONFIG_EXEC_STDERR_LOG ? pipe_ends[1] : null >= 0 ? null : connection;
    struct ends ends = {
        .input = connection, .output = connection, .errors = errors, .terminal = -1};
    bool started = fork_it(command, environment, &ends, launched, error);
    close_one(&null);
    close_one(&pipe_ends[1]);
    if (!started)
        close_one(&pipe_ends[0]);
    launched->errors = pipe_ends[0];
    return started;
}

static bool launch_on_terminal(const struct command *command, char *const *environment,
                               int connection, struct launched *launched, struct error_text *error)
{
    struct pty terminal;
    if (!pty_open(&terminal, &command->account, error))
        return false;
    bool started = pty_serve(&terminal, &command->account, connection);
    const int slave = terminal.slave;
    struct ends ends = {.input = slave, .output = slave, .errors = slave, .terminal = slave};
    started = started ? fork_it(command, environment, &ends, launched, error)
                      : fail(command, STAGE_TERMINAL, errno, error);
    pty_close(&terminal);
    return started;
}

bool launch(const struct command *command, char *const *environment, int connection,
            struct launched *launched, struct error_text *error)
{
    *launched = (struct launched){.errors = -1};
    return command->exec->pty
               ? launch_on_terminal(command, environment, connection, launched, error)
               : launch_plain(command, environment, connection, launched, error);
}
