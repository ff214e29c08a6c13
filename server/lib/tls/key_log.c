#include "server/lib/tls/key_log.h"

#include "config/private_file.h"
#include "server/lib/base/ssl_data.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct key_log {
    char *path;
    atomic_int fd; /* -1: the file is not there yet */
    struct key_log_report report;
    atomic_flag failed; /* it was reported */
};

static bool check(int fd, const char *path, struct error_text *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return error_set(error, "insecure_key_log %s cannot be looked at: %s", path,
                         strerror(errno));
    if (!S_ISREG(status.st_mode))
        return error_set(error, "insecure_key_log %s is not a regular file", path);
    if (status.st_uid != geteuid()) /* root could open it, and its owner would read it */
        return error_set(error,
                         "insecure_key_log %s gets secrets, and belongs to another user: remove it",
                         path);
    const char *others = private_file_open_to(&status);
    return !others || error_set(error,
                                "insecure_key_log %s gets secrets, and %s may read or write it: "
                                "chmod 600 %s",
                                path, others, path);
}

static bool fail(const char *path, int reason, struct error_text *error)
{
    return error_set(error, "insecure_key_log %s cannot be opened: %s", path, strerror(reason));
}

/* Not through a link, which somebody else may have made in a folder such as /tmp. */
static int open_file(const char *path, int flags)
{
    return open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | flags,
                0600);
}

/* Takes the descriptor. Two threads may have opened the file at once. */
static bool keep(struct key_log *log, int fd, struct error_text *error)
{
    int none = -1;
    bool good = check(fd, log->path, error);
    if (!good || !atomic_compare_exchange_strong(&log->fd, &none, fd))
        (void)close(fd);
    return good;
}

/* May we make files in the folder? */
static bool check_folder(const char *path, struct error_text *error)
{
    const char *slash = strrchr(path, '/');
    char *folder = strndup(path, slash ? (size_t)(slash - path) + 1 : 0);
    if (!folder)
        return error_set(error, "out of memory for insecure_key_log");
    bool good = faccessat(AT_FDCWD, slash ? folder : ".", W_OK | X_OK, AT_EACCESS) == 0;
    int reason = errno;
    free(folder);
    return good || fail(path, reason, error);
}

bool key_log_open(struct key_log *log, struct error_text *error)
{
    if (atomic_load(&log->fd) >= 0)
        return true;
    int fd = open_file(log->path, O_CREAT);
    return fd >= 0 ? keep(log, fd, error) : fail(log->path, errno, error);
}

static bool look(struct key_log *log, struct error_text *error)
{
    int fd = open_file(log->path, 0);
    if (fd >= 0)
        return keep(log, fd, error);
    return errno == ENOENT ? check_folder(log->path, error) : fail(log->path, errno, error);
}

struct key_log *key_log_new(const char *path, struct key_log_report report,
                            struct error_text *error)
{
    struct key_log *log = calloc(1, sizeof(*log));
    char *copy = strdup(path);
    if (!log || !copy) {
        error_set(error, "out of memory for insecure_key_log");
        free(copy);
        free(log);
        return NULL;
    }
    log->path = copy;
    atomic_init(&log->fd, -1);
    log->report = report;
    atomic_flag_clear(&log->failed);
    if (look(log, error))
        return log;
    key_log_free(log);
    return NULL;
}

void key_log_free(struct key_log *log)
{
    if (!log)
        return;
    if (atomic_load(&log->fd) >= 0)
        (void)close(atomic_load(&log->fd));
    free(log->path);
    free(log);
}

static void report(struct key_log *log, const char *reason)
{
    struct error_text text;
    if (!log->report.call || atomic_flag_test_and_set(&log->failed))
        return;
    error_set(&text, "insecure_key_log lacks lines, since it could not be written: %s", reason);
    log->report.call(text.text, log->report.arg);
}

/* In one call, so that lines of several threads do not mix. */
static void write_line(const SSL *ssl, const char *line)
{
    struct key_log *log = ssl_data_get(ssl, SSL_PART_KEY_LOG);
    size_t size = strlen(line);
    const struct iovec parts[] = {{(void *)line, size}, {"\n", 1}};
    if (!log)
        return;
    ssize_t written = writev(atomic_load(&log->fd), parts, 2);
    if (written != (ssize_t)size + 1)
        report(log, written < 0 ? strerror(errno) : "there is no room");
}

void key_log_use(SSL_CTX *ctx)
{
    SSL_CTX_set_keylog_callback(ctx, write_line);
}

bool key_log_attach(struct key_log *log, SSL *ssl)
{
    struct error_text error = {.text = ""};
    if (!key_log_open(log, &error)) {
        report(log, error.text);
        return true;
    }
    return ssl_data_set(ssl, SSL_PART_KEY_LOG, log, NULL);
}
