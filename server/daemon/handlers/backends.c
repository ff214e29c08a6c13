#include "server/daemon/handlers/backends.h"

#include "relay/lock.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* How long one is left out. */
enum { OUT_MIN_US = 1000000, OUT_MAX_US = 60000000 };

struct health {
    size_t references; /* backends that have it: those of before and after a reload */
    unsigned connections;
    int64_t out_us;   /* how long it is left out; 0: it is not */
    int64_t until_us; /* OUT_US: when it may be tried again */
    bool probed;      /* OUT_US: a connection tries it */
};

/* Guards the health that backends share. */
struct guard {
    atomic_uint references;
    pthread_mutex_t lock;
};

struct backends {
    const struct config_backends *config;
    struct guard *guard; /* its lock guards all that follows */
    size_t turns;
    struct health *health[CONFIG_BACKENDS_MAX]; /* one for each */
};

/* ---- Life ------------------------------------------------------------------------------------ */

/* NULL: out of memory. */
static struct guard *guard_new(void)
{
    struct guard *guard = calloc(1, sizeof(*guard));
    if (!guard || pthread_mutex_init(&guard->lock, NULL) != 0) {
        free(guard);
        return NULL;
    }
    atomic_init(&guard->references, 1);
    return guard;
}

static void guard_release(struct guard *guard)
{
    if (!guard || atomic_fetch_sub(&guard->references, 1) > 1)
        return;
    (void)pthread_mutex_destroy(&guard->lock);
    free(guard);
}

static void health_release(struct health *health)
{
    if (health && --health->references == 0)
        free(health);
}

struct backends *backends_new(const struct config_backends *config, struct error_text *error)
{
    struct backends *backends = calloc(1, sizeof(*backends));
    bool made = backends;
    if (made)
        backends->guard = guard_new();
    made = made && backends->guard;
    for (size_t i = 0; made && i < config->count; i++) {
        backends->health[i] = calloc(1, sizeof(*backends->health[i]));
        made = backends->health[i];
        if (made)
            backends->health[i]->references = 1;
    }
    if (made) {
        backends->config = config;
        return backends;
    }
    backends_free(backends);
    (void)error_set(error, "out of memory for backends");
    return NULL;
}

void backends_free(struct backends *backends)
{
    if (!backends)
        return;
    if (backends->guard)
        lock_take(&backends->guard->lock);
    for (size_t i = 0; i < CONFIG_BACKENDS_MAX; i++)
        health_release(backends->health[i]);
    if (backends->guard)
        lock_release(&backends->guard->lock);
    guard_release(backends->guard);
    free(backends);
}

/* ---- Over a reload --------------------------------------------------------------------------- */

/* The number of that backend; COUNT: there is none. */
static size_t find(const struct config_backends *config, const struct config_address *address)
{
    size_t number = 0;
    while (number < config->count && strcmp(config->items[number].text, address->text) != 0)
        number++;
    return number;
}

/* Under the lock of BEFORE; what is replaced nobody has seen yet. */
static void take_over(struct backends *backends, const struct backends *before)
{
    for (size_t i = 0; i < backends->config->count; i++) {
        size_t number = find(before->config, &backends->config->items[i]);
        if (number == before->config->count)
            continue;
        health_release(backends->health[i]);
        backends->health[i] = before->health[number];
        backends->health[i]->references++;
    }
    backends->turns = before->turns;
}

void backends_follow(struct backends *backends, struct backends *before)
{
    if (!config_source_is_same(&backends->config->source, &before->config->source))
        return;
    lock_take(&before->guard->lock);
    take_over(backends, before);
    atomic_fetch_add(&before->guard->references, 1);
    lock_release(&before->guard->lock);
    guard_release(backends->guard);
    backends->guard = before->guard;
}

/* ---- The order ------------------------------------------------------------------------------- */

static void append(const struct backends *backends, struct backends_turn *turn, size_t number)
{
    turn->order[turn->count] = backends->config->items[number];
    turn->numbers[turn->count++] = number;
}

/* May it be tried now? One that was left out is a probe then. */
static bool is_fit(struct backends *backends, struct backends_turn *turn, size_t number,
                   int64_t now_us)
{
    struct health *health = backends->health[number];
    if (health->out_us == 0)
        return true;
    if (health->probed || now_us < health->until_us)
        return false;
    health->probed = true;
    turn->probes |= UINT32_C(1) << number;
    return true;
}

/* Moves the last one of the order before those with more connections. */
static void sort_in(const struct backends *backends, struct backends_turn *turn)
{
    size_t at = turn->count - 1;
    const struct config_address address = turn->order[at];
    size_t number = turn->numbers[at];
    for (; at > 0 && backends->health[turn->numbers[at - 1]]->connections >
                         backends->health[number]->connections;
         at--) {
        turn->order[at] = turn->order[at - 1];
        turn->numbers[at] = turn->numbers[at - 1];
    }
    turn->order[at] = address;
    turn->numbers[at] = number;
}

/* Those with as many connections take turns, too. */
static void set_order(struct backends *backends, struct backends_turn *turn, int64_t now_us)
{
    enum config_balance balance = backends->config->balance;
    size_t count = backends->config->count;
    size_t first = balance == CONFIG_BALANCE_FAILOVER ? 0 : backends->turns++ % count;
    uint32_t in_order = 0;
    for (size_t i = 0; i < count; i++) {
        size_t number = (first + i) % count;
        if (!is_fit(backends, turn, number, now_us))
            continue;
        append(backends, turn, number);
        in_order |= UINT32_C(1) << number;
        if (balance == CONFIG_BALANCE_LEAST_CONNECTIONS)
            sort_in(backends, turn);
    }
    for (size_t i = 0; i < count; i++)
        if ((in_order & UINT32_C(1) << i) == 0)
            append(backends, turn, i);
}

void backends_begin(struct backends *backends, struct backends_turn *turn, int64_t now_us)
{
    turn->count = 0;
    turn->probes = 0;
    lock_take(&backends->guard->lock);
    set_order(backends, turn, now_us);
    backends->health[turn->numbers[0]]->connections++;
    lock_release(&backends->guard->lock);
}

/* ---- The result ------------------------------------------------------------------------------ */

static void forget_probes(struct backends *backends, const struct backends_turn *turn)
{
    for (size_t i = 0; i < turn->count; i++)
        if (turn->probes & UINT32_C(1) << i)
            backends->health[i]->probed = false;
}

/* The failures of those that began before it was left out, or while all are, make that no longer.
 * Returns true if it was not left out before. */
static bool note_failure(struct backends *backends, const struct backends_turn *turn, size_t place,
                         int64_t now_us)
{
    size_t number = turn->numbers[place];
    struct health *health = backends->health[number];
    bool news = health->out_us == 0;
    if (!news && !(turn->probes & UINT32_C(1) << number))
        return false;
    health->out_us = news ? OUT_MIN_US : 2 * health->out_us;
    if (health->out_us > OUT_MAX_US)
        health->out_us = OUT_MAX_US;
    health->until_us = now_us + health->out_us;
    return news;
}

size_t backends_won(struct backends *backends, const struct backends_turn *turn, size_t place,
                    int64_t now_us, size_t *down)
{
    size_t number = turn->numbers[place];
    *down = CONFIG_BACKENDS_MAX;
    lock_take(&backends->guard->lock);
    backends->health[turn->numbers[0]]->connections--;
    backends->health[number]->connections++;
    for (size_t i = place; i-- > 0;)
        if (note_failure(backends, turn, i, now_us))
            *down = turn->numbers[i];
    forget_probes(backends, turn);
    backends->health[number]->out_us = 0;
    lock_release(&backends->guard->lock);
    return number;
}

void backends_lost(struct backends *backends, const struct backends_turn *turn, int64_t now_us)
{
    lock_take(&backends->guard->lock);
    backends->health[turn->numbers[0]]->connections--;
    for (size_t i = 0; i < turn->count; i++)
        (void)note_failure(backends, turn, i, now_us);
    forget_probes(backends, turn);
    lock_release(&backends->guard->lock);
}

void backends_gave_up(struct backends *backends, const struct backends_turn *turn)
{
    lock_take(&backends->guard->lock);
    backends->health[turn->numbers[0]]->connections--;
    forget_probes(backends, turn);
    lock_release(&backends->guard->lock);
}

void backends_left(struct backends *backends, size_t number)
{
    lock_take(&backends->guard->lock);
    backends->health[number]->connections--;
    lock_release(&backends->guard->lock);
}

struct backends_state backends_look(struct backends *backends, size_t number)
{
    lock_take(&backends->guard->lock);
    const struct backends_state state = {.up = backends->health[number]->out_us == 0,
                                         .connections = backends->health[number]->connections};
    lock_release(&backends->guard->lock);
    return state;
}
