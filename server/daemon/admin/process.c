#include "server/daemon/admin/process.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void put(struct out *out, const char *name, const char *type, const char *help)
{
    out_format(out, "# HELP %s %s\n# TYPE %s %s\n%s ", name, help, name, type, name);
}

static void put_processor_time(struct out *out)
{
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) != 0)
        return;
    long us = (long)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    put(out, "process_cpu_seconds_total", "counter", "Processor time used.");
    out_format(out, "%ld.%06ld\n", used.ru_utime.tv_sec + used.ru_stime.tv_sec + us / 1000000,
               us % 1000000);
}

static void put_limit(struct out *out)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    put(out, "process_max_fds", "gauge", "How many descriptors may be open.");
    out_format(out, "%" PRIu64 "\n", (uint64_t)limit.rlim_cur);
}

/* False: there is no such file here. */
static bool read_stat(char *text, size_t size)
{
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = read(fd, text, size - 1);
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/* The field of that number, proc(5); fields from the third on follow the name, which is in
 * parentheses. -1: it is not there. */
static int64_t field_of(const char *text, int number)
{
    const char *at = strrchr(text, ')');
    for (int i = 2; at && i < number; i++)
        at = strchr(at + 1, ' ');
    return at ? strtoll(at + 1, NULL, 10) : -1;
}

static void put_stat(struct out *out)
{
    enum { THREADS = 20, RESIDENT_PAGES = 24 };
    char text[1024];
    if (!read_stat(text, sizeof(text)))
        return;
    int64_t threads = field_of(text, THREADS), pages = field_of(text, RESIDENT_PAGES);
    if (threads >= 0) {
        put(out, "process_threads", "gauge", "Threads of the process.");
        out_format(out, "%" PRId64 "\n", threads);
    }
    if (pages >= 0) {
        put(out, "process_resident_memory_bytes", "gauge", "Resident memory.");
        out_format(out, "%" PRId64 "\n", pages * sysconf(_SC_PAGESIZE));
    }
}

static void put_start(struct out *out, int64_t began_wall_ms)
{
    put(out, "process_start_time_seconds", "gauge", "When the process began, since 1970.");
    out_format(out, "%" PRId64 "\n", began_wall_ms / 1000);
}

void process_write(struct out *out, int64_t began_wall_ms)
{
    put_start(out, began_wall_ms);
    put_processor_time(out);
    put_limit(out);
    put_stat(out);
}
