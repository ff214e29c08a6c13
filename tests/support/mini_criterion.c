/* A runner for tests written for Criterion, for sanitizers. Criterion does not start under
 * ThreadSanitizer (hazard 38), and begins a new process for each test, which takes AddressSanitizer
 * longer than most tests. It takes Criterion's headers and finds the tests as Criterion does, in
 * the linker sections cr_tst and cr_sts; each test (and each parameter of one) is a forked child.
 *
 * Known: Test, TestSuite, ParameterizedTest; .init, .fini, .timeout, .exit_code, .signal,
 * .disabled; cr_assert*, cr_expect*, cr_assert_fail, cr_skip_test; options --filter, --list and
 * -jN. Not known: theories, redirections, <criterion/new/assert.h>.
 * Stricter than Criterion: a failure in .fini counts, an assertion that fails outside the test's
 * main thread ends the test, and a run without tests fails. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Code runs several times slower here than where .timeout was chosen. */
enum { TIMEOUT_FACTOR = 4, DEFAULT_TIMEOUT_S = 60, MOST_JOBS = 16 };

/* What a child reports beside its exit status, in shared memory. */
struct verdict {
    atomic_uint failed;
    atomic_bool skipped;
};

struct job {
    const struct criterion_test *test;
    const struct criterion_suite *suite; /* NULL: no TestSuite declares it */
    void *param;
    size_t index; /* of the parameter */
    pid_t child;
    int pidfd;
    int64_t deadline_ms;
    struct verdict *verdict;
};

struct totals {
    unsigned passing, failing, crashing;
};

struct options {
    const char *filter;
    bool list;
    size_t jobs;
};

/* The linker's names for the sections' ends; absent when there is no test. */
extern struct criterion_test *__start_cr_tst[] __attribute__((weak, visibility("hidden")));
extern struct criterion_test *__stop_cr_tst[] __attribute__((weak, visibility("hidden")));
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak, visibility("hidden")));
extern struct criterion_suite *__stop_cr_sts[] __attribute__((weak, visibility("hidden")));

struct criterion_options criterion_options;

/* The test of this child. Criterion's interface hands no context to an assertion. */
static struct {
    const struct job *job;
    pthread_t thread;
    jmp_buf out;
} current;

static void die(const char *what)
{
    fprintf(stderr, "mini_criterion: %s: %s\n", what, strerror(errno));
    _exit(99);
}

/* ---- What the headers' macros call, inside a child ------------------------------------------ */

int cr_vasprintf(char **text, const char *format, va_list arguments)
{
    return vasprintf(text, format, arguments);
}

int cr_asprintf(char **text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(text, format, arguments);
    va_end(arguments);
    return length;
}

void cr_asprintf_free(char *text)
{
    free(text);
}

char *cr_translate_assert_msg(int message, ...)
{
    va_list arguments;
    va_start(arguments, message);
    const char *expression = va_arg(arguments, const char *);
    char *text = NULL;
    if (message == CRITERION_ASSERT_MSG_EXPR_AS_STRINGS_FALSE) {
        const char *actual = va_arg(arguments, const char *);
        const char *expected = va_arg(arguments, const char *);
        cr_asprintf(&text, "false: %s; actual `%s`, expected `%s`", expression,
                    actual ? actual : "(null)", expected ? expected : "(null)");
    } else {
        static const char *const says[] = {
            [CRITERION_ASSERT_MSG_FAIL] = "failed",
            [CRITERION_ASSERT_MSG_EXPR_FALSE] = "false",
            [CRITERION_ASSERT_MSG_IS_NULL] = "is NULL",
            [CRITERION_ASSERT_MSG_IS_NOT_NULL] = "is not NULL",
            [CRITERION_ASSERT_MSG_IS_EMPTY] = "is empty",
            [CRITERION_ASSERT_MSG_IS_NOT_EMPTY] = "is not empty",
        };
        bool known = message >= 0 && (size_t)message < sizeof(says) / sizeof(says[0]);
        cr_asprintf(&text, "%s: %s", known ? says[message] : "failed", expression);
    }
    va_end(arguments);
    return text;
}

void cri_asserts_passed_incr(void)
{
}

void criterion_send_assert(struct criterion_assert_stats *stats)
{
    if (!stats->passed) {
        fprintf(stderr, "[----] %s:%u: Assertion Failed\n[----]   %s\n", stats->file, stats->line,
                stats->message);
    }
}

/* Leaves the test by longjmp, which only its own thread can do. */
static void leave_test(void)
{
    if (!pthread_equal(pthread_self(), current.thread)) {
        fprintf(stderr, "[----] %s::%s: an assertion failed outside the main thread of the test\n",
                current.job->test->category, current.job->test->name);
        _exit(98);
    }
    longjmp(current.out, 1);
}

void criterion_abort_test(void)
{
    atomic_fetch_add(&current.job->verdict->failed, 1);
    leave_test();
    abort();
}

void criterion_continue_test(void)
{
    atomic_fetch_add(&current.job->verdict->failed, 1);
}

void criterion_test_die(const char *message, ...)
{
    va_list arguments;
    va_start(arguments, message);
    vfprintf(stderr, message, arguments);
    va_end(arguments);
    criterion_abort_test();
}

void criterion_skip_test(const char *format, ...)
{
    const struct criterion_test *test = current.job->test;
    char reason[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    fprintf(stderr, "[SKIP] %s::%s: %s\n", test->category, test->name, reason);
    atomic_store(&current.job->verdict->skipped, true);
    leave_test();
    abort();
}

/* What a failed test left behind, threads and memory, is no fault of its own. Any other report of a
 * sanitizer has been written already. At _exit ThreadSanitizer would look for threads, too. */
static void end_if_failed(void)
{
    if (atomic_load(&current.job->verdict->failed) > 0)
        (void)syscall(SYS_exit_group, 0);
}

/* The trampoline of a test calls the next three in turn. */
void criterion_internal_test_setup(void)
{
    const struct job *job = current.job;
    if (setjmp(current.out) != 0) {
        end_if_failed();
        exit(0); /* skipped */
    }
    if (job->suite && job->suite->data->init)
        job->suite->data->init();
    if (job->test->data->init)
        job->test->data->init();
}

void criterion_internal_test_main(void (*function)(void))
{
    const struct job *job = current.job;
    if (setjmp(current.out) != 0)
        return;
    if (job->test->data->kind_ == CR_TEST_PARAMETERIZED) {
        void (*with_param)(void *) = (void (*)(void *))function;
        with_param(job->param);
    } else {
        function();
    }
}

void criterion_internal_test_teardown(void)
{
    const struct job *job = current.job;
    if (setjmp(current.out) != 0)
        return;
    if (job->test->data->fini)
        job->test->data->fini();
    if (job->suite && job->suite->data->fini)
        job->suite->data->fini();
}

/* ---- What a test or else its suite says ------------------------------------------------------ */

static int expected_signal(const struct job *job)
{
    int own = job->test->data->signal;
    return own || !job->suite ? own : job->suite->data->signal;
}

static int expected_exit_code(const struct job *job)
{
    int own = job->test->data->exit_code;
    return own || !job->suite ? own : job->suite->data->exit_code;
}

static int64_t timeout_ms(const struct job *job)
{
    double seconds = job->test->data->timeout;
    if (seconds <= 0 && job->suite)
        seconds = job->suite->data->timeout;
    if (seconds <= 0)
        seconds = DEFAULT_TIMEOUT_S;
    return (int64_t)(seconds * 1000) * TIMEOUT_FACTOR;
}

static const struct criterion_suite *suite_of(const struct criterion_test *test)
{
    /* cppcheck-suppress comparePointers ; the two ends of one section */
    for (struct criterion_suite **suite = __start_cr_sts; suite < __stop_cr_sts; suite++)
        if (*suite && strcmp((*suite)->name, test->category) == 0)
            return *suite;
    return NULL;
}

static bool is_wanted(const struct criterion_test *test, const struct criterion_suite *suite,
                      const char *filter)
{
    if (test->data->disabled || (suite && suite->data->disabled))
        return false;
    char name[512];
    snprintf(name, sizeof(name), "%s/%s", test->category, test->name);
    return !filter || fnmatch(filter, name, 0) == 0;
}

/* ---- The parent ------------------------------------------------------------------------------ */

static int64_t now_ms(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        die("clock_gettime");
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void run_in_child(const struct job *job, pid_t parent)
{
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        die("cannot set up a child");
    current.job = job;
    current.thread = pthread_self();
    job->test->test();
    end_if_failed();
    /* Not _exit: ThreadSanitizer's own status is given at exit. */
    exit(expected_exit_code(job) ? 97 : 0);
}

static void start(struct job *job)
{
    atomic_store(&job->verdict->failed, 0);
    atomic_store(&job->verdict->skipped, false);
    fflush(NULL);
    pid_t parent = getpid();
    job->child = fork();
    if (job->child < 0)
        die("fork");
    if (job->child == 0)
        run_in_child(job, parent);
    job->pidfd = pidfd_open(job->child, 0);
    if (job->pidfd < 0)
        die("pidfd_open");
    job->deadline_ms = now_ms() + timeout_ms(job);
}

static void report(const struct job *job, const char *how)
{
    char which[32] = "";
    if (job->test->data->kind_ == CR_TEST_PARAMETERIZED)
        snprintf(which, sizeof(which), " [parameter %zu]", job->index);
    fprintf(stderr, "[FAIL] %s::%s%s: %s\n", job->test->category, job->test->name, which, how);
}

/* Counts a child that ended with STATUS. */
static void judge(const struct job *job, int status, struct totals *totals)
{
    char how[96] = "an assertion failed";
    bool right = false;
    if (WIFSIGNALED(status)) {
        right = WTERMSIG(status) == expected_signal(job);
        if (!right) {
            totals->crashing++;
            snprintf(how, sizeof(how), "CRASH! (signal %d)", WTERMSIG(status));
        }
    } else if (expected_signal(job)) {
        snprintf(how, sizeof(how), "signal %d was expected", expected_signal(job));
    } else if (atomic_load(&job->verdict->skipped) && WEXITSTATUS(status) == 0) {
        return;
    } else {
        right = WEXITSTATUS(status) == expected_exit_code(job);
        if (!right) {
            snprintf(how, sizeof(how), "exit code %d, expected %d", WEXITSTATUS(status),
                     expected_exit_code(job));
        }
    }
    if (right && atomic_load(&job->verdict->failed) == 0) {
        totals->passing++;
    } else {
        totals->failing++;
        report(job, how);
    }
}

/* Waits for the child, and kills what it left in its process group. */
static int reap(struct job *job)
{
    siginfo_t info;
    /* Killed before it is reaped, while the group's number cannot be anybody else's. */
    while (waitid(P_PID, (id_t)job->child, &info, WEXITED | WNOWAIT) != 0)
        if (errno != EINTR)
            die("waitid");
    (void)kill(-job->child, SIGKILL);
    int status = 0;
    while (waitpid(job->child, &status, 0) < 0)
        if (errno != EINTR)
            die("waitpid");
    close(job->pidfd);
    job->child = 0;
    return status;
}

/* Waits until a child has ended or is late, and counts every such child. */
static void wait_for_some(struct job *jobs, size_t count, struct totals *totals)
{
    struct pollfd fds[MOST_JOBS];
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        fds[i] = (struct pollfd){.fd = jobs[i].child ? jobs[i].pidfd : -1, .events = POLLIN};
        if (jobs[i].child && jobs[i].deadline_ms < first)
            first = jobs[i].deadline_ms;
    }
    int64_t left = first - now_ms();
    if (poll(fds, count, left < 0 ? 0 : (int)left) < 0 && errno != EINTR)
        die("poll");
    for (size_t i = 0; i < count; i++) {
        if (!jobs[i].child)
            continue;
        if (fds[i].revents) {
            judge(&jobs[i], reap(&jobs[i]), totals);
        } else if (now_ms() >= jobs[i].deadline_ms) {
            (void)kill(-jobs[i].child, SIGKILL);
            (void)reap(&jobs[i]);
            totals->failing++;
            report(&jobs[i], "Timed out.");
        }
    }
}

static struct job *free_slot(struct job *jobs, size_t count, struct totals *totals)
{
    for (;;) {
        for (size_t i = 0; i < count; i++)
            if (!jobs[i].child)
                return &jobs[i];
        wait_for_some(jobs, count, totals);
    }
}

static void run_test(const struct criterion_test *test, struct job *jobs, size_t count,
                     struct totals *totals)
{
    bool has_params = test->data->kind_ == CR_TEST_PARAMETERIZED;
    struct criterion_test_params params = {.length = 1};
    if (has_params)
        params = test->data->param_();
    for (size_t i = 0; i < params.length; i++) {
        struct job *job = free_slot(jobs, count, totals);
        job->test = test;
        job->suite = suite_of(test);
        job->param = has_params ? (char *)params.params + i * params.size : NULL;
        job->index = i;
        start(job);
    }
}

static struct options parse(int argc, char **argv)
{
    struct options options = {.jobs = (size_t)sysconf(_SC_NPROCESSORS_ONLN)};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--filter") == 0 && i + 1 < argc) {
            options.filter = argv[++i];
        } else if (strcmp(argv[i], "--list") == 0) {
            options.list = true;
        } else if (strncmp(argv[i], "-j", 2) == 0) {
            options.jobs = strtoul(argv[i] + 2, NULL, 10);
        } else {
            fprintf(stderr, "usage: %s [--filter PATTERN] [--list] [-jN]\n", argv[0]);
            exit(2);
        }
    }
    if (options.jobs < 1 || options.jobs > MOST_JOBS)
        options.jobs = 1;
    return options;
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    struct totals totals = {0};
    struct job jobs[MOST_JOBS] = {0};
    struct verdict *verdicts = mmap(NULL, MOST_JOBS * sizeof(*verdicts), PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (verdicts == MAP_FAILED)
        die("mmap");
    for (size_t i = 0; i < options.jobs; i++)
        jobs[i].verdict = &verdicts[i];
    /* cppcheck-suppress comparePointers ; the two ends of one section */
    for (struct criterion_test **test = __start_cr_tst; test < __stop_cr_tst; test++) {
        if (!*test || !is_wanted(*test, suite_of(*test), options.filter))
            continue;
        if (options.list)
            printf("%s/%s\n", (*test)->category, (*test)->name);
        else
            run_test(*test, jobs, options.jobs, &totals);
    }
    if (options.list)
        return 0;
    for (size_t i = 0; i < options.jobs; i++)
        while (jobs[i].child)
            wait_for_some(jobs, options.jobs, &totals);
    unsigned tested = totals.passing + totals.failing;
    fprintf(stderr, "[====] Synthesis: Tested: %u | Passing: %u | Failing: %u | Crashing: %u \n",
            tested, totals.passing, totals.failing, totals.crashing);
    return totals.failing == 0 && tested > 0 ? 0 : 1;
}
