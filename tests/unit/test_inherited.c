#include "server/daemon/inherited.h"

#include "server/daemon/listener.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST = 200 }; /* above what Criterion uses */

static struct inherited *make(const char *count, const char *names, struct error_text *error)
{
    char pid[16];
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    return inherited_new(
        &(struct inherited_environment){
            .listen_pid = pid, .listen_fds = count, .listen_fdnames = names, .first = FIRST},
        error);
}

static struct inherited *must_make(const char *count, const char *names)
{
    struct error_text error = {.text = ""};
    struct inherited *inherited = make(count, names, &error);
    cr_assert_not_null(inherited, "%s", error.text);
    return inherited;
}

/* Moves a socket to where it is passed. */
static void pass(int place, int fd)
{
    cr_assert_geq(fd, 0);
    cr_assert_eq(dup2(fd, FIRST + place), FIRST + place);
    close(fd);
}

/* A TCP socket, with its address in TEXT. */
static int listening(char *text, size_t size)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(where);
    cr_assert_eq(bind(fd, (struct sockaddr *)&where, length), 0);
    cr_assert_eq(listen(fd, 5), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&where, &length), 0);
    (void)snprintf(text, size, "127.0.0.1:%u", ntohs(where.sin_port));
    return fd;
}

static int listening_unix(const char *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    (void)snprintf(where.sun_path, sizeof(where.sun_path), "%s", path);
    (void)unlink(path);
    cr_assert_eq(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0);
    cr_assert_eq(listen(fd, 5), 0);
    return fd;
}

static int take(struct inherited *inherited, const char *service, const char *address,
                struct error_text *error)
{
    struct config_address parsed;
    const char *wrong = config_address_parse(address, &parsed);
    cr_assert_null(wrong, "%s", wrong);
    error->text[0] = '\0';
    int fd = inherited_take(inherited, service, &parsed, error);
    config_address_free(&parsed);
    return fd;
}

static void refuses(struct inherited *inherited, const char *service, const char *address,
                    const char *word)
{
    struct error_text error;
    struct config_address parsed;
    cr_assert_eq(take(inherited, service, address, &error), -1);
    cr_assert_null(config_address_parse(address, &parsed));
    const struct config_listen listen = {.addresses = &parsed, .count = 1};
    cr_assert(inherited_explain(inherited, service, &listen, &error));
    cr_assert_not_null(strstr(error.text, word), "%s", error.text);
    config_address_free(&parsed);
}

Test(inherited, each_service_gets_the_socket_of_its_name)
{
    char first[32];
    char second[32];
    char path[64];
    struct error_text error;
    (void)snprintf(path, sizeof(path), "/tmp/actpass-inherited-%d", (int)getpid());
    char address[80];
    (void)snprintf(address, sizeof(address), "unix:%s", path);
    pass(0, listening(first, sizeof(first)));
    pass(1, listening(second, sizeof(second)));
    pass(2, listening_unix(path));
    struct inherited *inherited = must_make("3", "one:two:three");
    cr_assert_str_eq(inherited_left(inherited), "one");
    cr_assert_eq(take(inherited, "two", second, &error), FIRST + 1, "%s", error.text);
    cr_assert_eq(take(inherited, "three", address, &error), FIRST + 2, "%s", error.text);
    cr_assert_eq(take(inherited, "one", "localhost:0", &error), FIRST, "%s", error.text);
    cr_assert_eq(take(inherited, "one", first, &error), -1);
    cr_assert_eq(take(inherited, "other", first, &error), -1);
    cr_assert_str_empty(error.text);
    cr_assert_null(inherited_left(inherited));
    inherited_free(inherited);
    for (int fd = FIRST; fd < FIRST + 3; fd++) {
        cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
        close(fd);
    }
    (void)unlink(path);
}

Test(inherited, what_does_not_fit_is_explained_and_stays)
{
    char address[32];
    pass(0, listening(address, sizeof(address)));
    pass(1, socket(AF_INET, SOCK_STREAM, 0)); /* does not listen */
    pass(2, socket(AF_INET, SOCK_DGRAM, 0));
    pass(3, listening(address, sizeof(address)));
    pass(4, listening(address, sizeof(address)));
    struct inherited *inherited = must_make("5", "one:quiet:datagrams:twice:twice");
    refuses(inherited, "one", "127.0.0.1:1", "does not listen on 127.0.0.1:1");
    refuses(inherited, "one", "127.0.0.2:0", "does not listen on 127.0.0.2:0");
    refuses(inherited, "one", "[::1]:0", "does not listen on [::1]:0");
    refuses(inherited, "one", "unix:/tmp/x", "does not listen on unix:/tmp/x");
    refuses(inherited, "quiet", "127.0.0.1:0", "Accept=no");
    refuses(inherited, "datagrams", "127.0.0.1:0", "ListenStream=");
    struct error_text error;
    cr_assert_eq(take(inherited, "twice", address, &error), FIRST + 4);
    close(FIRST + 4);
    refuses(inherited, "twice", address, "does not listen on 127.0.0.1:"); /* the other one */
    cr_assert_null(inherited_left(inherited)); /* each was named in an error */
    inherited_free(inherited);
    for (int fd = FIRST; fd < FIRST + 5; fd++)
        cr_assert_eq(fcntl(fd, F_GETFD), -1);
}

Test(inherited, wrong_environments_are_explained)
{
    static const struct {
        const char *count, *names, *word;
    } rows[] = {
        {"many", "", "LISTEN_FDS must be"},           {"-1", "", "LISTEN_FDS must be"},
        {"10001", "", "LISTEN_FDS must be"},          {"2", "one", "LISTEN_FDNAMES must have"},
        {"1", "one:two", "LISTEN_FDNAMES must have"}, {"1", "one", "descriptor 200"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error_text error = {.text = ""};
        cr_assert_null(make(rows[i].count, rows[i].names, &error));
        cr_assert_not_null(strstr(error.text, rows[i].word), "%s", error.text);
    }
}

Test(inherited, what_is_for_another_process_is_left_alone)
{
    char address[32];
    struct error_text error = {.text = ""};
    static const struct inherited_environment none[] = {
        {.listen_pid = "1", .listen_fds = "1", .listen_fdnames = "one", .first = FIRST},
        {.listen_pid = "1", .listen_fds = "nonsense", .first = FIRST},
        {.first = FIRST}};
    pass(0, listening(address, sizeof(address)));
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        struct inherited *inherited = inherited_new(&none[i], &error);
        cr_assert_not_null(inherited, "%s", error.text);
        cr_assert_null(inherited_left(inherited));
        inherited_free(inherited);
    }
    cr_assert_neq(fcntl(FIRST, F_GETFD), -1);
    close(FIRST);
}

Test(inherited, a_listener_adopts_it)
{
    char address[32];
    struct error_text error = {.text = ""};
    struct listener *listener = listener_adopt(listening(address, sizeof(address)), &error);
    cr_assert_not_null(listener, "%s", error.text);
    cr_assert_str_eq(listener_address(listener), address);
    cr_assert_eq(listener_accept(listener, &(struct sockaddr_storage){0}), -1); /* does not wait */
    listener_close(listener);
    cr_assert_null(listener_adopt(-1, &error));
    cr_assert_not_null(strstr(error.text, "cannot use the socket"));
}
