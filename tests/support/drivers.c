#include "tests/support/drivers.h"

#include "relay/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { DRIVERS = 4, CAPS = 64, LOOK_US = 1000 };

const struct relay_way relay_ways[RELAY_WAYS] = {
    [WAY_AUTO] = {"pair, auto", RELAY_PAIR, DRIVER_AUTO, true, true},
    [WAY_RELAY] = {"pair, relay", RELAY_PAIR, DRIVER_RELAY, false, true},
    [WAY_CONVERSATION] = {"pair, conversation", RELAY_PAIR, DRIVER_CONVERSATION, true, false},
    [WAY_RANDOM] = {"pair, random", RELAY_PAIR, DRIVER_RANDOM, false, true},
    [WAY_DIRECT] = {"direct", RELAY_DIRECT, DRIVER_AUTO, true, false},
};

const enum relay_transport relay_transports[2] = {RELAY_PAIR, RELAY_DIRECT};

static bool by_relay(enum relay_turn turn)
{
    return turn == TURN_RELAY_POLLS;
}

static bool by_conversation(enum relay_turn turn)
{
    return turn != TURN_RELAY_POLLS;
}

/* One pseudo-random sequence for all relays. */
static bool at_random(enum relay_turn turn)
{
    static atomic_uint calls;
    (void)turn;
    unsigned random = (atomic_fetch_add(&calls, 1) + 1) * 2654435761U;
    random = (random ^ random >> 15) * 2246822519U;
    return (random ^ random >> 13) & 0x10000;
}

static void trace(const struct relay *relay, const char *part, const char *from, const char *to)
{
    fprintf(stderr, "%lld relay %p %s: %s -> %s\n", (long long)clock_now_us(), (const void *)relay,
            part, from, to);
}

static const struct relay_hooks by_driver[DRIVERS] = {
    [DRIVER_RELAY] = {.may = by_relay},
    [DRIVER_CONVERSATION] = {.may = by_conversation},
    [DRIVER_RANDOM] = {.may = at_random, .look_us = LOOK_US},
};

const struct relay_hooks *driver_hooks(enum relay_driver driver, size_t io_cap)
{
    static struct relay_hooks made[DRIVERS][CAPS];
    static size_t counts[DRIVERS];
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards both */
    bool tracing = getenv("ACTPASS_TRACE");
    if (driver == DRIVER_AUTO && io_cap == 0 && !tracing)
        return NULL;
    pthread_mutex_lock(&lock);
    size_t i = 0;
    while (i < counts[driver] && made[driver][i].io_cap != io_cap)
        i++;
    if (i == CAPS)
        abort();
    if (i == counts[driver]) {
        made[driver][i] = by_driver[driver];
        made[driver][i].io_cap = io_cap;
        made[driver][i].trace = tracing ? trace : NULL;
        counts[driver]++;
    }
    pthread_mutex_unlock(&lock);
    return &made[driver][i];
}

enum relay_driver driver_of(const struct relay_hooks *hooks)
{
    for (int driver = DRIVER_RELAY; hooks && driver < DRIVERS; driver++)
        if (hooks->may == by_driver[driver].may)
            return (enum relay_driver)driver;
    return DRIVER_AUTO;
}
