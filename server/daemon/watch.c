#include "server/daemon/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* A file is complete when its writer closes it, or gives it its name. */
enum { EVENTS = IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_ATTRIB | IN_ONLYDIR };

struct watch {
    int fd;
};

struct watch *watch_new(void)
{
    struct watch *watch = malloc(sizeof(*watch));
    if (!watch)
        return NULL;
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd >= 0)
        return watch;
    free(watch);
    return NULL;
}

void watch_free(struct watch *watch)
{
    if (!watch)
        return;
    close(watch->fd);
    free(watch);
}

/* Folders that are watched already cost nothing. */
static bool watch_folder_of(struct watch *watch, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
    char *folder = slash ? strndup(path, length) : strdup(".");
    bool watched = folder && inotify_add_watch(watch->fd, folder, EVENTS) >= 0;
    int error = errno;
    free(folder);
    errno = error;
    return watched;
}

bool watch_file(struct watch *watch, const char *path)
{
    char *target = realpath(path, NULL);
    bool watched = watch_folder_of(watch, path) && (!target || watch_folder_of(watch, target));
    int error = errno;
    free(target);
    errno = error;
    return watched;
}

int watch_fd(const struct watch *watch)
{
    return watch->fd;
}

bool watch_take(struct watch *watch)
{
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool any = false;
    while (read(watch->fd, events, sizeof(events)) > 0)
        any = true;
    return any;
}
