/* Programs are started outside the sandbox ("exec"), so nothing that decides which may be writable
 * inside it. */
#include "config/config.h"
#include "server/daemon/sandbox/plan.h"
#include "server/daemon/sandbox/sandbox.h"

#include <stdlib.h>

struct exposing {
    const struct config *config;
    struct config_report *report;
    struct plan plan;
    struct paths seen;
};

static void look_at(struct exposing *exposing, const char *path)
{
    char *real = realpath(path, NULL);
    bool fresh = real && paths_access(&exposing->seen, real) == 0;
    if (fresh && paths_allow(&exposing->plan.allowed, real, PATHS_WRITE))
        config_report_add(exposing->report, CONFIG_WARNING, exposing->config,
                          "exec: the sandbox must allow writing to %s, which decides what runs "
                          "outside it: let actpass write (cache, insecure_key_log, sessions, "
                          "sandbox_write) in a folder of its own",
                          path);
    if (fresh)
        (void)paths_add(&exposing->seen, real, PATHS_READ); /* else it is named again */
    free(real);
}

static void look_at_handler(struct exposing *exposing, const struct config_handler *handler)
{
    if (handler->kind != CONFIG_HANDLER_EXEC)
        return;
    for (size_t i = 0; i < handler->exec.command.count; i++) /* a script may be an argument */
        if (handler->exec.command.items[i][0] == '/')
            look_at(exposing, handler->exec.command.items[i]);
}

static void look_at_services(struct exposing *exposing)
{
    for (size_t i = 0; i < exposing->config->service_count; i++) {
        const struct config_service *service = &exposing->config->services[i];
        const struct config_handler *handler = config_handler_at(service, 0);
        for (size_t k = 0; handler; handler = config_handler_at(service, ++k))
            look_at_handler(exposing, handler);
    }
}

void sandbox_check_programs(const struct config *config, const char *file,
                            struct config_report *report)
{
    struct exposing exposing = {.config = config, .report = report};
    if (config->sandbox == CONFIG_SANDBOX_OFF || !config_uses_handler(config, CONFIG_HANDLER_EXEC))
        return;
    if (plan_make(&exposing.plan, config, file)) { /* else the sandbox itself will say so */
        look_at(&exposing, file);
        for (size_t i = 0; i < config->sources.count; i++)
            look_at(&exposing, config->sources.items[i]);
        look_at_services(&exposing);
    }
    plan_free(&exposing.plan);
    paths_free(&exposing.seen);
}
