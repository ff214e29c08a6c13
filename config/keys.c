/* The keys of the whole file, of its log and of "admin". */
#include "config/keys.h"

#include "config/config.h"
#include "config/internal.h"

static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const log_formats[] = {"logfmt", "json", "journald", NULL};
static const char *const sandboxes[] = {"prefer", "require", "off", NULL};

/* Enums are stored as unsigned int; the order of their names is their own. */
_Static_assert(CONFIG_LOG_DEBUG == 3 && CONFIG_LOG_JSON == 1, "order of the names");
_Static_assert(CONFIG_SANDBOX_PREFER == 0 && CONFIG_SANDBOX_OFF == 2, "order of the names");

static const struct key log_keys[] = {{.name = "level",
                                       .help = "The least severe lines to write.",
                                       .type = KEY_ENUM,
                                       .fallback = CONFIG_LOG_INFO,
                                       .names = log_levels,
                                       KEY_STORED_IN(config, log_level)},
                                      {.name = "format",
                                       .help = "Lines of key=value pairs, of JSON, or, for "
                                               "stderr that systemd's journal reads, of pairs "
                                               "with a priority and without the time.",
                                       .type = KEY_ENUM,
                                       .names = log_formats,
                                       KEY_STORED_IN(config, log_format)},
                                      {0}};

static const struct key_object log_object = {.keys = log_keys, .outer = &config_object};

static const struct key admin_keys[] = {
    {.name = "listen",
     .help = "The address to answer on: unix:/path, or a loopback address with a port, such as "
             "127.0.0.1:9090. Only the user and the group of the process may use the socket.",
     .type = KEY_ADDRESS,
     .required = true,
     KEY_LIMITS(0, UINT16_MAX),
     KEY_STORED_IN(config, admin.listen)},
#define FILE_MEMBER(name) KEY_STORED_IN(config, admin.file.name)
#include "config/socket_file_keys.inc"
#undef FILE_MEMBER
    {0}};

static const struct key_object admin_object = {.keys = admin_keys, .outer = &config_object};

static const struct key top_keys[] = {
    {.name = "$schema",
     .help = "The location of this schema, for editors.",
     .type = KEY_STRING,
     .offset = KEY_NOWHERE},
    {.name = "log",
     .help = "The log, which is written to standard error.",
     .type = KEY_OBJECT,
     .object = &log_object,
     .offset = 0}, /* its keys are stored in struct config itself */
    {.name = "shutdown_timeout",
     .help = "How long open connections may continue after SIGTERM or SIGINT.",
     .type = KEY_DURATION,
     .fallback = 30000,
     KEY_LIMITS(0, DURATION_MAX),
     KEY_STORED_IN(config, shutdown_timeout_ms)},
    {.name = "admin",
     .help = "Metrics for Prometheus, the status as JSON and as a page, and health checks, over "
             "HTTP.",
     .fixed = true,
     .type = KEY_OBJECT,
     .object = &admin_object,
     .offset = 0}, /* the same */
    {.name = "control",
     .help = "The unix socket, unix:/path, by which actpass reload and actpass upgrade reach the "
             "program. Only its user and root may use it.",
     .fixed = true,
     .type = KEY_ADDRESS,
     KEY_LIMITS(1, UINT16_MAX),
     KEY_STORED_IN(config, control)},
    {.name = "user",
     .help = "The user to become once the listeners are open and the files are read, where actpass "
             "is started as root. Its groups are taken, too.",
     .fixed = true,
     .type = KEY_STRING,
     .pattern = "^[^ :/]+$",
     .wrong = names_wrong_account,
     KEY_STORED_IN(config, user)},
    {.name = "group",
     .help = "The group to become with user. Default: the user's own.",
     .fixed = true,
     .type = KEY_STRING,
     .pattern = "^[^ :/]+$",
     .needs = "user",
     .wrong = names_wrong_account,
     KEY_STORED_IN(config, group)},
    {.name = "sandbox",
     .help = "Once started, actpass gives up all rights that the configuration does not need "
             "(Landlock, seccomp): where the system offers this (prefer), or else it does not "
             "start (require), or never (off).",
     .fixed = true,
     .type = KEY_ENUM,
     .fallback = CONFIG_SANDBOX_PREFER,
     .names = sandboxes,
     KEY_STORED_IN(config, sandbox)},
    {.name = "sandbox_read",
     .help = "More files and folders that may be read in the sandbox, such as those of a module "
             "that openssl.cnf names.",
     .fixed = true,
     .type = KEY_STRINGS,
     .pattern = "^/",
     .wrong = names_wrong_absolute,
     KEY_LIMITS(1, 1000),
     KEY_STORED_IN(config, sandbox_read)},
    {.name = "sandbox_write",
     .help = "Folders in which files and unix sockets may be made, changed and removed in the "
             "sandbox, for what a later reload needs.",
     .fixed = true,
     .type = KEY_STRINGS,
     .pattern = "^/",
     .wrong = names_wrong_absolute,
     KEY_LIMITS(1, 1000),
     KEY_STORED_IN(config, sandbox_write)},
    {.name = "sandbox_connect",
     .help = "More TCP ports that may be connected to in the sandbox, for what a later reload "
             "needs: \"8080\" or a range such as \"8000-8999\".",
     .fixed = true,
     .type = KEY_STRINGS,
     .pattern = "^[0-9]{1,5}(-[0-9]{1,5})?$",
     .wrong = names_wrong_ports,
     KEY_LIMITS(1, 1000),
     KEY_STORED_IN(config, sandbox_connect)},
    {.name = "include",
     .help = "A folder with files of more services, whose names end in .json or .jsonc. They are "
             "read in the order of their names.",
     .type = KEY_STRING,
     .offset = KEY_NOWHERE},
    {.name = "services",
     .help = "The services. There must be at least one, here or in an included file.",
     .type = KEY_OBJECTS,
     .required = true,
     .or_else = "include",
     .object = &service_object,
     KEY_LIMITS(1, 10000),
     .second = offsetof(struct config, service_count),
     KEY_STORED_IN(config, services)},
    {0}};

const struct key_object config_object = {.keys = top_keys};
