/* One answer of a running actpass, printed. */
#ifndef ACTPASS_SERVER_COMMANDS_ONCE_H
#define ACTPASS_SERVER_COMMANDS_ONCE_H

enum once_form {
    ONCE_TEXT, /* tables; on a terminal, of the connections only the newest */
    ONCE_JSON  /* the /status as it is, one line */
};

/* Asks the actpass at PLACE (target.h) and prints its status to stdout. Returns the exit status,
 * after a message on stderr if it is not 0. */
int once(const char *place, enum once_form form);

#endif
