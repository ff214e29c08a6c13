/* Puts the parts of the sandbox together. */
#include "server/daemon/sandbox/internal.h"
#include "server/daemon/sandbox/landlock.h"
#include "server/daemon/sandbox/process.h"
#include "server/daemon/sandbox/seccomp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void lack(struct sandbox *sandbox, const char *what, const char *why)
{
    struct error_text *lacks = &sandbox->lacks;
    size_t used = strlen(lacks->text);
    (void)snprintf(lacks->text + used, sizeof(lacks->text) - used, "%s%s: %s", used ? "; " : "",
                   what, why);
}

static void lack_errno(struct sandbox *sandbox, const char *what, int error)
{
    char reason[128];
    lack(sandbox, what, strerror_r(error, reason, sizeof(reason)));
}

/* ENOSYS and EOPNOTSUPP: built without it, or not switched on. EPERM: seen in systemd-nspawn. */
static void lack_landlock(struct sandbox *sandbox, int error)
{
    if (error == ENOSYS || error == EOPNOTSUPP)
        lack(sandbox, "Landlock",
             "this kernel has none (it needs Linux 5.13, and \"landlock\" in the list lsm= of its "
             "command line)");
    else if (error == EPERM)
        lack(sandbox, "Landlock",
             "the container or the service manager refuses its system calls (let it allow "
             "landlock_create_ruleset, landlock_add_rule and landlock_restrict_self)");
    else
        lack_errno(sandbox, "Landlock", error);
}

static void enter_landlock(struct sandbox *sandbox)
{
    int abi = landlock_abi();
    int error = abi > 0 ? landlock_restrict(&sandbox->plan, abi) : errno;
    if (error == 0)
        sandbox->landlock = abi;
    else
        lack_landlock(sandbox, error);
}

#ifdef HAVE_LIBSECCOMP
static void enter_seccomp(struct sandbox *sandbox)
{
    int error = seccomp_restrict(&sandbox->plan);
    sandbox->seccomp = error == 0;
    if (error != 0)
        lack_errno(sandbox, "seccomp", error);
}
#else
static void enter_seccomp(struct sandbox *sandbox)
{
    lack(sandbox, "seccomp",
         "this actpass was built without libseccomp (build it where libseccomp-dev is installed)");
}
#endif

/* Landlock first: seccomp refuses its calls. */
static void enter(struct sandbox *sandbox)
{
    int error = process_renounce();
    if (error != 0)
        lack_errno(sandbox, "no_new_privs", error);
    error = process_hide();
    if (error != 0)
        lack_errno(sandbox, "PR_SET_DUMPABLE", error);
    enter_landlock(sandbox);
    enter_seccomp(sandbox);
}

/* Debuggers and sanitizers do what the sandbox is against. Whoever sets the environment of a
 * process can do more than this. */
static bool is_switched_off(const struct config *config)
{
    const char *wish = secure_getenv("ACTPASS_SANDBOX");
    return config->sandbox == CONFIG_SANDBOX_PREFER && wish && strcmp(wish, "off") == 0;
}

static struct sandbox *begin(const struct config *config, const char *file,
                             struct error_text *error)
{
    struct sandbox *sandbox = calloc(1, sizeof(*sandbox));
    if (sandbox)
        sandbox->file = strdup(file);
    if (sandbox && sandbox->file && plan_make(&sandbox->plan, config, file))
        return sandbox;
    sandbox_free(sandbox);
    (void)error_set(error, "out of memory for the sandbox");
    return NULL;
}

struct sandbox *sandbox_enter(const struct config *config, const char *file,
                              struct error_text *error)
{
    struct sandbox *sandbox = begin(config, file, error);
    if (!sandbox || config->sandbox == CONFIG_SANDBOX_OFF)
        return sandbox;
    if (is_switched_off(config)) {
        lack(sandbox, "sandbox", "off, since the environment has ACTPASS_SANDBOX=off");
        return sandbox;
    }
    sandbox->on = true;
    enter(sandbox);
    if (config->sandbox != CONFIG_SANDBOX_REQUIRE || sandbox->lacks.text[0] == '\0')
        return sandbox;
    (void)error_set(error, "the sandbox is required, and not whole: %s", sandbox->lacks.text);
    sandbox_free(sandbox);
    return NULL;
}

void sandbox_free(struct sandbox *sandbox)
{
    if (!sandbox)
        return;
    plan_free(&sandbox->plan);
    free(sandbox->file);
    free(sandbox);
}

bool sandbox_is_on(const struct sandbox *sandbox)
{
    return sandbox->on;
}

int sandbox_landlock(const struct sandbox *sandbox)
{
    return sandbox->landlock;
}

bool sandbox_has_seccomp(const struct sandbox *sandbox)
{
    return sandbox->seccomp;
}

const char *sandbox_lacks(const struct sandbox *sandbox)
{
    return sandbox->lacks.text;
}
