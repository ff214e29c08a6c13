/* `actpass status`: one picture, or the daemon's JSON. */
#include "server/daemon/commands/commands.h"
#include "server/daemon/commands/once.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

static int fail_usage(void)
{
    (void)fputs("actpass: status takes --json, and one FILE (a configuration with \"admin\") or "
                "ADDRESS (its \"listen\")\n",
                stderr);
    return EXIT_USAGE;
}

int status_command(int argc, char **argv)
{
    enum once_form form = ONCE_TEXT;
    const char *place = NULL;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0)
            form = ONCE_JSON;
        else if (argv[i][0] == '-' || place)
            return fail_usage();
        else
            place = argv[i];
    return once(place, form);
}
