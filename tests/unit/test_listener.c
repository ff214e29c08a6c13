#include "server/daemon/listener.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[64];

static void make_folder(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/actpass-listener-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void)
{
    static const char *const names[] = {"socket", "other", "file"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[96];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

static struct listener *open_at(const char *text, struct error_text *error)
{
    struct config_address address;
    const char *wrong = config_address_parse(text, &address);
    cr_assert_null(wrong, "%s: %s", text, wrong);
    struct listener *listener = listener_open(&address, NULL, error);
    config_address_free(&address);
    return listener;
}

static struct listener *must_open(const char *text)
{
    struct error_text error = {.text = ""};
    struct listener *listener = open_at(text, &error);
    cr_assert_not_null(listener, "%s", error.text);
    return listener;
}

static const char *in_folder(const char *prefix, const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s%s/%s", prefix, folder, name);
    return path;
}

/* A connection to where the listener says it listens. -1 with errno. */
static int dial(const struct listener *listener)
{
    struct config_address address;
    cr_assert_null(config_address_parse(listener_address(listener), &address));
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(address.port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(address.port)};
    struct sockaddr *where = (struct sockaddr *)&local;
    socklen_t length = sizeof(local);
    if (address.kind == CONFIG_ADDRESS_UNIX) {
        (void)snprintf(local.sun_path, sizeof(local.sun_path), "%s", address.path);
    } else if (inet_pton(AF_INET, address.host, &in.sin_addr) == 1) {
        where = (struct sockaddr *)&in;
        length = sizeof(in);
    } else {
        cr_assert_eq(inet_pton(AF_INET6, address.host, &in6.sin6_addr), 1, "%s", address.host);
        where = (struct sockaddr *)&in6;
        length = sizeof(in6);
    }
    config_address_free(&address);
    int fd = socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    if (connect(fd, where, length) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static int accept_soon(struct listener *listener)
{
    struct pollfd set = {.fd = listener_fd(listener), .events = POLLIN};
    cr_assert_eq(poll(&set, 1, 5000), 1);
    return listener_accept(listener, &(struct sockaddr_storage){0});
}

static int int_option(int fd, int level, int option)
{
    int value = 0;
    socklen_t length = sizeof(value);
    cr_assert_eq(getsockopt(fd, level, option, &value, &length), 0);
    return value;
}

Test(listener, close_takes_null)
{
    listener_close(NULL);
}

Test(listener, port_0_is_named_and_takes_connections, .init = make_folder, .fini = remove_folder)
{
    static const struct {
        const char *address, *prefix;
    } rows[] = {{"127.0.0.1:0", "127.0.0.1:"}, {"localhost:0", ""}, {"[::1]:0", "[::1]:"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct listener *listener = must_open(rows[i].address);
        const char *address = listener_address(listener);
        cr_assert_eq(strncmp(address, rows[i].prefix, strlen(rows[i].prefix)), 0, "%s", address);
        cr_assert_str_neq(strrchr(address, ':'), ":0");
        int fd = dial(listener);
        cr_assert_geq(fd, 0, "%s: %s", address, strerror(errno));
        int accepted = accept_soon(listener);
        cr_assert_geq(accepted, 0);
        cr_assert(fcntl(accepted, F_GETFL) & O_NONBLOCK, "%s", address);
        cr_assert(fcntl(accepted, F_GETFD) & FD_CLOEXEC, "%s", address);
        cr_assert_neq(int_option(accepted, IPPROTO_TCP, TCP_NODELAY), 0, "%s", address);
        cr_assert_neq(int_option(accepted, SOL_SOCKET, SO_KEEPALIVE), 0, "%s", address);
        close(accepted);
        close(fd);
        listener_close(listener);
    }
}

/* The port may be somebody else's in IPv4: not ten times in a row. */
Test(listener, v6_leaves_v4_to_others)
{
    struct listener *v6, *v4 = NULL;
    struct error_text error = {.text = ""};
    for (int tries = 0; !v4 && tries < 10; tries++) {
        char address[32];
        v6 = must_open("[::]:0");
        (void)snprintf(address, sizeof(address), "0.0.0.0%s", strrchr(listener_address(v6), ':'));
        v4 = open_at(address, &error);
        listener_close(v6);
    }
    cr_assert_not_null(v4, "%s", error.text);
    listener_close(v4);
}

Test(listener, accept_never_waits)
{
    struct listener *listener = must_open("127.0.0.1:0");
    cr_assert_eq(listener_accept(listener, &(struct sockaddr_storage){0}), -1);
    cr_assert_eq(errno, EAGAIN);
    listener_close(listener);
}

/* Hazard 25: a connection that was reset while it waited is a descriptor all the same, or none. */
Test(listener, a_reset_in_the_backlog_does_no_harm)
{
    struct listener *listener = must_open("127.0.0.1:0");
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int first = dial(listener);
    cr_assert_eq(setsockopt(first, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    close(first);
    int second = dial(listener);
    int taken = 0;
    for (int fd = accept_soon(listener); fd >= 0;
         fd = listener_accept(listener, &(struct sockaddr_storage){0})) {
        close(fd);
        taken++;
    }
    cr_assert_eq(errno, EAGAIN);
    cr_assert_geq(taken, 1);
    close(second);
    listener_close(listener);
}

Test(listener, no_descriptor_left_is_told_and_passes)
{
    struct listener *listener = must_open("127.0.0.1:0");
    int fd = dial(listener);
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    int refused = listener_accept(listener, &(struct sockaddr_storage){0});
    int error = errno;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    cr_assert_eq(refused, -1);
    cr_assert_eq(error, EMFILE);
    int accepted = accept_soon(listener);
    cr_assert_geq(accepted, 0, "the connection still waits");
    close(accepted);
    close(fd);
    listener_close(listener);
}

Test(listener, what_cannot_be_is_refused_with_place_and_remedy, .init = make_folder,
     .fini = remove_folder)
{
    struct listener *taken = must_open("127.0.0.1:0");
    char missing[128];
    (void)snprintf(missing, sizeof(missing), "unix:%s/none/socket", folder);
    const struct {
        const char *address, *error;
    } rows[] = {
        {listener_address(taken), "Address already in use: stop the program that listens there, "
                                  "or choose another address"},
        {"192.0.2.1:0", "Cannot assign requested address: choose an address of this machine"},
        {missing, "No such file or directory: make the folder first"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error_text error = {.text = ""};
        char wanted[768];
        (void)snprintf(wanted, sizeof(wanted), "cannot listen on %s: %s", rows[i].address,
                       rows[i].error);
        cr_assert_null(open_at(rows[i].address, &error), "%s", rows[i].address);
        cr_assert_str_eq(error.text, wanted);
    }
    listener_close(taken);
}

/* The configuration joins a relative path to its folder, so this may be longer than what it says.
 */
Test(listener, an_overlong_path_is_refused)
{
    char text[] = "unix:socket";
    char path[200];
    struct error_text error = {.text = ""};
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    struct config_address address = {.kind = CONFIG_ADDRESS_UNIX, .text = text, .path = path};
    cr_assert_null(listener_open(&address, NULL, &error));
    cr_assert_str_eq(error.text, "cannot listen on unix:socket: the path is longer than 107 bytes: "
                                 "choose a shorter one");
}

Test(listener, an_unknown_host_is_refused)
{
    struct error_text error = {.text = ""};
    cr_assert_null(open_at("no-such-host.invalid:0", &error));
    cr_assert_not_null(strstr(error.text, "cannot listen on no-such-host.invalid:0: "), "%s",
                       error.text);
    cr_assert_not_null(strstr(error.text, ": check the host name"), "%s", error.text);
}

Test(listener, a_unix_socket_comes_and_goes, .init = make_folder, .fini = remove_folder)
{
    struct stat file;
    mode_t mask = umask(0);
    struct listener *listener = must_open(in_folder("unix:", "socket"));
    umask(mask);
    const char *path = in_folder("", "socket");
    cr_assert_str_eq(listener_address(listener) + strlen("unix:"), path);
    cr_assert_eq(stat(path, &file), 0);
    cr_assert(S_ISSOCK(file.st_mode));
    cr_assert_eq(file.st_mode & 0777, 0660, "%o", file.st_mode);
    int fd = dial(listener);
    cr_assert_geq(fd, 0);
    int accepted = accept_soon(listener);
    cr_assert_geq(accepted, 0);
    close(accepted);
    close(fd);
    listener_close(listener);
    cr_assert_eq(stat(path, &file), -1);
    cr_assert_eq(errno, ENOENT);
}

/* A socket file that a program left behind when it was killed. */
static void leave_stale(const char *path)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    cr_assert_lt(strlen(path), sizeof(where.sun_path));
    memcpy(where.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    close(fd);
}

Test(listener, a_stale_unix_socket_is_replaced, .init = make_folder, .fini = remove_folder)
{
    leave_stale(in_folder("", "socket"));
    struct listener *listener = must_open(in_folder("unix:", "socket"));
    int fd = dial(listener);
    cr_assert_geq(fd, 0);
    close(fd);
    listener_close(listener);
}

Test(listener, a_unix_socket_in_use_is_left_alone, .init = make_folder, .fini = remove_folder)
{
    struct error_text error = {.text = ""};
    struct listener *listener = must_open(in_folder("unix:", "socket"));
    cr_assert_null(open_at(in_folder("unix:", "socket"), &error));
    cr_assert_not_null(strstr(error.text, "Address already in use"), "%s", error.text);
    int fd = dial(listener);
    cr_assert_geq(fd, 0);
    close(fd);
    listener_close(listener);
}

Test(listener, a_file_that_is_no_socket_is_left_alone, .init = make_folder, .fini = remove_folder)
{
    struct error_text error = {.text = ""};
    struct stat before;
    struct stat after;
    int fd = open(in_folder("", "file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(fstat(fd, &before), 0);
    close(fd);
    cr_assert_null(open_at(in_folder("unix:", "file"), &error));
    cr_assert_eq(stat(in_folder("", "file"), &after), 0);
    cr_assert_eq(after.st_ino, before.st_ino);
    leave_stale(in_folder("", "other"));
    cr_assert_eq(unlink(in_folder("", "file")), 0);
    char target[128];
    (void)snprintf(target, sizeof(target), "%s", in_folder("", "other"));
    cr_assert_eq(symlink(target, in_folder("", "file")), 0);
    cr_assert_null(open_at(in_folder("unix:", "file"), &error), "nor is a link to a stale one");
    cr_assert_eq(lstat(in_folder("", "file"), &after), 0);
    cr_assert(S_ISLNK(after.st_mode));
}

Test(listener, only_our_own_unix_socket_is_removed, .init = make_folder, .fini = remove_folder)
{
    struct stat file;
    struct listener *listener = must_open(in_folder("unix:", "socket"));
    cr_assert_eq(unlink(in_folder("", "socket")), 0);
    leave_stale(in_folder("", "socket"));
    listener_close(listener);
    cr_assert_eq(stat(in_folder("", "socket"), &file), 0, "somebody else's is left");
}

Test(listener, fast_open_is_set_with_its_queue)
{
    struct listener *listener = must_open("127.0.0.1:0");
    int queue = 0;
    socklen_t length = sizeof(queue);
    cr_assert_eq(listener_fast_open(listener, 77), 0);
    cr_assert_eq(getsockopt(listener_fd(listener), IPPROTO_TCP, TCP_FASTOPEN, &queue, &length), 0);
    cr_assert_eq(queue, 77);
    cr_assert_eq(listener_fast_open(listener, UINT64_MAX), 0, "a queue of any length");
    listener_close(listener);
}

Test(listener, fast_open_is_for_tcp, .init = make_folder, .fini = remove_folder)
{
    struct listener *listener = must_open(in_folder("unix:", "socket"));
    cr_assert_neq(listener_fast_open(listener, 16), 0);
    listener_close(listener);
}
