/* Which sockets TCP watches for a peer that is gone, and what a connection says of it. */
#include "server/lib/keepalive.h"

#include "server/lib/conn_internal.h"
#include "server/lib/parsed.h"
#include "tests/support/conn_rig.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(keepalive, .timeout = 60);

static struct conn_world world;

static void make_world(void)
{
    conn_world_init(&world);
}

static void free_world(void)
{
    conn_world_free(&world);
}

static actpass_config *settings(void)
{
    struct conn_rig_options options =
        conn_defaults(ACTPASS_ROLE_SERVER, 1, ACTPASS_TRANSPORT_RELAY);
    options.client_auth = true; /* so that we may dial, too */
    return conn_config(&world, &options);
}

static int option(int fd, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof(value);
    cr_assert_eq(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

struct expected {
    int on, user_timeout, idle, interval, probes;
};

static void check(int fd, const struct expected *expected)
{
    cr_assert_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), expected->on);
    cr_assert_eq(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), expected->user_timeout);
    if (!expected->on)
        return;
    cr_assert_eq(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), expected->idle);
    cr_assert_eq(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), expected->interval);
    cr_assert_eq(option(fd, IPPROTO_TCP, TCP_KEEPCNT), expected->probes);
}

/* Frees CONFIG. */
static void check_accepted(actpass_config *config, const char *dialed,
                           const struct expected *expected)
{
    int fds[2];
    sockets_tcp(fds);
    actpass_conn *conn =
        actpass_accept_with(config, fds[0], &(actpass_accept_options){.dialed = dialed});
    cr_assert_not_null(conn, "%s", actpass_config_error(config));
    check(fds[0], expected);
    actpass_free(conn);
    actpass_config_free(config);
    close(fds[1]);
}

static const struct expected off = {0}, by_default = {1, 90000, 60, 10, 3};

Test(keepalive, without_a_word_it_is_for_what_we_dial, .init = make_world, .fini = free_world)
{
    check_accepted(settings(), NULL, &off);
    check_accepted(settings(), "127.0.0.1:1", &by_default);
}

Test(keepalive, what_is_set_is_for_all, .init = make_world, .fini = free_world)
{
    const struct expected expected = {1, 9000, 2, 7, 1};
    for (int dialed = 0; dialed < 2; dialed++) {
        actpass_config *config = settings();
        cr_assert_eq(actpass_config_set_keepalive(config, 1001, 7000, 1), 0);
        check_accepted(config, dialed ? "127.0.0.1:1" : NULL, &expected);
    }
}

Test(keepalive, never_leaves_the_socket_as_it_is, .init = make_world, .fini = free_world)
{
    for (int dialed = 0; dialed < 2; dialed++) {
        actpass_config *config = settings();
        cr_assert_eq(actpass_config_set_keepalive(config, ACTPASS_NEVER, 0, -7), 0);
        check_accepted(config, dialed ? "127.0.0.1:1" : NULL, &off);
    }
}

Test(keepalive, the_longest_time_is_one_that_the_kernel_takes, .init = make_world,
     .fini = free_world)
{
    const struct expected expected = {1, INT32_MAX, 32400, 32400, 127};
    actpass_config *config = settings();
    cr_assert_eq(actpass_config_set_keepalive(config, 32400000, 32400000, 127), 0);
    check_accepted(config, NULL, &expected);
}

Test(keepalive, what_is_refused_changes_nothing)
{
    static const int64_t wrong[][3] = {
        {999, 1000, 1},  {32400001, 1000, 1}, {1000, 999, 1},          {1000, 32400001, 1},
        {1000, 1000, 0}, {1000, 1000, 128},   {1000, ACTPASS_NEVER, 1}};
    actpass_config *config = actpass_config_new();
    const struct config_keepalive before = config->connection.keepalive;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        cr_assert_eq(actpass_config_set_keepalive(config, wrong[i][0], wrong[i][1], wrong[i][2]),
                     -1);
        const struct config_keepalive *now = &config->connection.keepalive;
        cr_assert(now->idle_ms == before.idle_ms && now->interval_ms == before.interval_ms &&
                  now->probes == before.probes && now->scope == before.scope);
    }
    actpass_config_free(config);
}

Test(keepalive, a_unix_socket_is_left_as_it_is, .init = make_world, .fini = free_world)
{
    int fds[2];
    actpass_config *config = settings();
    cr_assert_eq(actpass_config_set_keepalive(config, 1000, 1000, 1), 0);
    sockets_unix(fds);
    actpass_conn *conn = actpass_accept_fd(config, fds[0]);
    cr_assert_not_null(conn, "%s", actpass_config_error(config));
    cr_assert_eq(option(fds[0], SOL_SOCKET, SO_KEEPALIVE), 0);
    actpass_free(conn);
    actpass_config_free(config);
    close(fds[1]);
}

static enum config_keepalive_scope scope_of(const char *keys)
{
    char text[512];
    struct config_report report;
    (void)snprintf(text, sizeof(text),
                   "{\"services\": [{\"name\": \"a\", \"tls\": {\"ca\": \"system\", "
                   "\"peer_names\": [\"*.example\"]}, "
                   "\"role\": \"client\", %s}]}",
                   keys);
    struct config *config = config_parse("c.json", text, strlen(text), &report);
    cr_assert_not_null(config, "%s", report.errors.count ? report.errors.items[0] : "");
    enum config_keepalive_scope scope = config->services[0].connection.keepalive.scope;
    config_free(config);
    config_report_free(&report);
    return scope;
}

#define LISTEN "\"listen\": \"127.0.0.1:0\", "
#define OFFER "\"offer\": \"pool\""
#define ECHO "\"as_client\": {\"echo\": {}}"

Test(keepalive, a_service_that_says_so_or_offers_watches_all)
{
    static const struct {
        const char *keys;
        enum config_keepalive_scope scope;
    } rows[] = {
        {LISTEN ECHO, CONFIG_KEEPALIVE_DIALED},
        {LISTEN ECHO ", \"keepalive\": {}", CONFIG_KEEPALIVE_ALL},
        {"\"dial\": \"a:1\", \"persistent\": true, " ECHO, CONFIG_KEEPALIVE_DIALED},
        {LISTEN OFFER, CONFIG_KEEPALIVE_ALL},
        {LISTEN "\"as_client\": {" OFFER "}", CONFIG_KEEPALIVE_ALL},
        {LISTEN ECHO ", \"routes\": [{\"role\": \"client\", " OFFER "}]", CONFIG_KEEPALIVE_ALL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        cr_assert_eq(scope_of(rows[i].keys), rows[i].scope, "%s", rows[i].keys);
}
