/* `actpass reload [FILE|ADDRESS]`: asks a running actpass for a reload, and prints what is wrong.
 */
#include "relay/clock.h"
#include "server/daemon/commands/commands.h"
#include "server/daemon/commands/target.h"
#include "server/daemon/control/wire.h"
#include "server/lib/dial/unix_address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, ANSWER_MS = 120000 };

/* Returns a connected socket, or -1 with errno. */
static int connect_to(const struct config_address *address)
{
    struct sockaddr_un where;
    errno = ENAMETOOLONG;
    int fd = unix_address_make(address->path, &where)
                 ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)
                 : -1;
    if (fd < 0 || connect(fd, (const struct sockaddr *)&where, sizeof(where)) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

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
    int fd = connect_to(address);
    if (fd < 0) {
        (void)fprintf(stderr, "actpass: cannot connect to %s: %s\n", address->text,
                      strerror(errno));
        return EXIT_FAILURE;
    }
    wire_begin(&wire, fd);
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
