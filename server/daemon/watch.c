#include "server/daemon/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file is complete when its writer closes it, or gives it its name. */
enum {
    EVENTS = IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_ATTRIB | IN_MOVE_SELF |
             IN_DELETE_SELF | IN_ONLYDIR
};

/* As many as the kernel follows. */
enum { LINKS_MAX = 40 };

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

/* The first LENGTH bytes of PATH as a text of its own, without its last part: a folder. The caller
 * frees it. */
static char *folder_of(const char *path, size_t length)
{
    while (length > 0 && path[length - 1] != '/')
        length--;
    return length > 0 ? strndup(path, length) : strdup(".");
}

/* Folders that are watched already cost nothing. Returns 0, or an errno. */
static int watch_folder_of(struct watch *watch, const char *path, size_t length)
{
    char *folder = folder_of(path, length);
    bool watched = folder && inotify_add_watch(watch->fd, folder, EVENTS) >= 0;
    int error = errno;
    free(folder);
    return watched ? 0 : error;
}

/* ---- Links --------------------------------------------------------------------------------- */

/* The length of the path up to its first link, or up to what is not there; else of all of it. */
struct part {
    size_t length;
    bool is_link;
    int error; /* why it cannot be looked at; 0: it can */
};

/* The first LENGTH bytes of PATH. */
static mode_t look_at(const char *path, struct part *part)
{
    struct stat found = {.st_mode = 0};
    char *prefix = strndup(path, part->length);
    part->error = prefix && lstat(prefix, &found) == 0 ? 0 : errno;
    free(prefix);
    return found.st_mode;
}

static struct part find_part(const char *path)
{
    struct part part = {.length = 0};
    mode_t mode = S_IFDIR;
    while (S_ISDIR(mode) && path[part.length] != '\0') {
        part.length += strspn(path + part.length, "/");
        part.length += strcspn(path + part.length, "/");
        mode = look_at(path, &part);
    }
    part.is_link = S_ISLNK(mode);
    return part;
}

/* The path with its first LENGTH bytes, a link, replaced by what that leads to; the caller frees
 * it. NULL with errno. */
static char *follow(const char *path, size_t length)
{
    char target[PATH_MAX] = "";
    char *followed = NULL;
    char *link = strndup(path, length);
    ssize_t size = link ? readlink(link, target, sizeof(target) - 1) : -1;
    char *folder = size > 0 && target[0] != '/' ? folder_of(path, length) : strdup("");
    if (size > 0 && folder &&
        asprintf(&followed, "%s%s%s%s", folder, folder[0] != '\0' ? "/" : "", target,
                 path + length) < 0)
        followed = NULL;
    int error = errno;
    free(folder);
    free(link);
    errno = error;
    return followed;
}

/* Watches the folder of each link on the way, and that of the file. A folder that is not there may
 * come. Returns the first errno, or 0. */
static int watch_way(struct watch *watch, char **path)
{
    int first = 0;
    for (int links = 0; links < LINKS_MAX; links++) {
        struct part part = find_part(*path);
        int error = watch_folder_of(watch, *path, part.length);
        if (error == 0 && (*path)[part.length] != '\0')
            error = part.error;
        first = first != 0 ? first : error;
        if (!part.is_link)
            return first;
        char *next = follow(*path, part.length);
        if (!next)
            return errno;
        free(*path);
        *path = next;
    }
    return ELOOP;
}

bool watch_file(struct watch *watch, const char *path)
{
    char *at = strdup(path);
    int error = at ? watch_way(watch, &at) : ENOMEM;
    free(at);
    errno = error;
    return error == 0;
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
