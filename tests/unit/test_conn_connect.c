/* actpass_connect: an ordinary dial, and one with TCP Fast Open. */
#include "server/lib/settings.h"
#include "tests/support/dial_scene.h"
#include "tests/support/resources.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(conn_connect, actpass_connect_says_what_went_wrong, .timeout = 60)
{
    char dead[64], expected[160];
    int bound = dial_scene_socket(false, dead);
    for (int fast = 0; fast < 2; fast++) {
        actpass_config *config = actpass_config_new();
        cr_assert_eq(actpass_config_set_role(config, ACTPASS_ROLE_CLIENT), 0);
        cr_assert_eq(actpass_config_set_insecure_any_peer(config, 1), 0);
        cr_assert_eq(actpass_config_set_tcp_fast_open(config, fast), 0);
        struct resources before = resources_now();
        cr_assert_null(actpass_connect(config, dead));
        (void)snprintf(expected, sizeof(expected), "cannot connect to %s: ", dead);
        cr_assert_eq(strncmp(actpass_config_error(config), expected, strlen(expected)), 0);
        cr_assert_not_null(strstr(actpass_config_error(config), "Connection refused"));
        cr_assert_null(actpass_connect(config, "no address"));
        cr_assert_not_null(strstr(actpass_config_error(config), "no address: "));
        actpass_config_free(config);
        cr_assert(resources_return_to(before));
    }
    close(bound);
}

static actpass_config *insecure_client(int fast, const char *from)
{
    actpass_config *config = actpass_config_new();
    cr_assert_eq(actpass_config_set_role(config, ACTPASS_ROLE_CLIENT), 0);
    cr_assert_eq(actpass_config_set_insecure_any_peer(config, 1), 0);
    cr_assert_eq(actpass_config_set_timeout(config, ACTPASS_HANDSHAKE_TIMEOUT, 50), 0);
    cr_assert_eq(actpass_config_set_tcp_fast_open(config, fast), 0);
    cr_assert_eq(actpass_config_set_dial_from(config, from), 0, "%s", actpass_config_error(config));
    return config;
}

/* A peer that answers no hello: with Fast Open actpass_connect has waited for it. */
Test(conn_connect, with_fast_open_actpass_connect_shakes_hands, .timeout = 60)
{
    char address[64];
    int listener = dial_scene_socket(true, address);
    for (int fast = 0; fast < 2; fast++) {
        actpass_config *config = insecure_client(fast, NULL);
        actpass_conn *conn = actpass_connect(config, address);
        cr_assert_not_null(conn, "%s", actpass_config_error(config));
        cr_assert_eq(actpass_ended(conn), fast ? ACTPASS_TIMEOUT : ACTPASS_OPEN);
        cr_assert_eq(actpass_handshake(conn), -1);
        cr_assert_eq(actpass_ended(conn), ACTPASS_TIMEOUT);
        actpass_free(conn);
        actpass_config_free(config);
    }
    close(listener);
}

Test(conn_connect, actpass_connect_from_a_local_address, .timeout = 60)
{
    char address[64], from[64], text[64];
    int listener = dial_scene_socket(true, address);
    for (int fast = 0; fast < 2; fast++) {
        struct sockaddr_in peer = {0};
        socklen_t length = sizeof(peer);
        char host[INET_ADDRSTRLEN];
        dial_scene_free_port(from);
        actpass_config *config = insecure_client(fast, from);
        actpass_conn *conn = actpass_connect(config, address);
        cr_assert_not_null(conn, "%s", actpass_config_error(config));
        int accepted = accept(listener, (struct sockaddr *)&peer, &length);
        cr_assert_geq(accepted, 0);
        cr_assert_not_null(inet_ntop(AF_INET, &peer.sin_addr, host, sizeof(host)));
        (void)snprintf(text, sizeof(text), "%s:%u", host, ntohs(peer.sin_port));
        cr_assert_str_eq(text, from);
        actpass_free(conn);
        close(accepted);
        actpass_config_free(config);
    }
    close(listener);
}

Test(conn_connect, actpass_connect_from_an_address_of_another_family, .timeout = 60)
{
    char address[64];
    int listener = dial_scene_socket(true, address);
    for (int fast = 0; fast < 2; fast++) {
        actpass_config *config = insecure_client(fast, "[::]:0");
        struct resources before = resources_now();
        cr_assert_null(actpass_connect(config, address));
        cr_assert_not_null(strstr(actpass_config_error(config),
                                  "left out, because dial_from ([::]:0) is of another family"),
                           "%s", actpass_config_error(config));
        actpass_config_free(config);
        cr_assert(resources_return_to(before));
    }
    close(listener);
}

/* ---- Through a proxy ------------------------------------------------------------------------- */

/* A proxy that lets one connection through, to nowhere. Its descriptor, or -1. */
static void *let_through(void *arg)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\n\r\n";
    static int fd;
    char request[256];
    fd = accept(*(int *)arg, NULL, NULL);
    if (fd >= 0 && (recv(fd, request, sizeof(request), 0) <= 0 ||
                    send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) <= 0)) {
        close(fd);
        fd = -1;
    }
    return &fd;
}

Test(conn_connect, actpass_connect_through_a_proxy, .timeout = 60)
{
    char address[64], url[80];
    int listener = dial_scene_socket(true, address);
    (void)snprintf(url, sizeof(url), "http://%s", address);
    for (int fast = 0; fast < 2; fast++) { /* there is no Fast Open */
        pthread_t proxy;
        void *fd;
        actpass_config *config = insecure_client(fast, "127.0.0.1:0");
        cr_assert_eq(actpass_config_set_dial_through(config, url, NULL), 0);
        cr_assert_eq(pthread_create(&proxy, NULL, let_through, &listener), 0);
        actpass_conn *conn = actpass_connect(config, "a.example:443");
        cr_assert_eq(pthread_join(proxy, &fd), 0);
        cr_assert_geq(*(int *)fd, 0);
        cr_assert_not_null(conn, "%s", actpass_config_error(config));
        cr_assert_str_eq(actpass_dialed_address(conn), "a.example:443");
        cr_assert_eq(actpass_ended(conn), ACTPASS_OPEN);
        cr_assert_eq(actpass_handshake(conn), -1);
        cr_assert_eq(actpass_ended(conn), ACTPASS_TIMEOUT, "%s", actpass_error(conn));
        actpass_free(conn);
        actpass_config_free(config);
        close(*(int *)fd);
    }
    close(listener);
}

/* ---- Several addresses ----------------------------------------------------------------------- */

static void count_failure(const char *address, const char *why, void *arg)
{
    struct failures *failures = arg;
    (void)snprintf(failures->addresses[failures->count], sizeof(failures->addresses[0]), "%s",
                   address);
    (void)snprintf(failures->reasons[failures->count++], sizeof(failures->reasons[0]), "%s", why);
}

Test(conn_connect, the_first_of_several_that_answers, .timeout = 60)
{
    char dead[64], alive[64];
    int bound = dial_scene_socket(false, dead);
    int listener = dial_scene_socket(true, alive);
    const char *const addresses[] = {dead, alive};
    for (int fast = 0; fast < 2; fast++) {
        struct failures failures = {.count = 0};
        actpass_config *config = insecure_client(fast, NULL);
        const actpass_connect_options options = {
            .addresses = addresses, .count = 2, .failed = count_failure, .arg = &failures};
        actpass_conn *conn = actpass_connect_to(config, &options);
        cr_assert_not_null(conn, "%s", actpass_config_error(config));
        cr_assert_str_eq(actpass_dialed_address(conn), alive);
        cr_assert_eq(failures.count, 1);
        cr_assert_str_eq(failures.addresses[0], dead);
        cr_assert_not_null(strstr(failures.reasons[0], "Connection refused"));
        actpass_free(conn);
        actpass_config_free(config);
    }
    close(listener);
    close(bound);
}

static void must_fail(actpass_config *config, const actpass_connect_options *options, int error,
                      const char *text)
{
    errno = 0;
    cr_assert_null(actpass_connect_to(config, options));
    cr_assert_eq(errno, error, "%s", strerror(errno));
    cr_assert_not_null(strstr(actpass_config_error(config), text), "%s",
                       actpass_config_error(config));
}

Test(conn_connect, what_kept_it_from_connecting, .timeout = 60)
{
    char dead[64];
    int bound = dial_scene_socket(false, dead);
    const char *const addresses[] = {dead, dead, "no address"};
    struct failures failures = {.count = 0};
    actpass_config *config = insecure_client(0, NULL);
    actpass_connect_options options = {
        .addresses = addresses, .count = 2, .failed = count_failure, .arg = &failures};
    must_fail(config, &options, EHOSTUNREACH, "Connection refused");
    cr_assert_eq(failures.count, 2);
    options.count = 0;
    must_fail(config, &options, EINVAL, "there is no address");
    options.count = 3;
    must_fail(config, &options, EINVAL, "no address: ");
    options.count = 1;
    options.cancel = actpass_cancel_new();
    actpass_cancel_now(options.cancel);
    must_fail(config, &options, ECANCELED, "it was cancelled");
    cr_assert_eq(failures.count, 2);
    actpass_cancel_free(options.cancel);
    actpass_config_free(config);
    close(bound);
}
