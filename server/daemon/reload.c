/* SIGHUP: the whole configuration again, while connections are open. All of it is loaded before
 * anything is changed; then the accept thread swaps the generations (swap.h). */
#include "server/daemon/reload.h"

#include "server/daemon/fleet/shares.h"
#include "server/daemon/lines.h"
#include "server/daemon/listening.h"
#include "server/daemon/load.h"
#include "server/daemon/manager.h"
#include "server/daemon/persistent.h"
#include "server/daemon/programs/programs.h"
#include "server/daemon/recheck.h"
#include "server/daemon/refresh.h"
#include "server/daemon/reload_log.h"
#include "server/daemon/swap.h"

/* NULL, with the errors in the report, which is initialised here. Nothing that is in use has
 * changed. */
static struct generation *load_next(struct server *server, struct config_report *report)
{
    struct config *config = load_config(server->file, server->sandbox, report);
    struct generation *next =
        config ? load_generation(server, config, server->generation, report) : NULL;
    if (!next)
        return NULL;
    config_forget_origin(next->held->config); /* nothing more is said about values */
    const struct listening_sources sources = {.before = server->generation, .cancel_fd = -1};
    if (listening_open(next, &sources, report) && load_make_files(next, report) &&
        programs_load(server->programs, next->config, report) && load_stats(server, next, report))
        return next;
    generation_release(next);
    return NULL;
}

/* False, with the errors in the report: the generation of before goes on. */
static bool swap(struct server *server, struct change *change, struct generation *next,
                 struct config_report *report)
{
    bool prepared = swap_prepare(server, next, change);
    if (!prepared) {
        lines_add(&report->errors, "out of memory or threads");
        persistent_discard(next);
        return false;
    }
    bool done = swap_give(server, change);
    if (!done)
        lines_add(&report->errors, "the program is stopping");
    return done;
}

/* Keys that a reload does not change are compared with what was in force at the start. */
static void keep_fixed(struct generation *next, struct generation *before)
{
    struct config_strings in_force = before->fixed;
    before->fixed = next->fixed;
    next->fixed = in_force;
}

static bool reload(struct server *server, struct config_report *report)
{
    struct change change = {.before = NULL};
    struct generation *next = load_next(server, report);
    if (!next)
        return false;
    bool done = swap(server, &change, next, report);
    if (done) {
        refresh_begin(server, next, &report->warnings);
        load_start(next);
        shares_update(server->shares, next);
        reload_log_done(server->log, &change, &report->warnings);
        programs_commit(server->programs);
        recheck_generation(server, next);
        keep_fixed(next, change.before);
    }
    swap_discard(&change);
    generation_release(done ? change.before : next);
    return done;
}

bool reload_run(struct server *server, struct config_report *report)
{
    manager_reloading(server);
    bool done = reload(server, report);
    const char *why = report->errors.count > 0 ? report->errors.items[0] : "out of memory";
    if (!done)
        reload_log_failed(server->log, &report->errors);
    manager_reloaded(server, done ? NULL : why);
    return done;
}
