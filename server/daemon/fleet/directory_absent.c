/* In the place of the other directory_*.c where hiredis is not installed: a configuration that
 * names a registry is refused. */
#include "server/daemon/fleet/directory.h"

#include <errno.h>

struct redis_place *directory_place_new(const struct config_sessions *where,
                                        struct error_text *error)
{
    (void)where;
    error_set(error, "the registry needs Redis, and this actpass was built without hiredis");
    return NULL;
}

void directory_place_free(struct redis_place *place)
{
    (void)place;
}

struct directory *directory_new(const struct directory_options *options)
{
    (void)options;
    errno = ENOTSUP;
    return NULL;
}

void directory_free(struct directory *directory, enum directory_end end)
{
    (void)directory, (void)end;
}

void directory_note(struct directory *directory, const char *name, bool here)
{
    (void)directory, (void)name, (void)here;
}

void directory_want(struct directory *directory, const char *name, int64_t after_ms)
{
    (void)directory, (void)name, (void)after_ms;
}
