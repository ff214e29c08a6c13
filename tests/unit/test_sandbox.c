/* The sandbox as a whole: what enters it, and what a reload is told of it. */
#include "server/daemon/sandbox/sandbox.h"

#include "server/daemon/sandbox/landlock.h"
#include "tests/unit/test_config.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define SERVICE(more)                                                               \
    "'services': [{'name': 's', 'role': 'server', 'listen': '127.0.0.1:1', 'tls': " \
    "{'certificate': 'peer.pem'}, " more "}]}"

/* Runs it in a child, which alone is confined. Its exit status. */
static int in_child(int (*run)(void))
{
    int status;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0)
        _exit(run());
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "%d", status);
    return WEXITSTATUS(status);
}

static struct sandbox *enter(const char *text)
{
    struct error_text error = {.text = ""};
    struct config *config = parse_good(text);
    struct sandbox *sandbox = sandbox_enter(config, "c.json", &error);
    config_free(config);
    return sandbox;
}

static bool can_read(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void need_whole(void)
{
#ifndef HAVE_LIBSECCOMP
    cr_skip("built without libseccomp");
#endif
    if (landlock_abi() < LANDLOCK_ABI_CONNECT)
        cr_skip("this kernel has no Landlock, or an older one");
}

static int run_required(void)
{
    struct sandbox *sandbox = enter("{'sandbox': 'require', " SERVICE("'echo': true"));
    if (!sandbox || !sandbox_is_on(sandbox) || *sandbox_lacks(sandbox))
        return 1;
    if (sandbox_landlock(sandbox) == 0 || !sandbox_has_seccomp(sandbox))
        return 2;
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return 3;
    if (!can_read("peer.pem") || can_read("/etc/passwd"))
        return 4;
    sandbox_free(sandbox);
    return 0;
}

Test(sandbox, required, .init = folder_enter, .fini = folder_leave)
{
    need_whole();
    cr_assert_eq(in_child(run_required), 0);
}

static int run_off(void)
{
    struct sandbox *sandbox = enter("{'sandbox': 'off', " SERVICE("'echo': true"));
    int status = sandbox && !sandbox_is_on(sandbox) && *sandbox_lacks(sandbox) == '\0' &&
                         can_read("/etc/passwd")
                     ? 0
                     : 1;
    sandbox_free(sandbox);
    return status;
}

Test(sandbox, off, .init = folder_enter, .fini = folder_leave)
{
    cr_assert_eq(in_child(run_off), 0);
}

/* The environment has a say only where the configuration leaves it one. */
static int run_switched_off(void)
{
    if (setenv("ACTPASS_SANDBOX", "off", 1) != 0)
        return 1;
    struct sandbox *sandbox = enter("{" SERVICE("'echo': true"));
    if (!sandbox || sandbox_is_on(sandbox) || !strstr(sandbox_lacks(sandbox), "ACTPASS_SANDBOX"))
        return 2;
    sandbox_free(sandbox);
    return run_required();
}

Test(sandbox, switched_off, .init = folder_enter, .fini = folder_leave)
{
    need_whole();
    cr_assert_eq(in_child(run_switched_off), 0);
}

/* What a reload of a file with this text is told: the words of its one error; NULL: nothing. */
static const struct told {
    const char *file, *text, *words;
} reloads[] = {
    {"1.json", "{" SERVICE("'forward': '127.0.0.2:80'"), NULL},
    {"2.json", "{" SERVICE("'forward': '127.0.0.1:81'"), "connecting to port 81"},
    {"3.json", "{" SERVICE("'http': {'root': '/etc'}"), "/etc may not be read"},
    {"4.json",
     "{'services': [{'name': 's', 'role': 'server', 'listen': 'unix:folder/s', 'tls': "
     "{'certificate': 'peer.pem'}, 'echo': true}]}",
     "making files or unix sockets in "},
};
enum { RELOADS = sizeof(reloads) / sizeof(reloads[0]) };

/* Without assertions, which a child must not make. */
static bool is_told(const struct sandbox *sandbox, const char *file, const char *words)
{
    struct config_report report;
    struct config *config = config_load_all(file, &report);
    if (config)
        sandbox_explain(sandbox, config, &report);
    bool right = config && report.errors.count == (words ? 1 : 0) &&
                 (!words || (strstr(report.errors.items[0], words) &&
                             strstr(report.errors.items[0], "restart actpass")));
    for (size_t i = 0; !right && i < report.errors.count; i++)
        (void)fprintf(stderr, "%s\n", report.errors.items[i]);
    config_free(config);
    config_report_free(&report);
    return right;
}

static void write_reloads(void)
{
    for (size_t i = 0; i < RELOADS; i++) {
        char *text = strdup(reloads[i].text);
        cr_assert_not_null(text);
        quote(text, strlen(text));
        make_file(reloads[i].file, 0600, text);
        free(text);
    }
}

static void remove_reloads(void)
{
    for (size_t i = 0; i < RELOADS; i++)
        cr_assert_eq(unlink(reloads[i].file), 0);
}

static int run_explain(void)
{
    struct sandbox *sandbox = enter("{'sandbox': 'require', " SERVICE("'forward': '127.0.0.1:80'"));
    if (!sandbox)
        return 1;
    for (int i = 0; i < RELOADS; i++)
        if (!is_told(sandbox, reloads[i].file, reloads[i].words))
            return 2 + i;
    return is_told(NULL, reloads[1].file, NULL) ? 0 : 2 + RELOADS;
}

Test(sandbox, a_reload_is_told_what_is_refused, .init = folder_enter, .fini = folder_leave)
{
    need_whole();
    write_reloads();
    cr_assert_eq(in_child(run_explain), 0);
    remove_reloads();
}
