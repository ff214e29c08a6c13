/* The commands of a directory (directory.h). Each call asks once, and waits for the answer for at
 * most DIRECTORY_DEADLINE_MS. False with problem: it was not answered as it must be, and the link
 * can only be closed. For the directory's thread. */
#ifndef ACTPASS_SERVER_FLEET_DIRECTORY_COMMANDS_H
#define ACTPASS_SERVER_FLEET_DIRECTORY_COMMANDS_H

#include "server/lib/redis/link.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    DIRECTORY_DEADLINE_MS = 1000,
    DIRECTORY_BATCH = 256, /* names in one command */
    DIRECTORY_ADDRESS_MAX = 300
};

extern const struct redis_words directory_words;

struct directory_keys {
    const char *address; /* ours, which must outlive the keys */
    char *collectors;    /* the names of keys: see directory.h */
    char *own;
    char *fresh; /* a new set of names, which takes the place of OWN once it is complete */
    char expire_ms[24];
};

/* False: out of memory. directory_keys_free: all zero is fine. */
bool directory_keys_make(struct directory_keys *keys, const char *pool, const char *address,
                         int64_t expire_ms);
void directory_keys_free(struct directory_keys *keys);

/* COUNT names, at most DIRECTORY_BATCH, to or from one of the keys. */
bool directory_add_names(struct redis_link *link, const char *key, char *const *names, size_t count,
                         struct error_text *problem);
bool directory_remove_names(struct redis_link *link, const char *key, char *const *names,
                            size_t count, struct error_text *problem);

/* FRESH is empty; FRESH takes the place of OWN. */
bool directory_begin_fresh(struct redis_link *link, const struct directory_keys *keys,
                           struct error_text *problem);
bool directory_take_fresh(struct redis_link *link, const struct directory_keys *keys,
                          struct error_text *problem);

/* Renews OWN, and our place in the set of collectors. *THERE: was OWN there, and complete? If not,
 * all names are to be written again. */
bool directory_renew(struct redis_link *link, const struct directory_keys *keys, bool *there,
                     struct error_text *problem);

/* Which other collector has the name: its address, or "". Where Redis refuses to look (it may be
 * set up without scripts), the link can be used for all the rest. Both others come with a problem.
 */
enum directory_look { DIRECTORY_LOOKED, DIRECTORY_REFUSED, DIRECTORY_FAILED };
enum directory_look directory_find(struct redis_link *link, const struct directory_keys *keys,
                                   const char *name, char address[DIRECTORY_ADDRESS_MAX],
                                   struct error_text *problem);

/* How many other collectors are there. Where Redis refuses to say, the link can be used for all the
 * rest. With a problem unless DIRECTORY_LOOKED. */
enum directory_look directory_count(struct redis_link *link, const struct directory_keys *keys,
                                    size_t *others, struct error_text *problem);

/* Takes OWN away. */
bool directory_forget(struct redis_link *link, const struct directory_keys *keys,
                      struct error_text *problem);

#endif
