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
    int fd;
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

/* Not through a link, which somebody else may have made in a folder such as /tmp. */
static int open_file(const char *path, struct error_text *error)
{
    int fd = open(
        path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0) {
        error_set(error, "insecure_key_log %s cannot be opened: %s", path, strerror(errno));
    } else if (!check(fd, path, error)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

struct key_log *key_log_new(const char *path, struct key_log_report report,
                            struct error_text *error)
{
    int fd = open_file(path, error);
    if (fd < 0)
        return NULL;
    struct key_log *log = malloc(sizeof(*log));
    if (!log) {
        (void)close(fd);
        error_set(error, "out of memory for insecure_key_log");
        return NULL;
    }
    log->fd = fd;
    log->report = report;
    atomic_flag_clear(&log->failed);
    return log;
}

void key_log_free(struct key_log *log)
{
    if (!log)
        return;
    (void)close(log->fd);
    free(log);
}

static void report(struct key_log *log, int reason)
{
    struct error_text text;
    if (!log->report.call || atomic_flag_test_and_set(&log->failed))
        return;
    error_set(&text, "insecure_key_log lacks lines, since it could not be written: %s",
              reason ? strerror(reason) : "there is no room");
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
    ssize_t written = writev(log->fd, parts, 2);
    if (written != (ssize_t)size + 1)
        report(log, written < 0 ? errno : 0);
}

void key_log_use(SSL_CTX *ctx)
{
    SSL_CTX_set_keylog_callback(ctx, write_line);
}

bool key_log_attach(struct key_log *log, SSL *ssl)
{
    return ssl_data_set(ssl, SSL_PART_KEY_LOG, log, NULL);
}
