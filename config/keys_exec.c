/* The keys of "exec": a program for each connection. */
#include "config/config.h"
#include "config/internal.h"
#include "config/keys.h"

#include <ctype.h>

static const char *const places[] = {"log", "connection", "discard", NULL};

_Static_assert(CONFIG_EXEC_STDERR_LOG == 0 && CONFIG_EXEC_STDERR_DISCARD == 2,
               "order of the names");

/* Up to "=": letters, digits and "_", not a digit first. */
static const char *wrong_assignment(const char *text)
{
    size_t length = names_span(text, "_");
    if (length > 0 && text[length] == '=' && !isdigit((unsigned char)text[0]))
        return NULL;
    return "must be NAME=value, where NAME is of letters, digits and \"_\"";
}

static const struct key exec_limits_keys[] = {
    {.name = "cpu",
     .help = "Processor time, after which the system ends it, rounded up to seconds. 0s: no limit.",
     .type = KEY_DURATION,
     KEY_LIMITS(0, 86400000),
     KEY_STORED_IN(config_exec_limits, cpu_ms)},
    {.name = "memory_mib",
     .help = "Address space of each of its processes, in MiB.",
     .type = KEY_INTEGER,
     KEY_LIMITS(1, 1048576),
     KEY_STORED_IN(config_exec_limits, memory_mib)},
    {.name = "descriptors",
     .help = "Open descriptors of each of its processes.",
     .type = KEY_INTEGER,
     KEY_LIMITS(3, 1048576),
     KEY_STORED_IN(config_exec_limits, descriptors)},
    {.name = "processes",
     .help = "Processes of its user, all connections together. Root has no such limit.",
     .type = KEY_INTEGER,
     KEY_LIMITS(1, 1048576),
     KEY_STORED_IN(config_exec_limits, processes)},
    {.name = "file_mib",
     .help = "The size of a file that it writes, in MiB.",
     .type = KEY_INTEGER,
     KEY_LIMITS(1, 1048576),
     KEY_STORED_IN(config_exec_limits, file_mib)},
    {0}};

static const struct key_object exec_limits_object = {.keys = exec_limits_keys,
                                                     .outer = &exec_object};

static const struct key exec_keys[] = {
    {.name = "command",
     .help =
         "The program, an absolute path, and its arguments. No shell is between: for one, write "
         "[\"/bin/sh\", \"-c\", \"...\"].",
     .type = KEY_STRINGS,
     .required = true,
     .wanted = "a list of the program and its arguments, such as [\"/usr/bin/bc\", \"-q\"] (no "
               "shell runs it; for one, write [\"/bin/sh\", \"-c\", \"...\"])",
     KEY_LIMITS(1, 256),
     KEY_STORED_IN(config_exec, command)},
    {.name = "pty",
     .help = "Give it a terminal (pseudo terminal) instead of a socket.",
     .type = KEY_BOOL,
     KEY_STORED_IN(config_exec, pty)},
    {.name = "user",
     .help = "The user to run it as, a name or a number; actpass must be started as root then. "
             "Default: that of actpass.",
     .type = KEY_STRING,
     .wrong = names_wrong_account,
     KEY_STORED_IN(config_exec, user)},
    {.name = "group",
     .help = "The group in place of the user's own.",
     .type = KEY_STRING,
     .wrong = names_wrong_account,
     .needs = "user",
     KEY_STORED_IN(config_exec, group)},
    {.name = "folder",
     .help = "The folder that it begins in, an absolute path.",
     .type = KEY_STRING,
     .fallback_text = "/",
     .wrong = names_wrong_absolute,
     KEY_STORED_IN(config_exec, folder)},
    {.name = "environment",
     .help = "Variables, NAME=value, besides PATH, those of its user and those about the "
             "connection.",
     .type = KEY_STRINGS,
     .wrong = wrong_assignment,
     .pattern = "^[A-Za-z_][A-Za-z0-9_]*=",
     KEY_LIMITS(1, 256),
     KEY_STORED_IN(config_exec, environment)},
    {.name = "limits",
     .help = "What it may use (setrlimit(2)). Default: what the system sets.",
     .type = KEY_OBJECT,
     .object = &exec_limits_object,
     KEY_STORED_IN(config_exec, limits)},
    {.name = "kill_after",
     .help = "When the connection ends, its processes get SIGTERM, and SIGKILL so much later.",
     .type = KEY_DURATION,
     .fallback = 5000,
     KEY_LIMITS(0, 600000),
     KEY_STORED_IN(config_exec, kill_after_ms)},
    {.name = "stderr",
     .help = "Where its standard error goes: log, line by line and at most 20 lines a second of "
             "each; connection; discard. With pty it is the terminal.",
     .type = KEY_ENUM,
     .names = places,
     KEY_STORED_IN(config_exec, stderr_to)},
    {0}};

const struct key_object exec_object = {.keys = exec_keys, .outer = &handler_object};
