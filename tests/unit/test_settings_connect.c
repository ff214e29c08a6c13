/* actpass_connect with a configuration: addresses, errors, the deadline. */
#include "tests/support/resources.h"
#include "tests/unit/test_settings.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(settings_connect, .timeout = 20);

/* A listener on 127.0.0.1 and its address; or, closed again, an address where nobody listens. */
static int listen_tcp(char address[32])
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&in, length), 0);
    cr_assert_eq(listen(fd, 4), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&in, &length), 0);
    snprintf(address, 32, "127.0.0.1:%u", (unsigned)ntohs(in.sin_port));
    return fd;
}

Test(settings_connect, connecting_over_tcp_and_unix)
{
    struct test_pair *pair = test_pair_new();
    struct test_folder *folder = test_folder_new();
    struct resources before = resources_now();
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof(un.sun_path), "%s", test_folder_path(folder, "s"));
    int unix_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(unix_listener, (struct sockaddr *)&un, sizeof(un)), 0);
    cr_assert_eq(listen(unix_listener, 4), 0);
    char addresses[2][200];
    int tcp_listener = listen_tcp(addresses[0]);
    snprintf(addresses[1], sizeof(addresses[1]), "unix:%s", un.sun_path);
    for (int i = 0; i < 2; i++) {
        actpass_info_t info;
        actpass_config *config = usable(pair);
        actpass_conn *conn = actpass_connect(config, addresses[i]);
        cr_assert_not_null(conn, "%s", actpass_config_error(config));
        actpass_info(conn, &info);
        cr_assert_str_eq(info.peer_address, i ? "unix" : addresses[0]);
        actpass_free(conn);
        actpass_config_free(config);
    }
    close(tcp_listener);
    close(unix_listener);
    unlink(un.sun_path);
    cr_assert(resources_return_to(before));
    test_folder_free(folder);
    test_pair_free(pair);
}

Test(settings_connect, connecting_in_vain_says_where_and_why)
{
    struct test_pair *pair = test_pair_new();
    struct resources before = resources_now();
    char refused[32];
    close(listen_tcp(refused));
    const struct {
        const char *address, *says;
    } rows[] = {{refused, "refused"},
                {"unix:/no/such/socket", "No such file"},
                {"no-such-name.invalid:443", "no-such-name.invalid"},
                {"nonsense", "nonsense"},
                {"", ""},
                {"127.0.0.1:99999", "127.0.0.1:99999"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        actpass_config *config = usable(pair);
        cr_assert_null(actpass_connect(config, rows[i].address), "%s", rows[i].address);
        assert_says(config, rows[i].says);
        cr_assert_gt(strlen(actpass_config_error(config)), 10);
        actpass_config_free(config);
    }
    cr_assert(resources_return_to(before));
    test_pair_free(pair);
}

/* A full backlog does not answer. */
Test(settings_connect, connecting_has_a_deadline)
{
    struct test_pair *pair = test_pair_new();
    char address[32];
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int listener = listen_tcp(address);
    cr_assert_eq(listen(listener, 0), 0);
    in.sin_port = htons((uint16_t)strtoul(strchr(address, ':') + 1, NULL, 10));
    int waiting[8];
    for (int i = 0; i < 8; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(waiting[i], (struct sockaddr *)&in, sizeof(in));
    }
    actpass_config *config = usable(pair);
    cr_assert_eq(actpass_config_set_timeout(config, ACTPASS_CONNECT_TIMEOUT, 50), 0);
    cr_assert_null(actpass_connect(config, address));
    assert_says(config, "no answer");
    actpass_config_free(config);
    for (int i = 0; i < 8; i++)
        close(waiting[i]);
    close(listener);
    test_pair_free(pair);
}
