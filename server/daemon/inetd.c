#include "server/daemon/inetd.h"

#include "server/daemon/acceptor.h"
#include "server/daemon/lines.h"
#include "server/daemon/load.h"
#include "server/daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Descriptors ----------------------------------------------------------------------------- */

/* True if descriptor 0 is a connected stream socket. */
static bool look(struct error_text *error)
{
    struct sockaddr_storage peer;
    socklen_t peer_size = sizeof(peer);
    int type = 0, listens = 0;
    socklen_t size = sizeof(type);
    if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM)
        return error_set(error, "--inetd: descriptor 0 is not a connection (a stream socket): let "
                                "inetd, xinetd or systemd (Accept=yes, StandardInput=socket) "
                                "start actpass");
    size = sizeof(listens);
    if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens)
        return error_set(error, "--inetd: descriptor 0 listens, and is not a connection: write "
                                "Accept=yes (systemd) or nowait (inetd)");
    if (getpeername(STDIN_FILENO, (struct sockaddr *)(void *)&peer, &peer_size) != 0)
        return error_set(error, "--inetd: descriptor 0 is not connected: %s", strerror(errno));
    return true;
}

/* Are both the same socket? */
static bool is_connection(int fd)
{
    struct stat one, other;
    return fstat(fd, &one) == 0 && fstat(STDIN_FILENO, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

/* As listener_accept makes it. A unix socket has no TCP_NODELAY. */
static bool prepare(int fd)
{
    const int on = 1;
    int flags = fcntl(fd, F_GETFL);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

static bool leave_standard_descriptors(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    bool left = null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0;
    if (null > STDERR_FILENO)
        close(null);
    return left;
}

bool inetd_take(struct inetd *inetd, struct error_text *error)
{
    inetd->fd = -1;
    syslog_pipe_init(&inetd->syslog);
    if (!look(error))
        return false;
    if (is_connection(STDERR_FILENO) && !syslog_pipe_begin(&inetd->syslog))
        return error_set(error, "--inetd: no pipe for the log: %s", strerror(errno));
    inetd->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (inetd->fd >= 0 && prepare(inetd->fd) && leave_standard_descriptors())
        return true;
    return error_set(error, "--inetd: the process cannot be set up: %s", strerror(errno));
}

void inetd_end(struct inetd *inetd)
{
    if (inetd->fd >= 0)
        close(inetd->fd);
    inetd->fd = -1;
    syslog_pipe_end(&inetd->syslog);
}

/* ---- The service ----------------------------------------------------------------------------- */

/* NULL: there is none, or it is not clear which. */
static struct service *find(const struct inetd *inetd, const struct server *server)
{
    const struct generation *generation = server->generation;
    if (inetd->service)
        return generation_find(generation, inetd->service);
    return generation->count == 1 ? generation->services[0] : NULL;
}

static bool takes_connections(const struct config_service *service)
{
    return config_listens(service)->count > 0;
}

bool inetd_prepare(const struct inetd *inetd, struct server *server, struct config_report *report)
{
    const struct service *service = find(inetd, server);
    config_forget_origin(server->generation->held->config); /* nothing more is said about values */
    if (!service && inetd->service)
        lines_add(&report->errors, "--inetd: there is no service \"%s\" in the configuration",
                  inetd->service);
    else if (!service)
        lines_add(&report->errors, "--inetd: there are several services: say which, by --service");
    else if (!takes_connections(service->config))
        lines_add(&report->errors,
                  "--inetd: service \"%s\" takes no connections: it has neither \"listen\" nor "
                  "\"listen_plain\"",
                  service->config->name);
    else
        return load_make_files(server->generation, report);
    return false;
}

/* ---- Serve ----------------------------------------------------------------------------------- */

int inetd_run(struct inetd *inetd, struct server *server)
{
    struct service *service = find(inetd, server);
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    int fd = inetd->fd;
    (void)getpeername(fd, (struct sockaddr *)(void *)&address, &size); /* it may be gone already */
    inetd->fd = -1;
    if (!syslog_pipe_run(&inetd->syslog))
        return close(fd), -1;
    return server_run_one(server, service, fd, &address);
}
