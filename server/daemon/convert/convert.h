/* `actpass convert`: the configuration of another program in our words. */
#ifndef ACTPASS_SERVER_CONVERT_H
#define ACTPASS_SERVER_CONVERT_H

#include "server/daemon/convert/draft.h"

#include <stddef.h>

enum convert_format { CONVERT_STUNNEL, CONVERT_HITCH, CONVERT_GHOSTUNNEL, CONVERT_UNKNOWN };

struct convert_input {
    enum convert_format format;
    const char *file; /* for messages */
    const char *text; /* of a file; need not end with NUL */
    size_t length;
    char **arguments; /* of ghostunnel, in place of a text */
    size_t argument_count;
};

/* Our configuration, which the caller frees. NULL: said why not in SAID, or memory was short.
 * *LOST: how many settings have no counterpart. For one thread. */
char *convert_text(const struct convert_input *input, enum draft_files files, FILE *said,
                   size_t *lost);

/* The command: ARGV[0] is its name. Returns the exit status. */
int convert_command(int argc, char **argv);

#endif
