/* A pseudo terminal for a program, and the process that copies between it and the connection. */
#ifndef ACTPASS_SERVER_SPAWNER_PTY_H
#define ACTPASS_SERVER_SPAWNER_PTY_H

#include "server/daemon/spawner/account.h"

struct pty {
    int master, slave;
};

/* Opens one, of 80 columns and 24 lines, which belongs to the user. False with ERROR. */
bool pty_open(struct pty *terminal, const struct account *account, struct error_text *error);
void pty_close(struct pty *terminal);

/* Makes it the controlling terminal of the caller's session. Only system calls. */
bool pty_take(int slave);

/* Starts the process that copies, as that user. It ends when the program's side has, after all of
 * its output, or when the connection has, which hangs the terminal up. The end of what the peer
 * sends becomes the terminal's end-of-file character (^D), if a program reads lines. False, with
 * errno. */
bool pty_serve(const struct pty *terminal, const struct account *account, int connection);

#endif
