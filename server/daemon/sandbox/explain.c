/* What a reload needs beyond the sandbox. */
#include "server/daemon/sandbox/internal.h"
#include "server/daemon/sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct explaining {
    const struct sandbox *sandbox;
    const struct config *config;
    struct config_report *report;
};

#define RESTART                                                                                   \
    "the sandbox was made at the start and does not allow it: restart actpass, or allow it from " \
    "the start with sandbox_read, sandbox_write or sandbox_connect"

/* Would the file's mode allow reading, and yet it is refused? */
static bool is_refused(const struct paths_item *path)
{
    if ((path->access & PATHS_READ) == 0 || faccessat(AT_FDCWD, path->path, R_OK, AT_EACCESS) != 0)
        return false;
    int fd = open(path->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool refused = fd < 0 && errno == EACCES;
    if (fd >= 0)
        close(fd);
    return refused;
}

static void explain_reading(const struct explaining *explaining, const struct plan *wanted)
{
    for (size_t i = 0; i < wanted->named.count; i++)
        if (is_refused(&wanted->named.items[i]))
            config_report_add(explaining->report, CONFIG_ERROR, explaining->config,
                              "%s may not be read: " RESTART
                              " (a file in a folder of its own can be exchanged without)",
                              wanted->named.items[i].path);
}

static void explain_writing(const struct explaining *explaining, const struct plan *wanted)
{
    for (size_t i = 0; i < wanted->allowed.count; i++) {
        const struct paths_item *item = &wanted->allowed.items[i];
        unsigned access = item->access & (PATHS_WRITE | PATHS_SOCKETS);
        if (access != 0 && !paths_allow(&explaining->sandbox->plan.allowed, item->path, access))
            config_report_add(explaining->report, CONFIG_ERROR, explaining->config,
                              "making files or unix sockets in %s: " RESTART, item->path);
    }
}

static bool is_missing(const struct explaining *explaining, const struct plan *wanted,
                       unsigned port)
{
    return port <= UINT16_MAX && plan_has_port(wanted, (uint16_t)port) &&
           !plan_has_port(&explaining->sandbox->plan, (uint16_t)port);
}

/* A line for each range, since "allow" of a proxy may want all ports. */
static void explain_ports(const struct explaining *explaining, const struct plan *wanted)
{
    for (unsigned port = 1; port <= UINT16_MAX; port++) {
        unsigned first = port;
        while (is_missing(explaining, wanted, port))
            port++;
        if (port == first + 1)
            config_report_add(explaining->report, CONFIG_ERROR, explaining->config,
                              "connecting to port %u: " RESTART, first);
        else if (port > first)
            config_report_add(explaining->report, CONFIG_ERROR, explaining->config,
                              "connecting to ports %u to %u: " RESTART, first, port - 1);
    }
}

static void explain_calls(const struct explaining *explaining, const struct plan *wanted)
{
    const struct plan *plan = &explaining->sandbox->plan;
    if (wanted->names && !plan->names)
        config_report_add(explaining->report, CONFIG_ERROR, explaining->config,
                          "host names, of which there were none: " RESTART);
    if (wanted->fast_open && !plan->fast_open)
        config_report_add(explaining->report, CONFIG_ERROR, explaining->config,
                          "tcp_fast_open with dial: " RESTART);
    if (wanted->file_modes && !plan->file_modes)
        config_report_add(explaining->report, CONFIG_ERROR, explaining->config,
                          "mode, owner and group of unix sockets in listen_options: " RESTART);
}

static void explain_accounts(const struct explaining *explaining, const struct plan *wanted)
{
    const struct plan *plan = &explaining->sandbox->plan;
    if (wanted->accounts && !plan->accounts &&
        !paths_allow(&plan->allowed, "/etc/passwd", PATHS_READ))
        config_report_add(explaining->report, CONFIG_ERROR, explaining->config,
                          "names in \"owner\" and \"group\" of listen_options, of which there were "
                          "none, cannot be looked up inside the sandbox, which was made at the "
                          "start: write numbers, or restart actpass");
}

void sandbox_explain(const struct sandbox *sandbox, const struct config *config,
                     struct config_report *report)
{
    struct explaining explaining = {.sandbox = sandbox, .config = config, .report = report};
    struct plan wanted;
    if (!sandbox || !sandbox->on)
        return;
    bool made = plan_make(&wanted, config, sandbox->file);
    if (!made)
        config_report_add(report, CONFIG_ERROR, config, "out of memory for the sandbox");
    if (made && sandbox->landlock > 0) {
        explain_reading(&explaining, &wanted);
        explain_writing(&explaining, &wanted);
        explain_accounts(&explaining, &wanted);
    }
    if (made && sandbox->landlock >= LANDLOCK_ABI_CONNECT)
        explain_ports(&explaining, &wanted);
    if (made && sandbox->landlock >= LANDLOCK_ABI_SCOPE && wanted.abstract &&
        !sandbox->plan.abstract)
        config_report_add(report, CONFIG_ERROR, config,
                          "connecting to abstract unix sockets: " RESTART);
    if (made && sandbox->seccomp)
        explain_calls(&explaining, &wanted);
    plan_free(&wanted);
}
