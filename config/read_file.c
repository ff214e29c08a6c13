#include "config/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t read_descriptor(int fd, char *buffer, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t count = read(fd, buffer + used, size - used);
        if (count == 0)
            break;
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        used += (size_t)count;
    }
    return (ssize_t)used;
}

int open_regular(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)))
        return fd;
    int number = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
    (void)close(fd);
    errno = number;
    return -1;
}

ssize_t read_regular(const char *path, char *buffer, size_t size)
{
    int fd = open_regular(path);
    if (fd < 0)
        return -1;
    ssize_t count = read_descriptor(fd, buffer, size);
    int number = errno;
    (void)close(fd);
    errno = number;
    return count;
}
