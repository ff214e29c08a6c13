/* actpass_connect_with: a dial that another thread cancels. */
#include "relay/clock.h"
#include "server/include/actpass.h"
#include "tests/support/dial_scene.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(conn_cancel, .timeout = 60);

enum { SOON_MS = 50, LONG_MS = 30000, FILLERS = 8 };

static actpass_config *client(int fast)
{
    actpass_config *config = actpass_config_new();
    cr_assert_eq(actpass_config_set_role(config, ACTPASS_ROLE_CLIENT), 0);
    cr_assert_eq(actpass_config_set_insecure_any_peer(config, 1), 0);
    cr_assert_eq(actpass_config_set_timeout(config, ACTPASS_CONNECT_TIMEOUT, LONG_MS), 0);
    cr_assert_eq(actpass_config_set_timeout(config, ACTPASS_HANDSHAKE_TIMEOUT, LONG_MS), 0);
    cr_assert_eq(actpass_config_set_tcp_fast_open(config, fast), 0);
    return config;
}

static void *cancel_soon(void *arg)
{
    pause_ms(SOON_MS); /* the dial should be in its wait; if it is not yet, it ends all the same */
    actpass_cancel_now(arg);
    return NULL;
}

/* The dial must end long before its timeouts. */
static void must_be_cancelled(int fast, const char *address)
{
    pthread_t thread;
    char wanted[128];
    actpass_config *config = client(fast);
    actpass_cancel *cancel = actpass_cancel_new();
    cr_assert_not_null(cancel);
    int64_t deadline_us = clock_deadline_ms(LONG_MS / 2);
    cr_assert_eq(pthread_create(&thread, NULL, cancel_soon, cancel), 0);
    cr_assert_null(actpass_connect_with(config, address, cancel));
    cr_assert_lt(clock_now_us(), deadline_us);
    (void)snprintf(wanted, sizeof(wanted), "cannot connect to %s: it was cancelled", address);
    cr_assert_str_eq(actpass_config_error(config), wanted);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    actpass_cancel_free(cancel);
    actpass_config_free(config);
}

/* A full backlog: SYNs are not answered. */
Test(conn_cancel, while_the_peer_does_not_answer)
{
    struct resources before = resources_now();
    char address[64];
    int fillers[FILLERS];
    struct sockaddr_in in;
    socklen_t size = sizeof(in);
    int listener = dial_scene_socket(true, address);
    cr_assert_eq(listen(listener, 0), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&in, &size), 0);
    for (int i = 0; i < FILLERS; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&in, size);
    }
    for (int fast = 0; fast < 2; fast++)
        must_be_cancelled(fast, address);
    for (int i = 0; i < FILLERS; i++)
        close(fillers[i]);
    close(listener);
    cr_assert(resources_return_to(before));
}

/* With Fast Open the handshake is part of the call; this peer never answers the hello. */
Test(conn_cancel, in_the_handshake_of_fast_open)
{
    struct resources before = resources_now();
    char address[64];
    int listener = dial_scene_socket(true, address);
    must_be_cancelled(1, address);
    close(listener);
    cr_assert(resources_return_to(before));
}

Test(conn_cancel, it_stays_cancelled)
{
    char address[64];
    int listener = dial_scene_socket(true, address);
    actpass_cancel *cancel = actpass_cancel_new();
    actpass_cancel_now(cancel);
    actpass_cancel_now(cancel);
    for (int fast = 0; fast < 2; fast++) {
        actpass_config *config = client(fast);
        for (int i = 0; i < 2; i++) {
            cr_assert_null(actpass_connect_with(config, address, cancel));
            cr_assert_not_null(strstr(actpass_config_error(config), "cancelled"));
        }
        cr_assert_null(actpass_connect_with(config, "nonsense", cancel));
        cr_assert_not_null(strstr(actpass_config_error(config), "nonsense"));
        actpass_config_free(config);
    }
    actpass_cancel_free(cancel);
    close(listener);
}

Test(conn_cancel, a_connection_that_is_there_stays)
{
    char address[64];
    int listener = dial_scene_socket(true, address);
    actpass_config *config = client(0);
    actpass_cancel *cancel = actpass_cancel_new();
    for (int with = 0; with < 2; with++) {
        actpass_conn *conn = actpass_connect_with(config, address, with ? cancel : NULL);
        cr_assert_not_null(conn, "%s", actpass_config_error(config));
        actpass_cancel_now(cancel);
        cr_assert_eq(actpass_ended(conn), ACTPASS_OPEN);
        actpass_free(conn);
        actpass_cancel_free(cancel);
        cancel = actpass_cancel_new();
    }
    actpass_cancel_free(cancel);
    actpass_cancel_free(NULL);
    actpass_config_free(config);
    close(listener);
}

Test(conn_cancel, its_descriptor_is_readable_then)
{
    actpass_cancel *cancel = actpass_cancel_new();
    struct pollfd set = {.fd = actpass_cancel_fd(cancel), .events = POLLIN};
    cr_assert_eq(poll(&set, 1, 0), 0);
    actpass_cancel_now(cancel);
    actpass_cancel_now(cancel);
    cr_assert_eq(poll(&set, 1, 0), 1);
    cr_assert_eq(poll(&set, 1, 0), 1, "for ever");
    actpass_cancel_free(cancel);
}

/* ---- Several at once ------------------------------------------------------------------------- */

enum { CALLERS = 8 };

struct call {
    actpass_config *config;
    actpass_cancel *cancel;
    const char *address;
    bool cancelled;
};

static void *call(void *arg)
{
    struct call *call = arg;
    actpass_conn *conn = actpass_connect_with(call->config, call->address, call->cancel);
    call->cancelled = !conn && strstr(actpass_config_error(call->config), "cancelled");
    actpass_free(conn);
    return NULL;
}

Test(conn_cancel, one_object_cancels_many)
{
    char address[64];
    int listener = dial_scene_socket(true, address);
    pthread_t threads[CALLERS];
    struct call calls[CALLERS];
    actpass_config *config = client(1);
    actpass_cancel *cancel = actpass_cancel_new();
    for (int i = 0; i < CALLERS; i++) {
        calls[i] = (struct call){.config = config, .cancel = cancel, .address = address};
        cr_assert_eq(pthread_create(&threads[i], NULL, call, &calls[i]), 0);
    }
    pause_ms(SOON_MS); /* some are in the handshake by then */
    actpass_cancel_now(cancel);
    for (int i = 0; i < CALLERS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
        cr_assert(calls[i].cancelled, "call %d: %s", i, actpass_config_error(config));
    }
    actpass_cancel_free(cancel);
    actpass_config_free(config);
    close(listener);
}
