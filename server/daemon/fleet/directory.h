/* The directory of several collectors that share a pool: which of them has connections of which
 * names. It is in a Redis, which a thread of the directory talks to: no other thread ever waits for
 * it. Nothing there is believed but for where to ask: a collector proves itself by its certificate.
 *
 * Keys, for the pool "field" and a collector whose gate is at ADDRESS:
 *   actpass:{field}          the set of collectors, by address
 *   actpass:{field}:ADDRESS  the set of names there; it expires unless its collector renews it
 *
 * While Redis cannot be asked, names are not found elsewhere, and nothing else changes. When it is
 * back, all names that are here are written again. */
#ifndef ACTPASS_SERVER_FLEET_DIRECTORY_H
#define ACTPASS_SERVER_FLEET_DIRECTORY_H

#include "config/config.h"
#include "server/lib/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct directory;

/* Where a Redis is: see server/lib/redis/place.h. */
struct redis_place;

/* Adds a name to a list: one that is here, or one that somebody waits for. */
enum directory_name { DIRECTORY_HERE, DIRECTORY_WANTED };
typedef void directory_add(const char *name, enum directory_name what, void *list);

struct directory_options {
    /* All three must outlive the directory. */
    const struct redis_place *place;
    const char *pool;
    const char *advertise; /* our own address */
    int64_t expire_ms;     /* after this time, a collector that is gone is forgotten */

    /* Called on the directory's thread, without a lock. */
    void (*list)(void *arg, directory_add *add, void *list); /* calls ADD for each name that is
                                                                 here, and for each who waits */
    size_t (*wanted)(void *arg, const char *name);           /* how many still wait for it? */
    void (*found)(void *arg, const char *name, const char *address); /* another collector has it */
    /* It works (PROBLEM is NULL), or does not any more: one call each time that this changes. */
    void (*changed)(void *arg, const char *problem);
    void *arg;
};

/* Prepares a place for directory_new. NULL with error. directory_place_free: NULL is fine. */
struct redis_place *directory_place_new(const struct config_sessions *where,
                                        struct error_text *error);
void directory_place_free(struct redis_place *place);

/* Starts the thread. Returns NULL with errno. */
struct directory *directory_new(const struct directory_options *options);

/* Ends the thread, which takes up to two seconds where Redis does not answer, and up to five
 * where it answers slowly. FORGET: the names here are taken away from the directory; KEEP: another
 * one with the same address takes over. NULL is fine. */
enum directory_end { DIRECTORY_FORGET, DIRECTORY_KEEP };
void directory_free(struct directory *directory, enum directory_end end);

/* A name is here now, or is not any more. Any thread, under any lock: never waits. */
void directory_note(struct directory *directory, const char *name, bool here);

/* Looks which other collector has the name, again and again as long as it is wanted: then calls
 * `found` once. What is asked for several times is looked for as often, though not for more than
 * those who still want it. AFTER_MS: when to begin. Any thread; never waits. */
void directory_want(struct directory *directory, const char *name, int64_t after_ms);

#endif
