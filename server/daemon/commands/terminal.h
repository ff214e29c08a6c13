/* The terminal while a program draws on all of it: the alternate screen, keys without echo, signals
 * as events. For a process with one thread. */
#ifndef ACTPASS_SERVER_COMMANDS_TERMINAL_H
#define ACTPASS_SERVER_COMMANDS_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

struct terminal {
    int signal_fd;
    int keys_fd;           /* stdin; -1: it is no terminal */
    struct termios before; /* of stdin */
};

/* Blocks the signals that end a program, so that terminal_end can restore all. False with errno;
 * nothing is changed then. */
bool terminal_begin(struct terminal *terminal);
void terminal_end(struct terminal *terminal);

/* The size of stdout's terminal; 24 lines of 80 characters where it is not known. */
struct terminal_size {
    size_t lines, width;
};
struct terminal_size terminal_size(void);

/* Writes TEXT from the top left on, at most LINES lines, and clears the rest. False: stdout cannot
 * be written. */
bool terminal_paint(const char *text, size_t lines);

/* Waits until UNTIL_US (CLOCK_MONOTONIC). */
enum terminal_event {
    TERMINAL_LATE, /* the time has come */
    TERMINAL_RESIZED,
    TERMINAL_QUIT /* q, Ctrl-C, a signal, or the terminal is gone */
};
enum terminal_event terminal_wait(struct terminal *terminal, int64_t until_us);

#endif
