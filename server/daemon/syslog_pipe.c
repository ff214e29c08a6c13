#include "server/daemon/syslog_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

enum { LINE_SIZE = 4096 + 256 }; /* of the longest line of our log, and a bit */

void syslog_pipe_init(struct syslog_pipe *syslog)
{
    *syslog = (struct syslog_pipe){.fd = -1};
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* "<3>", or by the level; *TEXT is behind the first. */
static int priority_of(const char **text)
{
    const char *line = *text;
    if (line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>') {
        *text = line + 3;
        return line[1] - '0';
    }
    if (strstr(line, "level=error") || strstr(line, "\"level\":\"error\""))
        return LOG_ERR;
    if (strstr(line, "level=warning") || strstr(line, "\"level\":\"warning\""))
        return LOG_WARNING;
    return strstr(line, "level=debug") || strstr(line, "\"level\":\"debug\"") ? LOG_DEBUG
                                                                              : LOG_INFO;
}

static void write_line(const char *line)
{
    int priority = priority_of(&line);
    syslog(priority, "%s", line);
}

/* Writes the lines in TEXT of LENGTH bytes; one that is too long in parts. Returns how much of an
 * unfinished line is left, at the begin of TEXT. */
static size_t write_lines(char *text, size_t length)
{
    char *begin = text, *end = text + length;
    for (char *at = memchr(begin, '\n', length); at;
         at = memchr(begin, '\n', (size_t)(end - begin))) {
        *at = '\0';
        write_line(begin);
        begin = at + 1;
    }
    size_t left = (size_t)(end - begin);
    if (left == LINE_SIZE - 1) {
        *end = '\0';
        write_line(begin);
        return 0;
    }
    memmove(text, begin, left);
    return left;
}

static void read_all(int fd)
{
    char text[LINE_SIZE];
    size_t length = 0;
    for (;;) {
        ssize_t got = read(fd, text + length, sizeof(text) - 1 - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        length = write_lines(text, length + (size_t)got);
    }
    text[length] = '\0';
    if (length > 0)
        write_line(text);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void *run(void *arg)
{
    const struct syslog_pipe *syslog = arg;
    read_all(syslog->fd);
    return NULL;
}

bool syslog_pipe_begin(struct syslog_pipe *syslog)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    openlog("actpass", LOG_PID | LOG_NDELAY, LOG_DAEMON); /* before the sandbox */
    bool put = dup2(ends[1], STDERR_FILENO) >= 0;
    close(ends[1]);
    if (put)
        syslog->fd = ends[0];
    else
        close(ends[0]);
    return put;
}

bool syslog_pipe_run(struct syslog_pipe *syslog)
{
    if (syslog->fd < 0)
        return true;
    syslog->running = pthread_create(&syslog->thread, NULL, run, syslog) == 0;
    return syslog->running;
}

void syslog_pipe_end(struct syslog_pipe *syslog)
{
    if (syslog->fd < 0)
        return;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null < 0 || dup2(null, STDERR_FILENO) < 0)
        close(STDERR_FILENO); /* the pipe must end */
    if (null > STDERR_FILENO)
        close(null);
    if (syslog->running)
        (void)pthread_join(syslog->thread, NULL);
    else
        read_all(syslog->fd);
    close(syslog->fd);
    syslog_pipe_init(syslog);
    closelog();
}
