#include "server/daemon/notify.h"

#include "relay/clock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A stand-in for the manager: a datagram socket, and what NOTIFY_SOCKET says of it. */
struct manager {
    int fd;
    char name[64];
};

/* The name begins with '@' for an abstract socket. */
static struct manager manage(const char *format)
{
    struct manager manager = {.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    cr_assert_geq(manager.fd, 0);
    (void)snprintf(manager.name, sizeof(manager.name), format, (int)getpid());
    size_t length = strlen(manager.name);
    memcpy(where.sun_path, manager.name, length);
    if (where.sun_path[0] == '@')
        where.sun_path[0] = '\0';
    length += offsetof(struct sockaddr_un, sun_path);
    cr_assert_eq(bind(manager.fd, (struct sockaddr *)&where, (socklen_t)length), 0, "%s",
                 strerror(errno));
    return manager;
}

static void dismiss(struct manager *manager)
{
    close(manager->fd);
    if (manager->name[0] == '/')
        cr_assert_eq(unlink(manager->name), 0);
}

static const char *received(const struct manager *manager)
{
    static char text[1024];
    ssize_t length = recv(manager->fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    text[length < 0 ? 0 : length] = '\0';
    return text;
}

static struct notify *must_make(const struct notify_environment *environment)
{
    struct error_text error = {.text = ""};
    struct notify *notify = notify_new(environment, &error);
    cr_assert_not_null(notify, "%s", error.text);
    return notify;
}

static struct notify *make_for(const struct manager *manager)
{
    return must_make(&(struct notify_environment){.notify_socket = manager->name});
}

Test(notify, each_state_is_one_datagram_for_a_path_and_an_abstract_name)
{
    static const char *const names[] = {"/tmp/actpass-notify-%d", "@actpass-notify-%d"};
    for (size_t i = 0; i < 2; i++) {
        struct manager manager = manage(names[i]);
        struct notify *notify = make_for(&manager);
        cr_assert_eq(notify_ready(notify, "here"), 0);
        cr_assert_str_eq(received(&manager), "READY=1\nSTATUS=here");
        cr_assert_eq(notify_stopping(notify, "going"), 0);
        cr_assert_str_eq(received(&manager), "STOPPING=1\nSTATUS=going");
        cr_assert_eq(notify_alive(notify), 0);
        cr_assert_str_eq(received(&manager), "WATCHDOG=1");
        notify_free(notify);
        dismiss(&manager);
    }
}

Test(notify, a_reload_has_the_time)
{
    struct manager manager = manage("@actpass-notify-%d");
    struct notify *notify = make_for(&manager);
    int64_t before_us = clock_now_us();
    char *end;
    cr_assert_eq(notify_reloading(notify, "reads"), 0);
    const char *text = received(&manager);
    size_t head = strlen("RELOADING=1\nMONOTONIC_USEC=");
    cr_assert_eq(strncmp(text, "RELOADING=1\nMONOTONIC_USEC=", head), 0, "%s", text);
    int64_t time_us = strtoll(text + head, &end, 10);
    cr_assert_str_eq(end, "\nSTATUS=reads");
    cr_assert_geq(time_us, before_us);
    cr_assert_leq(time_us, clock_now_us());
    notify_free(notify);
    dismiss(&manager);
}

Test(notify, without_a_manager_nothing_happens)
{
    struct error_text error = {.text = ""};
    cr_assert_null(notify_new(&(struct notify_environment){0}, &error));
    cr_assert_null(notify_new(&(struct notify_environment){.notify_socket = ""}, &error));
    cr_assert_str_empty(error.text);
    cr_assert_eq(notify_ready(NULL, "here"), 0);
    cr_assert_eq(notify_alive(NULL), 0);
    cr_assert_eq(notify_watchdog_us(NULL), 0);
    notify_free(NULL);
}

Test(notify, wrong_environments_are_explained)
{
    char long_name[200];
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[0] = '/';
    long_name[sizeof(long_name) - 1] = '\0';
    const struct {
        struct notify_environment environment;
        const char *word;
    } rows[] = {
        {{.notify_socket = "relative"}, "absolute path"},
        {{.notify_socket = "vsock:2:1234"}, "absolute path"},
        {{.notify_socket = "@"}, "absolute path"},
        {{.notify_socket = long_name}, "shorter than 108"},
        {{.notify_socket = "/tmp/x", .watchdog_usec = "soon"}, "WATCHDOG_USEC"},
        {{.notify_socket = "/tmp/x", .watchdog_usec = "0"}, "WATCHDOG_USEC"},
        {{.notify_socket = "/tmp/x", .watchdog_usec = "1s"}, "WATCHDOG_USEC"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error_text error = {.text = ""};
        cr_assert_null(notify_new(&rows[i].environment, &error));
        cr_assert_not_null(strstr(error.text, rows[i].word), "%s", error.text);
    }
}

Test(notify, the_watchdog_is_for_one_process)
{
    char own[16];
    (void)snprintf(own, sizeof(own), "%d", (int)getpid());
    const struct {
        const char *usec, *pid;
        int64_t share_us;
    } rows[] = {
        {"8000000", NULL, 2000000}, {"8000000", own, 2000000}, {"8000000", "1", 0}, {NULL, own, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct notify *notify =
            must_make(&(struct notify_environment){.notify_socket = "@actpass-none",
                                                   .watchdog_usec = rows[i].usec,
                                                   .watchdog_pid = rows[i].pid});
        cr_assert_eq(notify_watchdog_us(notify), rows[i].share_us, "%zu", i);
        notify_free(notify);
    }
}

Test(notify, a_manager_that_is_gone_is_an_error_and_is_found_again)
{
    struct manager manager = manage("@actpass-notify-%d");
    struct notify *notify = make_for(&manager);
    dismiss(&manager);
    cr_assert_eq(notify_ready(notify, "here"), ECONNREFUSED);
    manager = manage("@actpass-notify-%d");
    cr_assert_eq(notify_ready(notify, "here"), 0);
    notify_free(notify);
    dismiss(&manager);
}

/* The generous deadline is that of the test's runner. */
Test(notify, a_manager_that_does_not_read_holds_up_nobody)
{
    struct manager manager = manage("@actpass-notify-%d");
    struct notify *notify = make_for(&manager);
    int error = 0;
    for (int i = 0; i < 10000 && error == 0; i++)
        error = notify_alive(notify);
    cr_assert_eq(error, EAGAIN);
    cr_assert_eq(notify_ready(notify, "here"), EAGAIN); /* after a second */
    notify_free(notify);
    dismiss(&manager);
}
