#include "server/daemon/successor.h"

#include "relay/clock.h"
#include "server/daemon/admin/admin.h"
#include "server/daemon/control.h"
#include "server/daemon/control/wire.h"
#include "server/daemon/handed.h"
#include "server/daemon/lines.h"
#include "server/daemon/listening.h"
#include "server/daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MS = 30000 };

struct successor {
    int parent; /* the end of a pipe: a byte says that all is well */
    struct wire wire;
    int log; /* where the running one writes its log; -1: not received */
};

/* ---- The command --------------------------------------------------------------------------- */

static int wait_for_child(pid_t child, int pipe_end)
{
    char byte;
    int status = 0;
    ssize_t got;
    do {
        got = read(pipe_end, &byte, 1);
    } while (got < 0 && errno == EINTR);
    close(pipe_end);
    if (got == 1)
        return EXIT_SUCCESS;
    pid_t ended;
    do {
        ended = waitpid(child, &status, 0);
    } while (ended < 0 && errno == EINTR);
    return ended == child && WIFEXITED(status) && WEXITSTATUS(status) != EXIT_SUCCESS
               ? WEXITSTATUS(status)
               : EXIT_FAILURE;
}

/* A session of its own: what is done to the command's terminal does not concern it, nor does it
 * hold the command's output open. */
static struct successor *new_child(int pipe_end)
{
    struct successor *successor = calloc(1, sizeof(*successor));
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (!successor || null < 0 || setsid() < 0 || dup2(null, STDIN_FILENO) < 0 ||
        dup2(null, STDOUT_FILENO) < 0) {
        (void)fprintf(stderr, "actpass: cannot set up the process: %s\n", strerror(errno));
        _exit(EXIT_FAILURE);
    }
    close(null);
    successor->parent = pipe_end;
    successor->log = -1;
    wire_begin(&successor->wire, -1);
    return successor;
}

struct successor *successor_fork(int *status)
{
    int ends[2] = {-1, -1};
    *status = EXIT_FAILURE;
    pid_t child = pipe2(ends, O_CLOEXEC) == 0 ? fork() : -1;
    if (child == 0) {
        close(ends[0]);
        return new_child(ends[1]);
    }
    if (child < 0)
        (void)fprintf(stderr, "actpass: cannot start a process: %s\n", strerror(errno));
    if (ends[1] >= 0)
        close(ends[1]);
    if (child > 0)
        *status = wait_for_child(child, ends[0]);
    return NULL;
}

void successor_free(struct successor *successor)
{
    if (!successor)
        return;
    wire_end(&successor->wire);
    if (successor->log >= 0)
        close(successor->log);
    if (successor->parent >= 0)
        close(successor->parent);
    free(successor);
}

/* ---- Receive ------------------------------------------------------------------------------- */

static bool fail(struct config_report *report, const char *what, const char *why)
{
    lines_add(&report->errors, "upgrade: %s: %s", what, why);
    return false;
}

static bool connect_to(struct successor *successor, const struct config_address *address,
                       struct config_report *report)
{
    if (address->kind != CONFIG_ADDRESS_UNIX)
        return fail(report, "the configuration has no \"control\"",
                    "it is the socket by which the running actpass is reached; write "
                    "\"control\": \"unix:/run/actpass/control.sock\" and restart once");
    int error = wire_connect(&successor->wire, address->path);
    return error == 0 || fail(report, address->text, strerror(error));
}

/* "ours WHAT" or "managers WHAT". False: out of memory, or none of our lines. */
static bool take_socket(struct successor *successor, struct handed *handed, const char *line)
{
    const char *what = strchr(line, ' ');
    int fd = wire_take_descriptor(&successor->wire);
    if (fd < 0 || !what) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool ours = strncmp(line, "ours ", strlen("ours ")) == 0;
    return handed_add(handed, what + 1, ours ? LISTENER_OURS : LISTENER_MANAGERS, fd);
}

/* No other thread looks at the environment yet. */
static bool take_environment(char *assignment)
{
    char *value = strchr(assignment, '=');
    if (!value)
        return false;
    *value = '\0';
    return setenv(assignment, value + 1, 1) == 0;
}

static bool take_line(struct successor *successor, struct handed *handed, char *line)
{
    static const char socket_line[] = "socket ", environment_line[] = "environment ";
    if (strncmp(line, socket_line, strlen(socket_line)) == 0)
        return take_socket(successor, handed, line + strlen(socket_line));
    if (strncmp(line, environment_line, strlen(environment_line)) == 0)
        return take_environment(line + strlen(environment_line));
    if (strcmp(line, "log") != 0 || successor->log >= 0)
        return false;
    successor->log = wire_take_descriptor(&successor->wire);
    return successor->log >= 0;
}

/* NULL: it has not handed over all, and the reason was added to the errors. */
static struct handed *receive_all(struct successor *successor, struct config_report *report)
{
    char line[WIRE_LINE_MAX] = "the connection has ended";
    struct handed *handed = handed_new();
    int64_t deadline_us = clock_deadline_ms(ANSWER_MS);
    bool fine = handed && wire_send(&successor->wire, -1, "upgrade");
    while (fine && wire_await(&successor->wire, line, deadline_us) == WIRE_LINE) {
        if (strcmp(line, "end") == 0)
            return handed;
        fine = take_line(successor, handed, line);
    }
    (void)fail(report, "the running actpass has not handed over its sockets", line);
    handed_free(handed);
    return NULL;
}

bool successor_receive(struct successor *successor, struct server *server,
                       struct config_report *report)
{
    if (!connect_to(successor, &server->generation->config->control, report))
        return false;
    server->handed = receive_all(successor, report);
    return server->handed;
}

/* ---- Replace ------------------------------------------------------------------------------- */

static void own_each(const struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        listener_own(listeners->items[i].listener);
}

static void own_all(struct server *server)
{
    for (size_t i = 0; i < server->generation->count; i++)
        own_each(&server->generation->services[i]->listeners);
    if (server->control)
        listener_own(control_listener(server->control));
    if (server->admin)
        listener_own(admin_listener(server->admin));
}

bool successor_replace(struct successor *successor, struct server *server,
                       struct config_report *report)
{
    char line[WIRE_LINE_MAX] = "the connection has ended";
    bool answered = wire_send(&successor->wire, -1, "ready") &&
                    wire_await(&successor->wire, line, clock_deadline_ms(ANSWER_MS)) == WIRE_LINE;
    if (!answered || strcmp(line, "stopping") != 0)
        return fail(report, "the running actpass goes on", line);
    own_all(server);
    handed_end(server->handed);
    server->handed = NULL;
    (void)dup2(successor->log, STDERR_FILENO); /* cannot fail: both are open */
    ssize_t written = write(successor->parent, "", 1);
    (void)written; /* a parent that has gone needs no answer */
    return true;
}
