#include "server/daemon/handlers/http/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Opening a FIFO does not wait, and a terminal does not become the controlling one; both are
 * refused once they are open. */
enum { READ_ONLY = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, RETRIES = 16 };

int http_root_open(const char *root)
{
    return open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int status_of(int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return 403;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
        return 503;
    case EIO:
        return 500;
    default: /* not there, outside the root, a dangling link, too long, a socket */
        return 404;
    }
}

static int take(int fd, struct http_file *file)
{
    if (fstat(fd, &file->stat) != 0) {
        int status = status_of(errno);
        close(fd);
        return status;
    }
    file->folder = S_ISDIR(file->stat.st_mode);
    if (!file->folder && !S_ISREG(file->stat.st_mode)) {
        close(fd);
        return 404;
    }
    file->fd = fd;
    return 200;
}

static const char *below_root(const char *path)
{
    return path[1] != '\0' ? path + 1 : ".";
}

/* One step of the walk. The folder is closed; -1 with errno. */
static int step(int folder, const char *name, int flags)
{
    int fd = openat(folder, name, flags | O_NOFOLLOW);
    int error = errno;
    close(folder);
    errno = error;
    return fd;
}

int http_file_walk(int root, const char *path, struct http_file *file)
{
    char name[NAME_MAX + 1];
    const char *part = below_root(path);
    int fd = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    file->fd = -1;
    const char *slash = strchr(part, '/');
    for (; fd >= 0 && slash; slash = strchr(part, '/')) {
        size_t length = (size_t)(slash - part);
        if (length >= sizeof(name)) {
            close(fd);
            return 404;
        }
        memcpy(name, part, length);
        name[length] = '\0';
        fd = step(fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        part = slash + 1;
    }
    if (fd >= 0)
        fd = step(fd, *part != '\0' ? part : ".", READ_ONLY);
    return fd < 0 ? status_of(errno) : take(fd, file);
}

int http_file_open(int root, const char *path, struct http_file *file)
{
#ifdef SYS_openat2
    const struct open_how how = {.flags = READ_ONLY,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd;
    int tries = 0;
    file->fd = -1;
    do { /* EAGAIN: a rename at the same time kept the kernel from deciding */
        fd = syscall(SYS_openat2, root, below_root(path), &how, sizeof(how));
    } while (fd < 0 && (errno == EINTR || errno == EAGAIN) && ++tries < RETRIES);
    if (fd >= 0)
        return take((int)fd, file);
    if (errno != ENOSYS && errno != EPERM) /* old containers answer EPERM */
        return status_of(errno);
#endif
    return http_file_walk(root, path, file);
}

/* -1: unknown. */
static ssize_t place_of(int fd, char *path, size_t size)
{
    char link[40];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size);
    return length > 0 && path[0] == '/' && (size_t)length < size ? length : -1;
}

bool http_file_place(int root, const struct http_file *file, char *path, size_t size)
{
    char above[PATH_MAX];
    ssize_t skipped = place_of(root, above, sizeof(above));
    ssize_t length = size > 2 ? place_of(file->fd, path, size - 2) : -1;
    if (skipped == 1) /* the root is "/" */
        skipped = 0;
    if (skipped < 0 || length < skipped || memcmp(path, above, (size_t)skipped) != 0 ||
        (length > skipped && path[skipped] != '/'))
        return false;
    memmove(path, path + skipped, (size_t)(length - skipped));
    length -= skipped;
    if (file->folder && (length == 0 || path[length - 1] != '/'))
        path[length++] = '/';
    path[length] = '\0';
    return length > 0;
}
