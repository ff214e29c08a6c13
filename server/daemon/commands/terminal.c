#include "server/daemon/commands/terminal.h"

#include "relay/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ENTER "\x1b[?1049h\x1b[?25l\x1b[?7l" /* alternate screen, no cursor, no wrapping */
#define LEAVE "\x1b[?7h\x1b[?25h\x1b[?1049l"
#define TOP_LEFT "\x1b[H"
#define CLEAR_LINE "\x1b[K"
#define CLEAR_BELOW "\x1b[J"

static bool print(const char *text)
{
    return fputs(text, stdout) != EOF && fflush(stdout) == 0;
}

/* SIGTSTP is taken, too, and does nothing: a stopped program would leave the terminal as it is. */
static bool take_signals(struct terminal *terminal)
{
    static const int taken[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        sigaddset(&set, taken[i]);
    terminal->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (terminal->signal_fd < 0)
        return false;
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        return true;
    close(terminal->signal_fd);
    return false;
}

/* Keys at once and without echo; Ctrl-C stays a signal. */
static void take_keys(struct terminal *terminal)
{
    terminal->keys_fd = -1;
    if (tcgetattr(STDIN_FILENO, &terminal->before) != 0)
        return;
    struct termios changed = terminal->before;
    changed.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    changed.c_cc[VMIN] = 0;
    changed.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &changed) == 0)
        terminal->keys_fd = STDIN_FILENO;
}

bool terminal_begin(struct terminal *terminal)
{
    if (!take_signals(terminal))
        return false;
    take_keys(terminal);
    (void)print(ENTER); /* terminal_paint notices if stdout cannot be written */
    return true;
}

void terminal_end(struct terminal *terminal)
{
    (void)print(LEAVE);
    if (terminal->keys_fd >= 0)
        (void)tcsetattr(terminal->keys_fd, TCSANOW, &terminal->before);
    close(terminal->signal_fd);
}

struct terminal_size terminal_size(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        return (struct terminal_size){.lines = 24, .width = 80};
    return (struct terminal_size){.lines = size.ws_row, .width = size.ws_col};
}

/* A newline behind the last line would scroll. */
bool terminal_paint(const char *text, size_t lines)
{
    (void)fputs(TOP_LEFT, stdout);
    while (*text) {
        size_t length = strcspn(text, "\n");
        (void)fwrite(text, 1, length, stdout);
        (void)fputs(CLEAR_LINE, stdout);
        text += length + (text[length] == '\n');
        lines--;
        if (lines == 0 || !*text)
            break;
        (void)putchar('\n');
    }
    return print(lines > 0 ? "\n" CLEAR_BELOW : "") && !ferror(stdout);
}

/* ---- Events --------------------------------------------------------------------------------- */

static enum terminal_event take_signal(const struct terminal *terminal)
{
    struct signalfd_siginfo taken;
    if (read(terminal->signal_fd, &taken, sizeof(taken)) != sizeof(taken))
        return TERMINAL_LATE;
    if (taken.ssi_signo == SIGTSTP)
        return TERMINAL_LATE;
    return taken.ssi_signo == SIGWINCH ? TERMINAL_RESIZED : TERMINAL_QUIT;
}

/* Keys without a meaning count as the time that has come: they refresh. */
static enum terminal_event take_key(const struct terminal *terminal)
{
    char key = '\0';
    ssize_t got = read(terminal->keys_fd, &key, 1);
    bool gone = got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN);
    return gone || key == 'q' || key == 'Q' ? TERMINAL_QUIT : TERMINAL_LATE;
}

enum terminal_event terminal_wait(struct terminal *terminal, int64_t until_us)
{
    struct pollfd set[] = {{.fd = terminal->signal_fd, .events = POLLIN},
                           {.fd = terminal->keys_fd, .events = POLLIN}};
    struct timespec left;
    int ready = ppoll(set, 2, clock_left(until_us, &left), NULL);
    if (ready <= 0)
        return ready == 0 || errno == EINTR ? TERMINAL_LATE : TERMINAL_QUIT;
    return set[0].revents ? take_signal(terminal) : take_key(terminal);
}
