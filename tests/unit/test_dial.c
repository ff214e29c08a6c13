/* Candidates, and the race between them. */
#include "relay/clock.h"
#include "server/lib/dial/dial.h"
#include "server/lib/settings.h"
#include "tests/support/resources.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST_FAILURES = 16, LONG_MS = 20000 };

/* What the ear heard. */
struct failures {
    size_t count;
    char addresses[MOST_FAILURES][160], reasons[MOST_FAILURES][160];
};

static void note(void *arg, const char *address, const char *why)
{
    struct failures *failures = arg;
    cr_assert_lt(failures->count, MOST_FAILURES);
    (void)snprintf(failures->addresses[failures->count], 160, "%s", address);
    (void)snprintf(failures->reasons[failures->count], 160, "%s", why);
    failures->count++;
}

/* A socket of 127.0.0.1 that listens, or one that is only bound, so that connecting is refused. */
static int local_socket(bool listens, char *address)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(where);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0);
    cr_assert(!listens || listen(fd, 8) == 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&where, &length), 0);
    (void)snprintf(address, 64, "127.0.0.1:%u", ntohs(where.sin_port));
    return fd;
}

/* One whose backlog is full: SYNs are dropped, as by a dead machine. */
struct hole {
    int fds[4];
    char address[64];
};

static void dig(struct hole *hole)
{
    struct sockaddr_in where;
    socklen_t length = sizeof(where);
    hole->fds[0] = local_socket(true, hole->address);
    cr_assert_eq(listen(hole->fds[0], 0), 0);
    cr_assert_eq(getsockname(hole->fds[0], (struct sockaddr *)&where, &length), 0);
    for (size_t i = 1; i < 4; i++) {
        hole->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(hole->fds[i], (struct sockaddr *)&where, length);
    }
}

static void fill(struct hole *hole)
{
    for (size_t i = 0; i < 4; i++)
        close(hole->fds[i]);
}

struct scene {
    struct config_address addresses[4];
    struct failures failures;
    struct dial dial;
    struct candidate winner;
};

static void prepare(struct scene *scene, const char *const *texts, size_t count)
{
    *scene = (struct scene){0};
    for (size_t i = 0; i < count; i++)
        cr_assert_null(config_address_parse(texts[i], &scene->addresses[i]), "%s", texts[i]);
    scene->dial = (struct dial){.addresses = scene->addresses,
                                .count = count,
                                .deadline_us = clock_deadline_ms(LONG_MS),
                                .limit_name = "connect_timeout",
                                .lookup_flags = AI_ADDRCONFIG,
                                .wait = {.cancel_fd = -1},
                                .observer = {.failed = note, .arg = &scene->failures}};
}

static void tidy(struct scene *scene)
{
    for (size_t i = 0; i < scene->dial.count; i++)
        config_address_free(&scene->addresses[i]);
}

Test(dial, connects, .timeout = 60)
{
    char address[64];
    const char *texts[] = {address};
    int listener = local_socket(true, address);
    struct scene scene;
    prepare(&scene, texts, 1);
    struct resources before = resources_now();
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    cr_assert_eq(scene.failures.count, 0);
    char text[160];
    candidate_print(&scene.winner, text, sizeof(text));
    cr_assert_str_eq(text, address);
    cr_assert_eq(scene.winner.of, &scene.addresses[0]);
    close(fd);
    cr_assert(resources_return_to(before));
    close(listener);
    tidy(&scene);
}

Test(dial, tells_each_failure_and_takes_the_next, .timeout = 60)
{
    char dead[2][64], alive[64];
    const char *texts[] = {dead[0], dead[1], alive};
    int sockets[] = {local_socket(false, dead[0]), local_socket(false, dead[1]),
                     local_socket(true, alive)};
    struct scene scene;
    prepare(&scene, texts, 3);
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    cr_assert_eq(scene.winner.of, &scene.addresses[2]);
    cr_assert_eq(scene.failures.count, 2);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_str_eq(scene.failures.addresses[i], dead[i]);
        cr_assert_str_eq(scene.failures.reasons[i], "Connection refused");
    }
    close(fd);
    for (size_t i = 0; i < 3; i++)
        close(sockets[i]);
    tidy(&scene);
}

Test(dial, does_not_wait_for_ever_for_one_that_is_silent, .timeout = 60)
{
    char alive[64];
    struct hole hole;
    dig(&hole);
    const char *texts[] = {hole.address, alive};
    int listener = local_socket(true, alive);
    struct scene scene;
    prepare(&scene, texts, 2);
    struct resources before = resources_now();
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    cr_assert_eq(scene.winner.of, &scene.addresses[1]);
    cr_assert_eq(scene.failures.count, 0, "the first one is just slow");
    close(fd);
    cr_assert(resources_return_to(before), "the loser of the race was closed");
    close(listener);
    fill(&hole);
    tidy(&scene);
}

Test(dial, ends_at_its_deadline, .timeout = 60)
{
    struct hole holes[2];
    dig(&holes[0]);
    dig(&holes[1]);
    const char *texts[] = {holes[0].address, holes[1].address};
    struct scene scene;
    prepare(&scene, texts, 2);
    scene.dial.deadline_us = clock_deadline_ms(200);
    struct resources before = resources_now();
    cr_assert_eq(dial_first(&scene.dial, &scene.winner), -1);
    cr_assert_eq(scene.failures.count, 2, "each had its share of the time");
    for (size_t i = 0; i < 2; i++)
        cr_assert_str_eq(scene.failures.reasons[i], "no answer within connect_timeout");
    cr_assert(resources_return_to(before));
    fill(&holes[0]);
    fill(&holes[1]);
    tidy(&scene);
}

static void *cancel_soon(void *arg)
{
    pause_ms(50);
    cr_assert_eq(eventfd_write(*(int *)arg, 1), 0);
    return NULL;
}

Test(dial, can_be_cancelled, .timeout = 60)
{
    struct hole hole;
    pthread_t thread;
    dig(&hole);
    const char *texts[] = {hole.address};
    struct scene scene;
    prepare(&scene, texts, 1);
    scene.dial.deadline_us = DEADLINE_NEVER;
    scene.dial.wait.cancel_fd = eventfd(0, EFD_CLOEXEC);
    cr_assert_not(dial_is_cancelled(scene.dial.wait.cancel_fd));
    cr_assert_eq(pthread_create(&thread, NULL, cancel_soon, &scene.dial.wait.cancel_fd), 0);
    cr_assert_eq(dial_first(&scene.dial, &scene.winner), -1);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert(dial_is_cancelled(scene.dial.wait.cancel_fd));
    cr_assert_eq(scene.failures.count, 0, "nobody failed");
    cr_assert_eq(dial_first(&scene.dial, &scene.winner), -1, "and stays so");
    close(scene.dial.wait.cancel_fd);
    fill(&hole);
    tidy(&scene);
}

Test(dial, one_candidate_alone, .timeout = 60)
{
    char dead[64], alive[64];
    const char *texts[] = {dead, alive};
    int sockets[] = {local_socket(false, dead), local_socket(true, alive)};
    struct scene scene;
    struct candidates candidates;
    struct candidate each;
    prepare(&scene, texts, 2);
    candidates_begin(&candidates, scene.addresses, 2);
    cr_assert(candidates_next(&candidates, &scene.dial.observer, &each));
    cr_assert_eq(dial_one(&scene.dial, &each), -1);
    cr_assert_eq(scene.failures.count, 1);
    cr_assert(candidates_next(&candidates, &scene.dial.observer, &each));
    int fd = dial_one(&scene.dial, &each);
    cr_assert_geq(fd, 0);
    cr_assert_not(candidates_next(&candidates, &scene.dial.observer, &each));
    candidates_end(&candidates);
    close(fd);
    close(sockets[0]);
    close(sockets[1]);
    tidy(&scene);
}

/* A unix socket with a full backlog answers at once that it would block, and poll says nothing. */
static void *accept_one_later(void *arg)
{
    pause_ms(100);
    int fd = accept(*(int *)arg, NULL, NULL);
    cr_assert_geq(fd, 0);
    close(fd);
    return NULL;
}

Test(dial, a_busy_unix_socket_is_tried_again, .timeout = 60)
{
    char path[] = "/tmp/actpass-dial-XXXXXX";
    char text[160];
    cr_assert_not_null(mkdtemp(path));
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    (void)snprintf(where.sun_path, sizeof(where.sun_path), "%s/socket", path);
    (void)snprintf(text, sizeof(text), "unix:%s", where.sun_path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&where, sizeof(where)), 0);
    cr_assert_eq(listen(listener, 0), 0);
    int first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(first, (struct sockaddr *)&where, sizeof(where)), 0);
    const char *texts[] = {text};
    struct scene scene;
    pthread_t thread;
    prepare(&scene, texts, 1);
    cr_assert_eq(pthread_create(&thread, NULL, accept_one_later, &listener), 0);
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    close(fd);
    close(first);
    close(listener);
    (void)unlink(where.sun_path);
    (void)rmdir(path);
    tidy(&scene);
}

/* ---- From a local address ------------------------------------------------------------------- */

static void address_of(int fd, char *text)
{
    struct sockaddr_in where = {0};
    socklen_t length = sizeof(where);
    char host[INET_ADDRSTRLEN];
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&where, &length), 0);
    cr_assert_not_null(inet_ntop(AF_INET, &where.sin_addr, host, sizeof(host)));
    (void)snprintf(text, 64, "%s:%u", host, ntohs(where.sin_port));
}

/* The fourth place of the scene is for that address. */
static void prepare_from(struct scene *scene, const char *const *texts, size_t count,
                         const char *from)
{
    prepare(scene, texts, count);
    cr_assert_null(config_address_parse(from, &scene->addresses[3]), "%s", from);
    scene->dial.from = &scene->addresses[3];
}

static void tidy_from(struct scene *scene)
{
    config_address_free(&scene->addresses[3]);
    tidy(scene);
}

/* A port that is free: the address is this process's own. */
static void free_port(char *address)
{
    unsigned own = (unsigned)getpid();
    uint32_t host = (127U << 24) | (1U << 23) | (own & 0x3FFFFFU);
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0);
    address_of(fd, address);
    close(fd);
}

Test(dial, from_a_fixed_port_time_and_again, .timeout = 60)
{
    char alive[64], from[64], text[64];
    const char *texts[] = {alive};
    int listener = local_socket(true, alive);
    struct scene scene;
    free_port(from);
    prepare_from(&scene, texts, 1, from);
    for (int i = 0; i < 3; i++) { /* each leaves its ports in TIME_WAIT */
        int fd = dial_first(&scene.dial, &scene.winner);
        cr_assert_geq(fd, 0, "%d: %s", i, scene.failures.reasons[0]);
        address_of(fd, text);
        cr_assert_str_eq(text, from);
        int accepted = accept(listener, NULL, NULL);
        cr_assert_geq(accepted, 0);
        close(fd);
        cr_assert_eq(read(accepted, text, 1), 0);
        close(accepted);
    }
    close(listener);
    tidy_from(&scene);
}

Test(dial, from_an_address_with_any_port, .timeout = 60)
{
    char alive[64], text[64];
    const char *texts[] = {alive};
    int listener = local_socket(true, alive);
    struct scene scene;
    prepare_from(&scene, texts, 1, "127.0.0.2:0");
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    address_of(fd, text);
    cr_assert_eq(strncmp(text, "127.0.0.2:", 10), 0, "%s", text);
    cr_assert_str_neq(text, "127.0.0.2:0");
    close(fd);
    close(listener);
    tidy_from(&scene);
}

Test(dial, one_of_another_family_than_the_local_address_is_left_out, .timeout = 60)
{
    char alive[64];
    const char *texts[] = {"[::1]:9", alive};
    int listener = local_socket(true, alive);
    struct scene scene;
    prepare_from(&scene, texts, 2, "0.0.0.0:0");
    struct resources before = resources_now();
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    cr_assert_eq(scene.winner.of, &scene.addresses[1]);
    cr_assert_eq(scene.failures.count, 1);
    cr_assert_str_eq(scene.failures.addresses[0], "[::1]:9");
    cr_assert_str_eq(scene.failures.reasons[0],
                     "left out, because dial_from (0.0.0.0:0) is of another family");
    close(fd);
    cr_assert(resources_return_to(before));
    close(listener);
    tidy_from(&scene);
}

Test(dial, a_unix_socket_has_no_local_address, .timeout = 60)
{
    const char *texts[] = {"unix:/nowhere"};
    struct scene scene;
    prepare_from(&scene, texts, 1, "0.0.0.0:0");
    cr_assert_eq(dial_first(&scene.dial, &scene.winner), -1);
    cr_assert_eq(scene.failures.count, 1);
    cr_assert_str_eq(scene.failures.reasons[0], "No such file or directory");
    tidy_from(&scene);
}

Test(dial, from_where_somebody_listens, .timeout = 60)
{
    char alive[64], from[64], expected[160];
    const char *texts[] = {alive};
    int listeners[] = {local_socket(true, alive), local_socket(true, from)};
    struct scene scene;
    prepare_from(&scene, texts, 1, from);
    struct resources before = resources_now();
    cr_assert_eq(dial_first(&scene.dial, &scene.winner), -1);
    cr_assert_eq(scene.failures.count, 1);
    (void)snprintf(expected, sizeof(expected), "cannot dial from %s: Address already in use", from);
    cr_assert_str_eq(scene.failures.reasons[0], expected);
    cr_assert(resources_return_to(before));
    close(listeners[0]);
    close(listeners[1]);
    tidy_from(&scene);
}

Test(dial, from_a_port_that_is_connected_there_already, .timeout = 60)
{
    char alive[64], from[64];
    const char *texts[] = {alive};
    int listener = local_socket(true, alive);
    struct scene scene;
    free_port(from);
    prepare_from(&scene, texts, 1, from);
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    scene.dial.deadline_us = clock_deadline_ms(100);
    cr_assert_eq(dial_first(&scene.dial, &scene.winner), -1);
    cr_assert_eq(scene.failures.count, 1);
    cr_assert_str_eq(scene.failures.reasons[0],
                     "the last connection from the port of dial_from to it has not ended yet");
    close(fd);
    close(listener);
    tidy_from(&scene);
}

static void *close_soon(void *arg)
{
    pause_ms(100);
    close(*(int *)arg);
    return NULL;
}

/* We have closed, and the peer does a moment later. */
Test(dial, waits_for_the_last_connection_from_its_port, .timeout = 60)
{
    char alive[64], from[64];
    const char *texts[] = {alive};
    int listener = local_socket(true, alive);
    struct scene scene;
    pthread_t thread;
    free_port(from);
    prepare_from(&scene, texts, 1, from);
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    int accepted = accept(listener, NULL, NULL);
    cr_assert_geq(accepted, 0);
    close(fd);
    cr_assert_eq(pthread_create(&thread, NULL, close_soon, &accepted), 0);
    fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_geq(fd, 0, "%s", scene.failures.reasons[0]);
    cr_assert_eq(scene.failures.count, 0);
    close(fd);
    close(listener);
    tidy_from(&scene);
}

/* Nobody listens: the SYN meets a socket that connects, too, and that is the same one. */
Test(dial, simultaneous_open, .timeout = 60)
{
    char address[64];
    char byte = 'x';
    const char *texts[] = {address};
    struct scene scene;
    free_port(address);
    prepare_from(&scene, texts, 1, address);
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, &byte, 1), 1);
    struct pollfd set = {.fd = fd, .events = POLLIN};
    cr_assert_eq(poll(&set, 1, LONG_MS), 1);
    cr_assert_eq(read(fd, &byte, 1), 1);
    close(fd);
    tidy_from(&scene);
}

/* ---- Candidates ---------------------------------------------------------------------------- */

Test(dial, both_families_of_a_name_stand_behind_it, .timeout = 60)
{
    const char *texts[] = {"localhost:443", "[::1]:444", "unix:/nowhere", "127.0.0.1:445"};
    struct scene scene;
    struct candidates candidates;
    struct candidate each;
    prepare(&scene, texts, 4);
    candidates_begin(&candidates, scene.addresses, 4);
    size_t of_each[4] = {0};
    size_t last = 0;
    while (candidates_next(&candidates, &scene.dial.observer, &each)) {
        size_t number = (size_t)(each.of - scene.addresses);
        cr_assert_geq(number, last, "in the order of the configuration");
        last = number;
        of_each[number]++;
        cr_assert_gt(each.size, 0);
    }
    candidates_end(&candidates);
    cr_assert_geq(of_each[0], 1);
    cr_assert(of_each[1] == 1 && of_each[2] == 1 && of_each[3] == 1);
    cr_assert_eq(scene.failures.count, 0);
    tidy(&scene);
}

/* RFC 8305 section 4. '6' and '4' are families, letters tell the addresses apart. */
Test(dial, families_come_in_turn)
{
    static const struct {
        const char *families, *order;
    } rows[] = {{"", ""},           {"6", "a"},       {"66", "ab"},
                {"64", "ab"},       {"6644", "acbd"}, {"4466", "acbd"},
                {"66664", "aebcd"}, {"464", "abc"},   {"444466", "aebfcd"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct addrinfo list[8] = {{0}};
        char order[9] = "";
        size_t count = strlen(rows[i].families);
        for (size_t k = 0; k < count; k++) {
            list[k].ai_family = rows[i].families[k] == '6' ? AF_INET6 : AF_INET;
            list[k].ai_next = k + 1 < count ? &list[k + 1] : NULL;
        }
        struct addrinfo *each = candidates_in_turn(count > 0 ? list : NULL);
        for (size_t k = 0; k < 8 && each; k++, each = each->ai_next)
            order[k] = (char)('a' + (each - list));
        cr_assert_str_eq(order, rows[i].order, "%s", rows[i].families);
    }
}

Test(dial, a_name_that_is_not_there_is_told_and_passed_over, .timeout = 60)
{
    char alive[64];
    const char *texts[] = {"nowhere.invalid:1", alive};
    int listener = local_socket(true, alive);
    struct scene scene;
    prepare(&scene, texts, 2);
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    cr_assert_eq(scene.failures.count, 1);
    cr_assert_str_eq(scene.failures.addresses[0], "nowhere.invalid:1");
    cr_assert_gt(strlen(scene.failures.reasons[0]), 0);
    close(fd);
    close(listener);
    tidy(&scene);
}

Test(dial, how_candidates_are_written, .timeout = 60)
{
    static const char *const texts[] = {"127.0.0.1:443", "[::1]:443", "unix:/run/socket"};
    for (size_t i = 0; i < 3; i++) {
        struct scene scene;
        struct candidates candidates;
        struct candidate each;
        char text[160];
        prepare(&scene, &texts[i], 1);
        candidates_begin(&candidates, scene.addresses, 1);
        cr_assert(candidates_next(&candidates, &scene.dial.observer, &each));
        candidate_print(&each, text, sizeof(text));
        cr_assert_str_eq(text, texts[i]);
        candidates_end(&candidates);
        tidy(&scene);
    }
}

/* ---- For actpass_connect ------------------------------------------------------------------- */

Test(dial, actpass_connect_says_what_went_wrong, .timeout = 60)
{
    char dead[64], expected[160];
    int bound = local_socket(false, dead);
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
Test(dial, with_fast_open_actpass_connect_shakes_hands, .timeout = 60)
{
    char address[64];
    int listener = local_socket(true, address);
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

Test(dial, actpass_connect_from_a_local_address, .timeout = 60)
{
    char address[64], from[64], text[64];
    int listener = local_socket(true, address);
    for (int fast = 0; fast < 2; fast++) {
        struct sockaddr_in peer = {0};
        socklen_t length = sizeof(peer);
        char host[INET_ADDRSTRLEN];
        free_port(from);
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

Test(dial, actpass_connect_from_an_address_of_another_family, .timeout = 60)
{
    char address[64];
    int listener = local_socket(true, address);
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
