#include "server/daemon/spawner/spawner.h"

#include "relay/clock.h"
#include "server/daemon/spawner/command_list.h"
#include "server/daemon/spawner/launch.h"
#include "server/daemon/spawner/message.h"
#include "server/daemon/spawner/running.h"
#include "server/daemon/spawner/variables.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A connection that began before a reload may start its program so much later. */
enum { PREVIOUS_MS = 60000 };
enum { ENVIRONMENT_MAX = 320 };

struct spawning {
    int fd;
    int signal_fd; /* SIGCHLD */
    const char *file;
    struct command_list *current;  /* in force; NULL: none yet */
    struct command_list *next;     /* loaded, and not in force yet; NULL: none */
    struct command_list *previous; /* until previous_us; NULL: none */
    int64_t previous_us;
    struct running_list *running;
    struct message message; /* that has come, or is sent */
};

static void answer(struct spawning *spawning, enum message_kind kind, uint64_t id, int32_t number,
                   const char *text)
{
    message_begin(&spawning->message, kind, id);
    spawning->message.number = number;
    message_set_text(&spawning->message, text);
    (void)message_send(spawning->fd, &spawning->message, -1,
                       0); /* a daemon that is gone needs none */
}

/* ---- The configuration --------------------------------------------------------------------- */

/* NULL, with what is wrong in the report. */
static struct command_list *load(const char *file, struct config_report *report)
{
    struct config *config = config_load_all(file, report);
    struct command_list *commands =
        config && report->errors.count == 0 ? command_list_new(config, report) : NULL;
    if (commands) {
        config_forget_origin(config);
        commands->config = config;
    } else {
        config_free(config);
    }
    return commands;
}

static void load_and_answer(struct spawning *spawning)
{
    struct config_report report;
    command_list_free(spawning->next);
    spawning->next = load(spawning->file, &report);
    const char *why = report.errors.count > 0 ? report.errors.items[0] : "out of memory";
    answer(spawning, MESSAGE_LOADED, 0, spawning->next ? 0 : 1, spawning->next ? "" : why);
    config_report_free(&report);
}

static void commit(struct spawning *spawning)
{
    if (!spawning->next)
        return;
    command_list_free(spawning->previous);
    spawning->previous = spawning->current;
    spawning->previous_us = clock_deadline_ms(PREVIOUS_MS);
    spawning->current = spawning->next;
    spawning->next = NULL;
}

static const struct command *find(struct spawning *spawning, uint64_t key)
{
    if (spawning->previous && clock_now_us() >= spawning->previous_us) {
        command_list_free(spawning->previous);
        spawning->previous = NULL;
    }
    const struct command *found = command_list_find(spawning->current, key);
    found = found ? found : command_list_find(spawning->next, key);
    return found ? found : command_list_find(spawning->previous, key);
}

/* ---- The environment ----------------------------------------------------------------------- */

struct environment {
    char *items[ENVIRONMENT_MAX + 1]; /* ends with NULL */
    size_t count;
    bool failed; /* out of memory */
};

/* Replaces the one of that name. */
static void put(struct environment *environment, const char *name, size_t length, const char *value)
{
    char *item = NULL;
    size_t at = 0;
    while (at < environment->count && (strncmp(environment->items[at], name, length) != 0 ||
                                       environment->items[at][length] != '='))
        at++;
    if (at == ENVIRONMENT_MAX || asprintf(&item, "%.*s=%s", (int)length, name, value) < 0) {
        environment->failed = true;
        return;
    }
    free(environment->items[at]);
    environment->items[at] = item;
    environment->count += at == environment->count;
}

static void put_known(struct environment *environment, const char *name, const char *value)
{
    if (value[0] != '\0')
        put(environment, name, strlen(name), value);
}

static void put_account(struct environment *environment, const struct account *account)
{
    put_known(environment, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    put_known(environment, "USER", account->name);
    put_known(environment, "LOGNAME", account->name);
    put_known(environment, "HOME", account->home);
    put_known(environment, "SHELL", account->shell);
}

static void put_configured(struct environment *environment, const struct config_strings *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        const char *equals = strchr(texts->items[i], '=');
        if (equals)
            put(environment, texts->items[i], (size_t)(equals - texts->items[i]), equals + 1);
    }
}

/* Those of the connection last: what is configured does not change them. False: there is no memory,
 * or they are not as they must be. */
static bool make_environment(struct environment *environment, const struct command *command,
                             const struct message *message)
{
    enum variable variable;
    const char *value, *at = message->text, *end = message->text + message->size;
    put_account(environment, &command->account);
    if (command->exec->pty)
        put_known(environment, "TERM", "dumb");
    put_configured(environment, &command->exec->environment);
    while (at < end) {
        if (!variables_next(&at, end, &variable, &value))
            return false;
        put_known(environment, variable_name(variable), value);
    }
    return !environment->failed;
}

static void free_environment(struct environment *environment)
{
    for (size_t i = 0; i < environment->count; i++)
        free(environment->items[i]);
}

/* ---- Start ---------------------------------------------------------------------------------- */

static bool start_with(struct spawning *spawning, const struct command *command, int connection,
                       struct launched *launched, struct error_text *error)
{
    struct environment environment = {.count = 0};
    bool started = make_environment(&environment, command, &spawning->message)
                       ? launch(command, environment.items, connection, launched, error)
                       : error_set(error, "its environment cannot be made");
    free_environment(&environment);
    return started && (running_add(spawning->running, spawning->message.id, command, launched) ||
                       error_set(error, "out of memory for a program"));
}

static bool start(struct spawning *spawning, int connection, struct launched *launched,
                  struct error_text *error)
{
    const struct command *command = find(spawning, spawning->message.command);
    if (!command || connection < 0)
        return error_set(error, "the program is not in the configuration as the spawner has read "
                                "it: load the configuration again");
    if (running_count(spawning->running, command->key) >= command->max)
        return error_set(error,
                         "as many of %s run as there may be connections (max_connections), or have "
                         "not ended yet (kill_after)",
                         command->exec->command.items[0]);
    return start_with(spawning, command, connection, launched, error);
}

static void start_and_answer(struct spawning *spawning, int connection)
{
    struct launched launched = {.errors = -1};
    struct error_text error = {.text = ""};
    uint64_t id = spawning->message.id;
    bool started = start(spawning, connection, &launched, &error);
    if (connection >= 0)
        close(connection); /* before the answer: nobody but the program holds it now */
    if (started)
        answer(spawning, MESSAGE_STARTED, id, launched.pid, "");
    else
        answer(spawning, MESSAGE_FAILED, id, 0, error.text);
}

/* ---- The process --------------------------------------------------------------------------- */

static void take(struct spawning *spawning, int descriptor)
{
    switch (spawning->message.kind) {
    case MESSAGE_LOAD:
        load_and_answer(spawning);
        break;
    case MESSAGE_COMMIT:
        commit(spawning);
        break;
    case MESSAGE_START:
        start_and_answer(spawning, descriptor);
        return;
    case MESSAGE_END:
        running_end(spawning->running, spawning->message.id);
        break;
    default:
        break;
    }
    if (descriptor >= 0)
        close(descriptor);
}

/* False: the daemon has gone. */
static bool receive(struct spawning *spawning)
{
    int descriptor;
    int error = message_receive(spawning->fd, &spawning->message, &descriptor, MSG_DONTWAIT);
    if (error == 0)
        take(spawning, descriptor);
    return error != EPIPE;
}

static void quiet(int signal_fd)
{
    struct signalfd_siginfo taken;
    while (read(signal_fd, &taken, sizeof(taken)) == sizeof(taken))
        ;
}

/* Until the daemon has gone, and then until the last program has. */
static void serve(struct spawning *spawning)
{
    bool daemon = true;
    for (;;) {
        int64_t wake_us = running_kill(spawning->running); /* and forgets what is over */
        if (!daemon && running_is_empty(spawning->running))
            return;
        struct timespec left;
        struct pollfd polls[] = {{.fd = daemon ? spawning->fd : -1, .events = POLLIN},
                                 {.fd = spawning->signal_fd, .events = POLLIN},
                                 {.fd = running_fd(spawning->running), .events = POLLIN}};
        if (ppoll(polls, 3, clock_left(wake_us, &left), NULL) < 0)
            continue; /* EINTR; ENOMEM passes */
        if (polls[2].revents != 0)
            running_read(spawning->running);
        if (polls[1].revents != 0)
            quiet(spawning->signal_fd);
        running_reap(spawning->running);
        if (polls[0].revents != 0)
            daemon = receive(spawning);
        if (!daemon)
            running_end_all(spawning->running);
    }
}

/* Nothing of the daemon's but its end of the socketpair, as descriptor 3. Standard error, too: who
 * waits for the end of the log must not wait for us. */
static bool leave_daemon(int fd)
{
    enum { OURS = STDERR_FILENO + 1 };
    int null = open("/dev/null", O_RDWR);
    if (null < 0)
        return false;
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
        if (dup2(null, i) < 0)
            return false;
    return (fd == OURS || dup3(fd, OURS, O_CLOEXEC) == OURS) && close_range(OURS + 1, ~0U, 0) == 0;
}

/* All signals stay blocked: it ends with the daemon, and not by a signal for the process group. */
static bool set_up(struct spawning *spawning)
{
    sigset_t all, child;
    sigfillset(&all);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    if (sigprocmask(SIG_SETMASK, &all, NULL) != 0 || setsid() < 0 ||
        prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return false;
    (void)prctl(PR_SET_NAME, "actpass-spawner");
    spawning->signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    spawning->running = running_new(spawning->fd);
    return spawning->signal_fd >= 0 && spawning->running;
}

/* In the new process; does not return. */
static void run(int fd, const char *file)
{
    static struct spawning spawning;
    spawning.file = file;
    spawning.fd = STDERR_FILENO + 1;
    bool ready = leave_daemon(fd) && set_up(&spawning);
    if (ready)
        serve(&spawning);
    _exit(ready ? EXIT_SUCCESS : EXIT_FAILURE);
}

int spawner_fork(struct spawner *spawner, const char *file)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return errno;
    spawner->pid = fork();
    int error = errno;
    if (spawner->pid == 0)
        run(ends[1], file);
    close(ends[1]);
    spawner->fd = ends[0];
    if (spawner->pid > 0)
        return 0;
    close(ends[0]);
    spawner->fd = -1;
    return error;
}

void spawner_dismiss(struct spawner *spawner)
{
    pid_t ended;
    if (spawner->fd < 0)
        return;
    close(spawner->fd);
    spawner->fd = -1;
    do {
        ended = waitpid(spawner->pid, NULL, 0);
    } while (ended < 0 && errno == EINTR);
}
