/* What a configuration needs of the system. */
#include "server/daemon/sandbox/plan.h"

#include "tests/unit/test_config.h"

/* The plan of one service, a TLS server, with more keys for its "tls" and for itself. */
static struct plan plan_of(const char *tls, const char *service, const char *top)
{
    char text[2048];
    struct plan plan;
    (void)snprintf(text, sizeof(text),
                   "{%s 'services': [{'name': 's', %s, 'tls': {'certificate': 'peer.pem' "
                   "%s}}]}",
                   top, service, tls);
    struct config *config = parse_good(text);
    cr_assert(plan_make(&plan, config, "c.json"));
    config_free(config);
    return plan;
}

/* What may be done with the path, which is given as seen from here; 0: nothing. */
static unsigned access_to(const struct plan *plan, const char *path)
{
    char *folder = realpath(".", NULL);
    char *whole = NULL;
    cr_assert_not_null(folder);
    cr_assert_geq(asprintf(&whole, "%s%s%s", *path == '/' ? "" : folder,
                           *path == '/' || !*path ? "" : "/", path),
                  0);
    unsigned access = paths_access(&plan->allowed, whole);
    free(whole);
    free(folder);
    return access;
}

#define ECHO "'role': 'server', 'listen': '127.0.0.1:1', 'echo': true"

Test(plan, the_folder_of_what_is_named_may_be_read, .init = folder_enter, .fini = folder_leave)
{
    struct plan plan = plan_of("", ECHO, "");
    cr_assert_eq(access_to(&plan, ""), PATHS_READ);
    cr_assert_eq(access_to(&plan, "/etc/passwd"), 0);
    cr_assert_eq(access_to(&plan, "/etc"), 0);
    cr_assert_eq(access_to(&plan, "/dev/null"), PATHS_READ | PATHS_WRITE);
    plan_free(&plan);
}

Test(plan, a_folder_to_serve, .init = folder_enter, .fini = folder_leave)
{
    struct plan plan =
        plan_of("", "'role': 'server', 'listen': '127.0.0.1:1', 'http': {'root': 'folder'}", "");
    cr_assert_eq(access_to(&plan, "folder"), PATHS_READ);
    plan_free(&plan);
}

Test(plan, lists_of_accounts_only_where_they_are_named, .init = folder_enter, .fini = folder_leave)
{
    static const char listens[] = "'role': 'server', 'echo': {}, 'listen': 'unix:/s', "
                                  "'listen_options': {'owner': '1', 'group': '%s'}";
    char service[256];
    (void)snprintf(service, sizeof(service), listens, "2");
    struct plan plan = plan_of("", service, "");
    cr_assert(plan.file_modes && !plan.accounts);
    cr_assert_eq(access_to(&plan, "/etc/group"), 0);
    plan_free(&plan);
    (void)snprintf(service, sizeof(service), listens, "root");
    plan = plan_of("", service, "");
    cr_assert(plan.file_modes && plan.accounts);
    cr_assert_eq(access_to(&plan, "/etc/group"), PATHS_READ);
    cr_assert_eq(access_to(&plan, "/etc"), 0);
    plan_free(&plan);
}

/* Only what is connected to counts, not what is listened on. */
Test(plan, ports_to_connect_to, .init = folder_enter, .fini = folder_leave)
{
    struct plan plan =
        plan_of("", "'role': 'server', 'listen': '127.0.0.1:1', 'forward': '127.0.0.1:8080'", "");
    cr_assert(plan_has_port(&plan, 8080));
    cr_assert_not(plan_has_port(&plan, 1));
    cr_assert_not(plan_has_port(&plan, 8081));
    cr_assert_not(plan_has_port(&plan, 53));
    cr_assert_not(plan.names);
    plan_free(&plan);
    plan = plan_of(", 'ca': 'ca.pem', 'peer_names': ['a']",
                   "'dial': ['[::1]:4433', '127.0.0.1:65535', 'unix:/x'], 'listen_plain': "
                   "'127.0.0.1:2', 'dial_from': '0.0.0.0:3', 'max_connections': 1, 'role': "
                   "'client', 'tcp_fast_open': "
                   "true",
                   "");
    cr_assert(plan_has_port(&plan, 4433) && plan_has_port(&plan, 65535));
    cr_assert_not(plan_has_port(&plan, 2) || plan_has_port(&plan, 3));
    cr_assert(plan.fast_open);
    plan_free(&plan);
}

/* Of a handler that is a proxy: those of "allow", or all. */
Test(plan, ports_that_peers_ask_for, .init = folder_enter, .fini = folder_leave)
{
#define ALLOW(list) "'role': 'server', 'listen': '127.0.0.1:1', 'proxy': {'allow': [" list "]}"
    struct plan plan = plan_of("", ALLOW("'a.example:443,8000-8002', '192.0.2.0/24:25'"), "");
    cr_assert(plan.names);
    cr_assert(plan_has_port(&plan, 443) && plan_has_port(&plan, 8000));
    cr_assert(plan_has_port(&plan, 8002) && plan_has_port(&plan, 25));
    cr_assert_not(plan_has_port(&plan, 442) || plan_has_port(&plan, 8003));
    cr_assert_not(plan_has_all_ports(&plan));
    plan_free(&plan);
    plan = plan_of("", ALLOW("'a.example:443', '192.0.2.0/24'"), "");
    cr_assert(plan_has_all_ports(&plan));
    plan_free(&plan);
    plan = plan_of("", ALLOW("'*:1-443', '*:445-65535'"), "");
    cr_assert_not(plan_has_all_ports(&plan));
    plan_free(&plan);
    plan = plan_of("", ALLOW("'*:2-65535'"), "");
    cr_assert_not(plan_has_all_ports(&plan));
    plan_free(&plan);
#undef ALLOW
}

/* Through a proxy, what is dialed is the proxy. */
Test(plan, proxies, .init = folder_enter, .fini = folder_leave)
{
    struct plan plan =
        plan_of(", 'ca': 'ca.pem', 'peer_names': ['a']",
                "'dial': ['a.example:4433', '127.0.0.1:4434'], 'listen_plain': '127.0.0.1:2', "
                "'role': 'client', 'dial_through': 'socks5://[::1]:1080', 'dial_through_auth': "
                "'peer.pem'",
                "");
    cr_assert(plan_has_port(&plan, 1080));
    cr_assert_not(plan_has_port(&plan, 4433) || plan_has_port(&plan, 4434));
    cr_assert_not(plan.names);
    plan_free(&plan);
    plan = plan_of(", 'ca': 'ca.pem', 'peer_names': ['a']",
                   "'dial': '127.0.0.1:1', 'listen_plain': '127.0.0.1:2', 'role': 'client', "
                   "'dial_through': 'http://proxy.example:3128'",
                   "");
    cr_assert(plan.names);
    plan_free(&plan);
}

Test(plan, has_what_routes_name, .init = folder_enter, .fini = folder_leave)
{
    struct plan plan =
        plan_of("",
                "'role': 'server', 'listen': '127.0.0.1:1', 'refuse': true, "
                "'routes': [{'server_name': ['a'], 'forward': ['127.0.0.1:8081', "
                "'[::1]:8082']}, {'server_name': ['b'], 'http': {'root': 'folder'}}]",
                "");
    cr_assert(plan_has_port(&plan, 8081) && plan_has_port(&plan, 8082));
    cr_assert_not(plan_has_port(&plan, 8083));
    cr_assert_eq(access_to(&plan, "folder"), PATHS_READ);
    plan_free(&plan);
}

Test(plan, names_need_a_resolver, .init = folder_enter, .fini = folder_leave)
{
    struct plan plan =
        plan_of("", "'role': 'server', 'listen': '127.0.0.1:1', 'forward': 'host:8080'", "");
    cr_assert(plan.names);
    cr_assert(plan_has_port(&plan, 53), "a long answer of a name server comes over TCP");
    cr_assert_eq(access_to(&plan, "/etc/hosts"), PATHS_READ);
    plan_free(&plan);
    plan = plan_of("", ECHO, "");
    cr_assert_eq(access_to(&plan, "/etc/hosts"), 0);
    plan_free(&plan);
}

Test(plan, sockets_and_stores_are_made, .init = folder_enter, .fini = folder_leave)
{
    struct plan plan = plan_of(", 'sessions': 'file:folder/s', 'session_key_file': 'peer.pem'",
                               "'role': 'server', 'listen': 'unix:u', 'echo': true", "");
    cr_assert_eq(access_to(&plan, ""), PATHS_READ | PATHS_SOCKETS);
    cr_assert_eq(access_to(&plan, "folder"), PATHS_READ | PATHS_WRITE);
    plan_free(&plan);
}

Test(plan, redis, .init = folder_enter, .fini = folder_leave)
{
    struct plan plan =
        plan_of(", 'sessions': 'redis://h/1', 'session_key_file': 'peer.pem'", ECHO, "");
    cr_assert(plan_has_port(&plan, 6379));
    cr_assert(plan.names);
    plan_free(&plan);
}

Test(plan, the_system_s_certificates, .init = folder_enter, .fini = folder_leave)
{
    struct plan plan = plan_of("", ECHO, "");
    cr_assert_eq(access_to(&plan, "/usr/share/ca-certificates"), 0);
    plan_free(&plan);
    plan = plan_of(", 'ca': 'system', 'peer_names': ['a']", ECHO, "");
    if (access("/usr/share/ca-certificates", F_OK) == 0)
        cr_assert_eq(access_to(&plan, "/usr/share/ca-certificates"), PATHS_READ);
    plan_free(&plan);
}

Test(plan, more_for_a_later_reload, .init = folder_enter, .fini = folder_leave)
{
    struct plan plan = plan_of("", ECHO,
                               "'sandbox_read': ['/etc/shadow', '/none'], 'sandbox_write': "
                               "['/tmp'], 'sandbox_connect': ['7', '10-12'],");
    cr_assert_eq(access_to(&plan, "/etc/shadow"), PATHS_READ);
    cr_assert_eq(access_to(&plan, "/none"), 0);
    cr_assert_eq(access_to(&plan, "/tmp"), PATHS_READ | PATHS_WRITE | PATHS_SOCKETS);
    for (uint16_t port = 6; port <= 13; port++)
        cr_assert_eq(plan_has_port(&plan, port), port == 7 || (port >= 10 && port <= 12), "%u",
                     port);
    plan_free(&plan);
}

/* A reload reads them again. */
Test(plan, what_the_configuration_is_made_of, .init = folder_enter, .fini = folder_leave)
{
    cr_assert_eq(mkdir("folder/v", 0700), 0);
    make_file("folder/v/name", 0600, "s");
    make_file("folder/i.json", 0600,
              "{\"services\": [{\"name\": \"${file:v/name}\", \"role\": \"server\", \"listen\": "
              "\"127.0.0.1:1\", \"echo\": true, \"tls\": {\"certificate\": \"../peer.pem\"}}]}");
    struct config *config = parse_good("{'include': 'folder'}");
    struct plan plan;
    cr_assert(plan_make(&plan, config, "c.json"));
    cr_assert_eq(access_to(&plan, "folder"), PATHS_READ);
    cr_assert_eq(access_to(&plan, "folder/v"), PATHS_READ);
    plan_free(&plan);
    config_free(config);
    cr_assert_eq(unlink("folder/i.json") | unlink("folder/v/name") | rmdir("folder/v"), 0);
}
