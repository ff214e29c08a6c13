/* `actpass reload [FILE|ADDRESS]`: asks a running actpass for a reload, and prints what is wrong.
 */
#include "relay/clock.h"
#include "server/daemon/commands/commands.h"
#include "server/daemon/commands/target.h"
#include "server/daemon/control/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, ANSWER_MS = 120000 };

/* Prints what is between the first and the last line. Returns the exit status. */
static int ask(struct wire *wire)
{
    char line[WIRE_LINE_MAX];
    int64_t deadline_us = clock_deadline_ms(ANSWER_MS);
    bool sent = wire_send(wire, -1, "reload");
    while (sent && wire_await(wire, line, deadline_us) == WIRE_LINE) {
        const char *text = strchr(line, ' ');
        if (strcmp(line, "done") == 0)
            return EXIT_SUCCESS;
        if (strcmp(line, "failed") == 0) {
            (void)fputs("actpass: nothing was changed\n", stderr);
            return EXIT_FAILURE;
        }
        (void)fprintf(stderr, "%s\n", text ? text + 1 : line);
    }
    (void)fputs("actpass: the running actpass has not answered, see its log\n", stderr);
    return EXIT_FAILURE;
}

static int reload_at(const struct config_address *address)
{
    struct wire wire;
    int error = wire_connect(&wire, address->path);
    if (error != 0) {
        (void)fprintf(stderr, "actpass: cannot connect to %s: %s\n", address->text,
                      strerror(error));
        return EXIT_FAILURE;
    }
    int status = ask(&wire);
    wire_end(&wire);
    return status;
}

int reload_command(int argc, char **argv)
{
    struct config_address address;
    struct error_text error = {.text = ""};
    int status = EXIT_FAILURE;
    if (argc > 2) {
        (void)fputs("usage: actpass reload [FILE|ADDRESS]\n", stderr);
        return EXIT_USAGE;
    }
    if (target_find_control(argc > 1 ? argv[1] : NULL, &address, &error))
        status = reload_at(&address);
    else
        (void)fprintf(stderr, "actpass: %s\n", error.text);
    config_address_free(&address);
    return status;
}
