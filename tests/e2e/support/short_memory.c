/* Loaded before libc (LD_PRELOAD): lets some allocations fail. SHORT_MEMORY names a file of two
 * numbers, shared with the test: one in how many fails (0: none), and how many have. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

struct control {
    _Atomic uint32_t one_in, failed;
};

static struct control *control;
static _Atomic uint32_t number;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("SHORT_MEMORY");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        control = map;
}

/* Whether this one fails; spread evenly, whoever asks. */
static int fails(void)
{
    uint32_t one_in = control ? atomic_load(&control->one_in) : 0;
    if (one_in == 0)
        return 0;
    uint32_t mixed = atomic_fetch_add(&number, 1) * 2654435761U;
    mixed = (mixed ^ mixed >> 15) * 2246822519U;
    if ((mixed ^ mixed >> 13) % one_in)
        return 0;
    atomic_fetch_add(&control->failed, 1);
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails() ? NULL : __libc_realloc(old, size);
}
