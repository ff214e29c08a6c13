#include "server/daemon/confine.h"

#include "server/daemon/lines.h"
#include "server/daemon/sandbox/user.h"
#include "server/daemon/sources.h"
#include "server/daemon/state.h"

static bool change_user(const struct config *config, struct error_text *error)
{
    struct user user;
    if (!config->user)
        return true;
    if (!user_find(config->user, config->group, &user, error))
        return false;
    user.keeps_net_raw = sources_need_net_raw(config);
    return user_become(&user, error);
}

void confine_log(const struct server *server)
{
    const struct sandbox *sandbox = server->sandbox;
    const char *lacks = sandbox_lacks(sandbox);
    struct log_field fields[] = {
        log_text("event", "sandbox"), log_number("landlock", sandbox_landlock(sandbox)),
        log_text("seccomp", sandbox_has_seccomp(sandbox) ? "yes" : "no"), log_text("lacks", lacks)};
    size_t count = sizeof(fields) / sizeof(fields[0]);
    bool whole = *lacks == '\0';
    if (sandbox_is_on(sandbox) || !whole)
        log_write(server->log, whole ? CONFIG_LOG_DEBUG : CONFIG_LOG_INFO, fields,
                  whole ? count - 1 : count);
}

bool confine_server(struct server *server, struct config_report *report)
{
    const struct config *config = server_config(server);
    struct error_text error = {.text = ""};
    bool changed = change_user(config, &error);
    if (changed)
        sources_check(config, CONFIG_ERROR, report);
    if (changed && report->errors.count > 0)
        return false;
    if (changed)
        server->sandbox = sandbox_enter(config, server->file, &error);
    if (!server->sandbox)
        lines_add(&report->errors, "%s", error.text);
    return server->sandbox;
}
