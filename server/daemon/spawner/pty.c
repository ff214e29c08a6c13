#include "server/daemon/spawner/pty.h"

#include "server/lib/base/would_block.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { BUFFER = 16384 };

/* ---- Open ---------------------------------------------------------------------------------- */

static int open_master(char name[64])
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 ||
        (grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, name, 64) == 0))
        return master;
    int error = errno;
    close(master);
    errno = error;
    return -1;
}

static bool prepare(const struct pty *terminal, const struct account *account)
{
    const struct winsize size = {.ws_row = 24, .ws_col = 80};
    return ioctl(terminal->slave, TIOCSWINSZ, &size) == 0 &&
           (!account->change || fchown(terminal->slave, account->uid, (gid_t)-1) == 0);
}

bool pty_open(struct pty *terminal, const struct account *account, struct error_text *error)
{
    char name[64] = "";
    char reason[128];
    terminal->slave = -1;
    terminal->master = open_master(name);
    if (terminal->master >= 0)
        terminal->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal->slave >= 0 && prepare(terminal, account))
        return true;
    (void)error_set(error, "cannot open a pseudo terminal: %s",
                    strerror_r(errno, reason, sizeof(reason)));
    pty_close(terminal);
    return false;
}

void pty_close(struct pty *terminal)
{
    if (terminal->slave >= 0)
        close(terminal->slave);
    if (terminal->master >= 0)
        close(terminal->master);
}

bool pty_take(int slave)
{
    return ioctl(slave, TIOCSCTTY, 0) == 0;
}

/* ---- Copy ---------------------------------------------------------------------------------- */

struct direction {
    char bytes[BUFFER];
    size_t start, end;
    bool ended; /* no more will come */
};

struct copying {
    int connection, master;
    struct direction in, out; /* to the terminal, and from it */
    bool whole_line;          /* what came in last was the end of a line, or nothing */
    bool closed;              /* and the end of `in` was passed on */
};

static bool is_empty(const struct direction *direction)
{
    return direction->start == direction->end;
}

/* A terminal whose other side has gone fails with EIO: that is its end. */
static void fill(int fd, struct direction *direction)
{
    ssize_t got = read(fd, direction->bytes, sizeof(direction->bytes));
    if (got < 0 && would_block())
        return;
    direction->start = 0;
    direction->end = got > 0 ? (size_t)got : 0;
    direction->ended = got <= 0;
}

/* False: the other side takes no more. */
static bool drain(int fd, struct direction *direction)
{
    ssize_t put = write(fd, direction->bytes + direction->start, direction->end - direction->start);
    if (put < 0)
        return would_block();
    direction->start += (size_t)put;
    return true;
}

/* A program that reads lines gets the end: once for a line that has begun, and once for the end. */
static void pass_end(struct copying *copying)
{
    struct termios modes;
    struct direction *in = &copying->in;
    copying->closed = true;
    if (tcgetattr(copying->master, &modes) != 0 || (modes.c_lflag & ICANON) == 0)
        return;
    in->bytes[0] = in->bytes[1] = (char)modes.c_cc[VEOF];
    in->start = 0;
    in->end = copying->whole_line ? 1 : 2;
}

static short wish(bool reads, bool writes)
{
    return (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
}

static void move_in(struct copying *copying, short connection, short master)
{
    struct direction *in = &copying->in;
    if (is_empty(in) && !in->ended && connection != 0) {
        fill(copying->connection, in);
        if (!is_empty(in))
            copying->whole_line = in->bytes[in->end - 1] == '\n';
    } else if (!is_empty(in) && (master & (POLLHUP | POLLOUT)) != 0) {
        /* After a hang-up nobody reads it, and the event, which stays, would end each wait. */
        bool dropped = (master & POLLHUP) != 0 || !drain(copying->master, in);
        in->start = dropped ? in->end : in->start;
    }
    if (in->ended && is_empty(in) && !copying->closed)
        pass_end(copying);
}

/* False: all is done. */
static bool move_out(struct copying *copying, short connection, short master)
{
    struct direction *out = &copying->out;
    if (is_empty(out) && !out->ended && (master & (POLLIN | POLLHUP | POLLERR)) != 0)
        fill(copying->master, out);
    else if (!is_empty(out) && connection != 0 && !drain(copying->connection, out))
        return false;
    return !out->ended || !is_empty(out);
}

static bool copy(struct copying *copying)
{
    const struct direction *in = &copying->in, *out = &copying->out;
    struct pollfd polls[] = {
        {.fd = copying->connection, .events = wish(is_empty(in) && !in->ended, !is_empty(out))},
        {.fd = copying->master, .events = wish(is_empty(out) && !out->ended, !is_empty(in))}};
    if (polls[1].events == 0)
        polls[1].fd = -1; /* a hang-up that is known would be reported again and again */
    if (poll(polls, 2, -1) < 0)
        return errno == EINTR;
    short connection = polls[0].revents;
    if ((connection & (POLLHUP | POLLERR)) != 0)
        return false; /* the daemon has closed: what is left nobody reads */
    short reads = (short)(connection & POLLIN), writes = (short)(connection & POLLOUT);
    move_in(copying, reads, polls[1].revents);
    return move_out(copying, writes, polls[1].revents);
}

static bool set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

/* Keeps the two, as descriptors 0 and 1, and nothing else. */
static void run(const struct pty *terminal, const struct account *account, int connection)
{
    static struct copying copying = {.connection = 0, .master = 1, .whole_line = true};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    bool ready = sigaction(SIGPIPE, &ignore, NULL) == 0 && setsid() >= 0 &&
                 dup2(connection, 0) >= 0 && dup2(terminal->master, 1) >= 0 &&
                 close_range(2, ~0U, 0) == 0 && account_become(account) == 0 &&
                 prctl(PR_SET_DUMPABLE, 0) == 0 && set_nonblocking(0) && set_nonblocking(1);
    while (ready && copy(&copying))
        ;
    _exit(ready ? EXIT_SUCCESS : EXIT_FAILURE);
}

bool pty_serve(const struct pty *terminal, const struct account *account, int connection)
{
    pid_t child = fork();
    if (child == 0)
        run(terminal, account, connection);
    return child > 0;
}
