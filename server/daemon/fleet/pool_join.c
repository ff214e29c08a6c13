#include "relay/clock.h"
#include "relay/lock.h"
#include "server/daemon/fleet/pool_internal.h"

#include <stdlib.h>
#include <string.h>

struct pool *pool_new(const char *title, const struct fleet_elsewhere *elsewhere)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        return NULL;
    pool->title = strdup(title);
    pool->elsewhere = elsewhere;
    pool_names_init(&pool->names);
    if (pool->title && pthread_mutex_init(&pool->lock, NULL) == 0)
        return pool;
    free(pool->title);
    free(pool);
    return NULL;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    (void)pthread_mutex_destroy(&pool->lock);
    pool_names_free(&pool->names);
    free(pool->title);
    free(pool);
}

const char *pool_title(const struct pool *pool)
{
    return pool->title;
}

/* ---- Under the names: the lock is held ------------------------------------------------------- */

static void note(const struct pool *pool, const struct pool_name *name, bool here)
{
    const struct fleet_elsewhere *elsewhere = pool->elsewhere;
    if (elsewhere && elsewhere->noted)
        elsewhere->noted(elsewhere->arg, (struct pool *)pool, name->text, here);
}

static void add_link(const struct pool *pool, struct pool_link *link)
{
    struct pool_name *name = link->name;
    link->fresher = NULL;
    link->older = name->freshest;
    if (link->older)
        link->older->fresher = link;
    else
        name->oldest = link;
    name->freshest = link;
    name->offers++;
    if (name->offers == 1)
        note(pool, name, true);
}

static void remove_link(const struct pool *pool, struct pool_link *link)
{
    struct pool_name *name = link->name;
    if (link->fresher)
        link->fresher->older = link->older;
    else
        name->freshest = link->older;
    if (link->older)
        link->older->fresher = link->fresher;
    else
        name->oldest = link->fresher;
    name->offers--;
    if (name->offers == 0)
        note(pool, name, false);
}

static void take_out(struct pool *pool, struct pool_offer *offer, enum pool_offer_state state)
{
    for (size_t i = 0; i < offer->count; i++)
        remove_link(pool, &offer->links[i]);
    offer->state = state;
    pool->counts.offers--;
}

/* Behind all callers that came before it: at its old place, if it was given an offer that has
 * left. */
static void queue(struct pool_caller *caller)
{
    struct pool_name *name = caller->name;
    struct pool_caller *before = name->last;
    while (before && before->turn > caller->turn)
        before = before->before;
    struct pool_caller *after = before ? before->after : name->first;
    caller->before = before;
    caller->after = after;
    *(before ? &before->after : &name->first) = caller;
    *(after ? &after->before : &name->last) = caller;
    name->callers++;
    caller->state = POOL_WAITS;
}

static void unqueue(struct pool_caller *caller)
{
    struct pool_name *name = caller->name;
    *(caller->before ? &caller->before->after : &name->first) = caller->after;
    *(caller->after ? &caller->after->before : &name->last) = caller->before;
    name->callers--;
}

/* ---- Who gets whom: the lock is held --------------------------------------------------------- */

/* Both are in no list. */
static void give(struct pool_offer *offer, struct pool_caller *caller)
{
    offer->state = POOL_WANTED;
    offer->caller = caller;
    caller->state = POOL_GIVEN;
    caller->offer = offer;
    bell_ring(offer->bell);
}

static void place_caller(struct pool *pool, struct pool_caller *caller)
{
    const struct pool_link *link = caller->name->freshest;
    caller->offer = NULL;
    if (!link) {
        queue(caller);
        return;
    }
    take_out(pool, link->offer, POOL_OUT);
    give(link->offer, caller);
}

/* The first caller of a name who may be given a connection through another collector. */
static struct pool_caller *first_own(const struct pool_name *name)
{
    struct pool_caller *caller = name->first;
    while (caller && caller->request.passed_on)
        caller = caller->after;
    return caller;
}

static struct pool_caller *longest_waiting(const struct pool_offer *offer)
{
    struct pool_caller *found = NULL;
    for (size_t i = 0; i < offer->count; i++) {
        const struct pool_name *name = offer->links[i].name;
        struct pool_caller *first =
            offer->per_name == POOL_ONLY_WANTED ? first_own(name) : name->first;
        if (first && (!found || first->turn < found->turn))
            found = first;
    }
    return found;
}

/* The oldest, since it is the one that may have died without anybody noticing. */
static void displace(struct pool *pool, const struct pool_name *name)
{
    struct pool_offer *oldest = name->oldest->offer;
    take_out(pool, oldest, POOL_DISPLACED);
    pool->counts.displaced++;
    bell_ring(oldest->bell);
}

static void place_offer(struct pool *pool, struct pool_offer *offer)
{
    struct pool_caller *caller = longest_waiting(offer);
    offer->caller = NULL;
    if (caller) {
        unqueue(caller);
        give(offer, caller);
        return;
    }
    if (offer->per_name == POOL_ONLY_WANTED) {
        offer->state = POOL_DISPLACED;
        bell_ring(offer->bell);
        return;
    }
    offer->state = POOL_PARKED;
    pool->counts.offers++;
    for (size_t i = 0; i < offer->count; i++)
        add_link(pool, &offer->links[i]);
    for (size_t i = 0; i < offer->count && offer->state == POOL_PARKED; i++)
        if (offer->links[i].name->offers > offer->per_name)
            displace(pool, offer->links[i].name);
}

/* ---- Offers ---------------------------------------------------------------------------------- */

static void release_names(struct pool *pool, struct pool_offer *offer)
{
    for (size_t i = 0; i < offer->count; i++)
        pool_names_release(&pool->names, offer->links[i].name);
    offer->count = 0;
}

/* False: out of memory. */
static bool hold_names(struct pool *pool, struct pool_offer *offer, const char *const *names,
                       size_t count)
{
    for (; offer->count < count; offer->count++) {
        struct pool_name *name = pool_names_hold(&pool->names, names[offer->count]);
        if (!name)
            return false;
        offer->links[offer->count] = (struct pool_link){.offer = offer, .name = name};
    }
    return true;
}

bool pool_park(struct pool *pool, struct pool_offer *offer, const struct pool_terms *terms,
               struct bell *bell)
{
    *offer = (struct pool_offer){.pool = pool,
                                 .bell = bell,
                                 .per_name = terms->per_name,
                                 .number = terms->number,
                                 .since_us = clock_now_us(),
                                 .links = calloc(terms->count, sizeof(struct pool_link))};
    if (!offer->links)
        return false;
    lock_take(&pool->lock);
    bool held = hold_names(pool, offer, terms->names, terms->count);
    if (held)
        place_offer(pool, offer);
    else
        release_names(pool, offer);
    lock_release(&pool->lock);
    if (!held) {
        free(offer->links);
        *offer = (struct pool_offer){.pool = NULL};
    }
    return held;
}

/* Names do not change while they are held, and the links are the owner's until it leaves. */
bool pool_has_names(const struct pool_offer *offer, const struct pool_terms *terms)
{
    bool same = offer->count == terms->count;
    for (size_t i = 0; same && i < terms->count; i++)
        same = strcmp(offer->links[i].name->text, terms->names[i]) == 0;
    return same;
}

enum pool_offer_state pool_offer_state(struct pool_offer *offer)
{
    lock_take(&offer->pool->lock);
    enum pool_offer_state state = offer->state;
    lock_release(&offer->pool->lock);
    return state;
}

/* The lock is held. */
static void join(struct pool *pool, struct pool_offer *offer, struct pool_request *request)
{
    struct pool_caller *caller = offer->caller;
    *request = caller->request;
    caller->request.fd = -1;
    caller->state = POOL_JOINED;
    caller->joined_number = offer->number;
    caller->offer = NULL;
    pool_names_release(&pool->names, caller->name);
    offer->caller = NULL;
    offer->state = POOL_OUT;
    pool->counts.callers--;
    pool->counts.joined++;
    bell_ring(caller->bell); /* it lives until it has seen that */
}

bool pool_accept(struct pool_offer *offer, struct pool_request *request)
{
    struct pool *pool = offer->pool;
    lock_take(&pool->lock);
    bool wanted = offer->state == POOL_WANTED;
    if (wanted)
        join(pool, offer, request);
    lock_release(&pool->lock);
    return wanted;
}

void pool_leave(struct pool_offer *offer)
{
    struct pool *pool = offer->pool;
    if (!pool)
        return;
    lock_take(&pool->lock);
    if (offer->state == POOL_PARKED)
        take_out(pool, offer, POOL_OUT);
    if (offer->state == POOL_WANTED)
        place_caller(pool, offer->caller);
    release_names(pool, offer);
    lock_release(&pool->lock);
    free(offer->links);
    *offer = (struct pool_offer){.pool = NULL};
}

/* ---- Callers --------------------------------------------------------------------------------- */

bool pool_call(struct pool *pool, struct pool_caller *caller, struct bell *bell)
{
    lock_take(&pool->lock);
    caller->name = pool_names_hold(&pool->names, caller->request.name);
    if (caller->name) {
        caller->pool = pool;
        caller->bell = bell;
        caller->turn = pool->turns++;
        caller->since_us = clock_now_us();
        pool->counts.callers++;
        place_caller(pool, caller);
    }
    lock_release(&pool->lock);
    return caller->pool;
}

enum pool_caller_state pool_caller_state(struct pool_caller *caller)
{
    if (!caller->pool)
        return POOL_NOT_HERE;
    lock_take(&caller->pool->lock);
    enum pool_caller_state state = caller->state;
    lock_release(&caller->pool->lock);
    return state;
}

/* The lock is held. */
static void give_up(struct pool *pool, struct pool_caller *caller)
{
    if (caller->state == POOL_WAITS)
        unqueue(caller);
    else
        place_offer(pool, caller->offer);
    caller->state = POOL_NOT_HERE;
    pool_names_release(&pool->names, caller->name);
    pool->counts.callers--;
    pool->counts.given_up++;
}

bool pool_cancel(struct pool_caller *caller)
{
    struct pool *pool = caller->pool;
    if (!pool)
        return true;
    lock_take(&pool->lock);
    bool joined = caller->state == POOL_JOINED;
    if (caller->state == POOL_WAITS || caller->state == POOL_GIVEN)
        give_up(pool, caller);
    lock_release(&pool->lock);
    return !joined;
}

/* ---- A look ---------------------------------------------------------------------------------- */

bool pool_has(struct pool *pool, const char *name)
{
    lock_take(&pool->lock);
    const struct pool_name *found = pool_names_find(&pool->names, name);
    bool has = found && found->freshest;
    lock_release(&pool->lock);
    return has;
}

bool pool_wants(struct pool *pool, const char *name)
{
    lock_take(&pool->lock);
    const struct pool_name *found = pool_names_find(&pool->names, name);
    bool wants = found && first_own(found);
    lock_release(&pool->lock);
    return wants;
}

size_t pool_count_waiting(struct pool *pool, const char *name)
{
    size_t count = 0;
    lock_take(&pool->lock);
    const struct pool_name *found = pool_names_find(&pool->names, name);
    for (const struct pool_caller *caller = found ? found->first : NULL; caller;
         caller = caller->after)
        count += caller->request.passed_on ? 0 : 1;
    lock_release(&pool->lock);
    return count;
}
