/* The backends of one "forward": which of them a connection tries, in which order, and which have
 * failed. A backend that has failed is left out for a second, then twice that, up to a minute; then
 * one connection tries it. Where all are left out, they are tried all the same, in the order of the
 * configuration. Any thread; one lock, under which nothing is called. */
#ifndef ACTPASS_SERVER_HANDLERS_BACKENDS_H
#define ACTPASS_SERVER_HANDLERS_BACKENDS_H

#include "config/config.h"
#include "server/lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backends;

/* The configuration must outlive them. NULL with ERROR: out of memory. */
struct backends *backends_new(const struct config_backends *config, struct error_text *error);
void backends_free(struct backends *backends); /* NULL is fine */

/* After a reload: those of BEFORE that are dialed in the same way go on as they are, with their
 * failures, and with the connections of BEFORE. Before the first turn. */
void backends_follow(struct backends *backends, struct backends *before);

/* One connection's turn. */
struct backends_turn {
    struct config_address
        order[CONFIG_BACKENDS_MAX];      /* to try; the texts are the configuration's */
    size_t numbers[CONFIG_BACKENDS_MAX]; /* of them in the configuration */
    size_t count;
    uint32_t probes; /* bits by number: left out before, and tried again by this connection */
};

/* Begins a turn, which ends with one of the next three. The first one in the order counts as
 * connected meanwhile. NOW_US is CLOCK_MONOTONIC. */
void backends_begin(struct backends *backends, struct backends_turn *turn, int64_t now_us);

/* The one at that place in the order has answered, those before it have not. Returns its number,
 * which counts as connected until backends_left; and in *DOWN the first of those that are left out
 * from now on, CONFIG_BACKENDS_MAX if none is. */
size_t backends_won(struct backends *backends, const struct backends_turn *turn, size_t place,
                    int64_t now_us, size_t *down);

/* None has answered. */
void backends_lost(struct backends *backends, const struct backends_turn *turn, int64_t now_us);

/* The connection has given up before it was known. */
void backends_gave_up(struct backends *backends, const struct backends_turn *turn);

/* A connection with this one has ended. */
void backends_left(struct backends *backends, size_t number);

/* For who looks on. */
struct backends_state {
    bool up;
    unsigned connections;
};
struct backends_state backends_look(struct backends *backends, size_t number);

#endif
