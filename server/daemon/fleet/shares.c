#include "server/daemon/fleet/shares.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "server/daemon/fleet/directory.h"
#include "server/daemon/fleet/pass_on.h"
#include "server/daemon/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One service's. All but NEXT and SEEN is constant once it is in the list. */
struct share {
    struct share *next;
    struct share_seen seen; /* guarded by the lock of `shares` */
    struct shares *shares;
    struct server *server;
    struct service *service; /* a reference */
    struct pool *pool;
    struct directory *directory;
};

struct shares {
    struct server *server;
    pthread_mutex_t lock; /* guards the list, and what is seen; under it only locks of directories
                             are taken */
    struct share *first;
    bool stopped; /* none is begun any more */
};

/* ---- What a directory asks and says: on its thread ------------------------------------------- */

struct listing {
    directory_add *add;
    void *list;
};

/* The lock of the pool is held. */
static void list_name(const struct pool_seen *seen, void *arg)
{
    const struct listing *listing = arg;
    if (seen->offers > 0)
        listing->add(seen->name, DIRECTORY_HERE, listing->list);
    for (size_t i = 0; seen->offers == 0 && i < seen->callers; i++)
        listing->add(seen->name, DIRECTORY_WANTED, listing->list);
}

static void list(void *arg, directory_add *add, void *list)
{
    const struct share *share = arg;
    struct listing listing = {add, list};
    pool_look(share->pool, SIZE_MAX, list_name, &listing);
}

static size_t count_waiting(void *arg, const char *name)
{
    const struct share *share = arg;
    return pool_count_waiting(share->pool, name);
}

static bool has_room(const struct share *share)
{
    const struct service *service = share->service;
    return registry_count_service(share->server->registry, service->connections).all <
           service->config->max_connections;
}

static void take_found(void *arg, const char *name, const char *address)
{
    enum { AGAIN_MS = 500 };
    const struct share *share = arg;
    if (atomic_load(&share->server->stopping))
        return;
    if (!has_room(share))
        directory_want(share->directory, name, AGAIN_MS);
    else
        pass_on_begin(share->server, share->service, share->pool, name, address);
}

static void log_state(const struct share *share, const char *problem)
{
    const struct log_field fields[] = {
        log_text("service", share->service->config->name), log_text("event", "registry"),
        log_text("pool", share->service->config->share.pool),
        log_text("state", problem ? "down" : "up"), log_text("error", problem)};
    log_write(share->server->log, problem ? CONFIG_LOG_WARNING : CONFIG_LOG_INFO, fields,
              problem ? 5 : 4);
}

static void take_change(void *arg, const char *problem)
{
    struct share *share = arg;
    lock_take(&share->shares->lock);
    share->seen.state = problem ? SHARE_DOWN : SHARE_UP;
    share->seen.since_us = clock_now_us();
    if (problem)
        share->seen.others = -1;
    lock_release(&share->shares->lock);
    log_state(share, problem);
}

static void take_count(void *arg, size_t others)
{
    struct share *share = arg;
    lock_take(&share->shares->lock);
    share->seen.others = (int64_t)others;
    lock_release(&share->shares->lock);
}

/* ---- What the pools say ---------------------------------------------------------------------- */

/* The pool's lock is held. */
static void note(void *arg, struct pool *pool, const char *name, bool here)
{
    struct shares *shares = arg;
    lock_take(&shares->lock);
    for (const struct share *share = shares->first; share; share = share->next)
        if (share->pool == pool)
            directory_note(share->directory, name, here);
    lock_release(&shares->lock);
}

static void want(void *arg, struct pool *pool, const char *name, int64_t after_ms)
{
    struct shares *shares = arg;
    lock_take(&shares->lock);
    for (const struct share *share = shares->first; share; share = share->next)
        if (share->pool == pool)
            directory_want(share->directory, name, after_ms);
    lock_release(&shares->lock);
}

void shares_look(struct shares *shares, const struct pool *pool,
                 void (*see)(const struct share_seen *seen, void *arg), void *arg)
{
    lock_take(&shares->lock);
    for (const struct share *share = shares->first; share; share = share->next)
        if (share->pool == pool)
            see(&share->seen, arg);
    lock_release(&shares->lock);
}

/* ---- Begin and end --------------------------------------------------------------------------- */

static void free_share(struct share *share, enum directory_end end)
{
    directory_free(share->directory, end);
    service_release(share->service);
    free(share);
}

/* NULL with errno. The lock is held, so that no change of the pool is lost between the directory's
 * first look at it and the moment that the share is in the list. */
static struct share *new_share(struct shares *shares, struct service *service)
{
    struct server *server = shares->server;
    const struct config_share *config = &service->config->share;
    struct share *share = calloc(1, sizeof(*share));
    if (!share)
        return NULL;
    share->seen =
        (struct share_seen){.service = service->config->name, .since_us = -1, .others = -1};
    share->shares = shares;
    share->server = server;
    share->service = service_hold(service);
    share->pool = fleet_pool(server->fleet, config->pool);
    const struct directory_options options = {.place = service->registry,
                                              .pool = config->pool,
                                              .advertise = config->advertise.text,
                                              .expire_ms = config->expire_ms,
                                              .list = list,
                                              .wanted = count_waiting,
                                              .found = take_found,
                                              .changed = take_change,
                                              .counted = take_count,
                                              .arg = share};
    errno = ENOMEM;
    share->directory = share->pool ? directory_new(&options) : NULL;
    if (share->directory)
        return share;
    int error = errno;
    free_share(share, DIRECTORY_KEEP);
    errno = error;
    return NULL;
}

static void begin_share(struct shares *shares, struct service *service)
{
    lock_take(&shares->lock);
    bool stopped = shares->stopped;
    struct share *share = stopped ? NULL : new_share(shares, service);
    int error = errno;
    if (share) {
        share->next = shares->first;
        shares->first = share;
    }
    lock_release(&shares->lock);
    if (share || stopped)
        return;
    const struct report report = {.log = shares->server->log, .service = service->config->name};
    report_dropped(&report, error);
}

static struct share *take_all(struct shares *shares)
{
    lock_take(&shares->lock);
    struct share *all = shares->first;
    shares->first = NULL;
    lock_release(&shares->lock);
    return all;
}

/* Does a service of GENERATION take over the names that OLD has written? */
static bool is_continued(const struct share *old, const struct generation *generation)
{
    const struct config_share *before = &old->service->config->share;
    for (size_t i = 0; i < generation->count; i++) {
        const struct config_share *now = &generation->services[i]->config->share;
        if (now->pool && strcmp(now->pool, before->pool) == 0 &&
            strcmp(now->registry.text, before->registry.text) == 0 &&
            strcmp(now->advertise.text, before->advertise.text) == 0)
            return true;
    }
    return false;
}

static void end_all(struct share *all, const struct generation *next)
{
    while (all) {
        struct share *share = all;
        all = share->next;
        bool continued = next && is_continued(share, next);
        free_share(share, continued ? DIRECTORY_KEEP : DIRECTORY_FORGET);
    }
}

void shares_update(struct shares *shares, struct generation *generation)
{
    end_all(take_all(shares), generation);
    for (size_t i = 0; i < generation->count; i++)
        if (config_shares(generation->services[i]->config))
            begin_share(shares, generation->services[i]);
}

void shares_stop(struct shares *shares)
{
    lock_take(&shares->lock);
    shares->stopped = true;
    lock_release(&shares->lock);
    end_all(take_all(shares), NULL);
}

struct shares *shares_new(struct server *server)
{
    struct shares *shares = calloc(1, sizeof(*shares));
    if (!shares || pthread_mutex_init(&shares->lock, NULL) != 0) {
        free(shares);
        return NULL;
    }
    const struct fleet_elsewhere elsewhere = {.noted = note, .wanted = want, .arg = shares};
    shares->server = server;
    fleet_set_elsewhere(server->fleet, &elsewhere);
    return shares;
}

void shares_free(struct shares *shares)
{
    if (!shares)
        return;
    (void)pthread_mutex_destroy(&shares->lock);
    free(shares);
}
