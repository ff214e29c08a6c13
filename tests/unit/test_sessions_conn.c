/* Resumption by connections that we dial: actpass_connect against actpass_accept_fd. */
#include "server/include/actpass.h"
#include "tests/support/certs.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct test_pair *pair;

static void set_up(void)
{
    pair = test_pair_new();
}

static void tear_down(void)
{
    test_pair_free(pair);
}

TestSuite(sessions_conn, .init = set_up, .fini = tear_down, .timeout = 60);

static actpass_config *config_of(size_t end, actpass_role role)
{
    actpass_config *config = actpass_config_new();
    const struct test_end *own = &pair->ends[end], *other = &pair->ends[!end];
    cr_assert(actpass_config_set_role(config, role) == 0 &&
                  actpass_config_set_identity(config, own->certificate, own->key) == 0 &&
                  actpass_config_set_ca(config, pair->ca) == 0 &&
                  actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_REQUIRE) == 0 &&
                  actpass_config_add_peer_name(config, other->name) == 0,
              "%s", actpass_config_error(config));
    return config;
}

/* The server: each connection gets a greeting and the end. */
struct server {
    actpass_config *config;
    int listener;
    char address[32];
    pthread_t thread;
    unsigned connections, resumed; /* read after the end */
};

static void greet(struct server *server, int fd)
{
    char byte;
    actpass_info_t info;
    actpass_conn *conn = actpass_accept_fd(server->config, fd);
    if (conn && actpass_handshake(conn) == 0 && actpass_write(conn, "hello", 5) == 0 &&
        actpass_read(conn, &byte, 1) == 0) {
        actpass_info(conn, &info);
        server->connections++;
        server->resumed += info.resumed && info.peer_subject[0];
    }
    actpass_close(conn);
    actpass_free(conn);
}

static void *serve(void *arg)
{
    struct server *server = arg;
    for (int fd; (fd = accept(server->listener, NULL, NULL)) >= 0;)
        greet(server, fd);
    return NULL;
}

static void server_start(struct server *server)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    *server = (struct server){.config = config_of(0, ACTPASS_ROLE_SERVER)};
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(server->listener, (struct sockaddr *)&name, size), 0);
    cr_assert_eq(listen(server->listener, 16), 0);
    cr_assert_eq(getsockname(server->listener, (struct sockaddr *)&name, &size), 0);
    snprintf(server->address, sizeof(server->address), "127.0.0.1:%u", ntohs(name.sin_port));
    cr_assert_eq(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_end(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    actpass_config_free(server->config);
}

/* Was the connection resumed? */
static bool visit(actpass_config *config, const char *address)
{
    char text[8];
    actpass_info_t info;
    actpass_conn *conn = actpass_connect(config, address);
    cr_assert_not_null(conn, "%s", actpass_config_error(config));
    cr_assert_eq(actpass_handshake(conn), 0, "%s", actpass_error(conn));
    cr_assert_eq(actpass_read(conn, text, sizeof(text)), 5, "%s", actpass_error(conn));
    cr_assert_eq(actpass_close(conn), ACTPASS_CLEAN, "%s", actpass_error(conn));
    actpass_info(conn, &info);
    cr_assert(info.peer_subject[0], "the peer is known, too, when resumed");
    bool resumed = info.resumed;
    actpass_free(conn);
    return resumed;
}

Test(sessions_conn, dialed_connections_resume)
{
    struct server server;
    server_start(&server);
    actpass_config *config = config_of(1, ACTPASS_ROLE_CLIENT);
    actpass_config *other = config_of(1, ACTPASS_ROLE_CLIENT);
    cr_assert_not(visit(config, server.address));
    for (int i = 0; i < 3; i++)
        cr_assert(visit(config, server.address), "time %d", i);
    cr_assert_not(visit(other, server.address), "another configuration");
    actpass_config_free(other);
    actpass_config_free(config);
    server_end(&server);
    cr_assert_eq(server.connections, 5);
    cr_assert_eq(server.resumed, 3);
}

/* The same address, but another server: its certificate is the one that counts. */
Test(sessions_conn, a_server_that_was_started_anew)
{
    struct server server;
    server_start(&server);
    actpass_config *config = config_of(1, ACTPASS_ROLE_CLIENT);
    cr_assert_not(visit(config, server.address));
    cr_assert(visit(config, server.address));
    actpass_config_free(server.config);
    server.config = config_of(0, ACTPASS_ROLE_SERVER);
    cr_assert_not(visit(config, server.address));
    cr_assert(visit(config, server.address));
    actpass_config_free(config);
    server_end(&server);
}
