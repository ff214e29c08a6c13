/* Connections that wait for an OCSP responder: they are woken by its answer, and can be aborted and
 * freed at any moment. */
#include "relay/clock.h"
#include "server/lib/conn_internal.h"
#include "tests/support/conn_suite.h"
#include "tests/support/ocsp_responder.h"
#include "tests/support/share.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(conn_revocation, .timeout = 120);

static struct conn_suite suite;
static struct ocsp_responder *responder;

static void begin(void)
{
    conn_suite_begin(&suite);
    responder = ocsp_responder_new(suite.world.pair->authority);
}

static void end(void)
{
    ocsp_responder_free(responder);
    conn_suite_end(&suite);
}

/* Asks with hard failure: an answer that does not come, or a wake-up that is lost, is a refusal. */
static void rig_init_for(struct conn_rig *rig, struct conn_rig_options *options,
                         void (*script)(struct socket_peer *peer, void *arg), void *arg)
{
    char url[64];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ocsp_responder_port(responder));
    options->client_auth = !options->on_demand;
    options->config = conn_config(&suite.world, options);
    cr_assert_eq(actpass_config_set_ocsp_peers(options->config, ACTPASS_OCSP_HARD) |
                     actpass_config_set_ocsp_responder(options->config, url),
                 0, "%s", actpass_config_error(options->config));
    conn_rig_init(rig, &suite.world, options, script, arg);
}

static void rig_init(struct conn_rig *rig, struct conn_rig_options *options)
{
    rig_init_for(rig, options, peer_echoes, NULL);
}

static void rig_free(struct conn_rig *rig)
{
    actpass_config *config = rig->config;
    conn_rig_free(rig);
    actpass_config_free(config);
}

static const char *found(struct conn_rig *rig)
{
    actpass_info_t info;
    actpass_info(rig->conn, &info);
    return info.peer_ocsp;
}

static void wait_for_requests(unsigned wanted)
{
    int64_t until_us = clock_deadline_ms(20000);
    while (ocsp_responder_requests(responder) < wanted && clock_now_us() < until_us)
        pause_ms(2);
    cr_assert_eq(ocsp_responder_requests(responder), wanted);
}

/* ---- The answer ---------------------------------------------------------------------------- */

Test(conn_revocation, the_answer_wakes_it, .init = begin, .fini = end)
{
    ocsp_responder_delay(responder, 20000);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        rig_init(&rig, &options);
        int64_t began_us = clock_now_us();
        cr_assert(conn_shakes_hands(&rig), "way %d: %s", which, conn_rig_says(&rig));
        cr_assert_str_eq(found(&rig), "good");
        /* Else it was not woken, and has looked at last when the responder's time was over. */
        cr_assert_lt(clock_now_us() - began_us, 4000000, "way %d: it was not woken", which);
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        rig_free(&rig);
    }
}

static void ring(void *fd)
{
    (void)eventfd_write(*(int *)fd, 1);
}

/* Calls until the responder is being asked, and nothing else is left to be done. */
static void shake_until_asked(struct conn_rig *rig, unsigned requests)
{
    while (ocsp_responder_requests(responder) < requests) {
        cr_assert_eq(actpass_handshake(rig->conn), ACTPASS_AGAIN);
        cr_assert(actpass_wait(rig->conn, NULL, 0, 5) >= 0);
    }
    cr_assert_eq(actpass_handshake(rig->conn), ACTPASS_AGAIN);
}

Test(conn_revocation, the_answer_wakes_the_callers_loop, .init = begin, .fini = end)
{
    unsigned requests = 0;
    int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (int which = 8; which < CONN_WAYS; which++) {
        struct conn_rig rig;
        struct pollfd socket, own = {.fd = bell, .events = POLLIN};
        struct conn_rig_options options = conn_way(which);
        options.loop = LOOP_TOLD;
        ocsp_responder_hold(responder);
        rig_init(&rig, &options);
        actpass_set_wake(rig.conn, ring, &bell);
        shake_until_asked(&rig, ++requests);
        cr_assert_gt(actpass_prepare_wait(rig.conn, &socket), 1000, "way %d: it polls", which);
        ocsp_responder_go_on(responder);
        cr_assert_eq(poll(&own, 1, 4000), 1, "way %d: nothing has woken the loop", which);
        cr_assert_eq(actpass_prepare_wait(rig.conn, &socket), 0, "way %d", which);
        cr_assert_eq(actpass_handshake(rig.conn), 0, "way %d: %s", which, conn_rig_says(&rig));
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        rig_free(&rig);
        eventfd_t count;
        cr_assert_eq(eventfd_read(bell, &count), 0);
    }
    close(bell);
}

/* ---- The end ------------------------------------------------------------------------------- */

static void *abort_at_a_random_moment(void *arg)
{
    unsigned seed = (unsigned)clock_now_us();
    usleep((unsigned)rand_r(&seed) % 8000);
    actpass_abort(arg);
    return NULL;
}

/* The caller's loop, which is never called for nothing. */
static void shake_hands_by_bell(struct conn_rig *rig, int bell)
{
    while (actpass_handshake(rig->conn) == ACTPASS_AGAIN) {
        eventfd_t count;
        struct pollfd own = {.fd = bell, .events = POLLIN};
        cr_assert(actpass_wait(rig->conn, &own, 1, -1) >= 0);
        if (own.revents)
            (void)eventfd_read(bell, &count);
    }
}

Test(conn_revocation, aborted_at_any_moment, .init = begin, .fini = end)
{
    enum { ROUNDS = 400 };
    int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ocsp_responder_delay(responder, 4000);
    for (int round = 0; round < TEST_ROUNDS(ROUNDS); round++) {
        struct conn_rig rig;
        pthread_t thread;
        struct conn_rig_options options = conn_way(round % CONN_WAYS);
        if (options.loop != LOOP_NONE)
            options.loop = LOOP_TOLD;
        rig_init(&rig, &options);
        actpass_set_wake(rig.conn, ring, &bell);
        cr_assert_eq(pthread_create(&thread, NULL, abort_at_a_random_moment, rig.conn), 0);
        shake_hands_by_bell(&rig, bell);
        pthread_join(thread, NULL);
        (void)actpass_close(rig.conn);
        rig_free(&rig);
    }
    close(bell);
}

/* While the answer comes. */
Test(conn_revocation, freed_at_any_moment, .init = begin, .fini = end)
{
    enum { ROUNDS = 200 };
    unsigned seed = 1;
    int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ocsp_responder_delay(responder, 2000);
    for (int round = 0; round < TEST_ROUNDS(ROUNDS); round++) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(8 + round % 8);
        options.loop = LOOP_TOLD;
        unsigned before = ocsp_responder_requests(responder);
        rig_init(&rig, &options);
        actpass_set_wake(rig.conn, ring, &bell);
        for (int result = ACTPASS_AGAIN;
             result == ACTPASS_AGAIN && ocsp_responder_requests(responder) == before;) {
            result = actpass_handshake(rig.conn);
            (void)actpass_wait(rig.conn, NULL, 0, 1);
        }
        usleep((unsigned)rand_r(&seed) % 2000);
        rig_free(&rig);
    }
    close(bell);
}

/* ---- The peer goes ------------------------------------------------------------------------- */

enum going { GOES_BY_RESET, GOES_BY_RESET_BEHIND_DATA, GOES_BY_RESET_BEHIND_MUCH, GOES_BY_FIN };

struct leaver {
    enum going going;
    unsigned requests; /* by which it is waited for the responder */
};

static void wait_until_asked(unsigned requests)
{
    wait_for_requests(requests);
    pause_ms(50); /* until it waits */
}

static void leave_once_asked(struct socket_peer *peer, void *arg)
{
    static const char data[40000];
    static const size_t sizes[] = {
        [GOES_BY_RESET_BEHIND_DATA] = 10, [GOES_BY_RESET_BEHIND_MUCH] = sizeof(data), 0};
    const struct leaver *leaver = arg;
    if (!socket_peer_handshake(peer))
        return;
    wait_until_asked(leaver->requests);
    if (sizes[leaver->going] > 0)
        (void)socket_peer_write(peer, data, sizes[leaver->going]);
    pause_ms(50);
    if (leaver->going == GOES_BY_FIN)
        socket_peer_fin(peer);
    else
        socket_peer_reset(peer);
}

static void ignore(void *arg)
{
    (void)arg;
}

static void must_notice(int way, struct leaver *leaver)
{
    struct conn_rig rig;
    struct conn_rig_options options = conn_way(way);
    actpass_end want = leaver->going == GOES_BY_FIN ? ACTPASS_TRUNCATED : ACTPASS_RESET;
    rig_init_for(&rig, &options, leave_once_asked, leaver);
    if (options.loop != LOOP_NONE) /* else it looks now and then */
        actpass_set_wake(rig.conn, ignore, NULL);
    int64_t began_us = clock_now_us(), used_us = cpu_time_us();
    cr_assert_eq(loop_handshake(&rig), -1, "way %d, going %d", way, leaver->going);
    cr_assert_lt(clock_now_us() - began_us, 4000000, "way %d, going %d: it was not noticed", way,
                 leaver->going);
    cr_assert_lt(cpu_time_us() - used_us, 1000000, "way %d, going %d: it spins", way,
                 leaver->going);
    cr_assert_eq(actpass_ended(rig.conn), want, "way %d, going %d: %s", way, leaver->going,
                 conn_rig_says(&rig));
    rig_free(&rig);
}

/* A server of TLS 1.3 sends tickets, behind which an end is seen only by reading them. */
static bool is_behind_tickets(int way)
{
    return (way & 3) == 2;
}

Test(conn_revocation, a_peer_that_goes_is_noticed_at_once, .init = begin, .fini = end)
{
    struct leaver leaver = {.requests = 0};
    ocsp_responder_hold(responder);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which))
        for (leaver.going = GOES_BY_RESET; leaver.going <= GOES_BY_FIN; leaver.going++) {
            if (leaver.going == GOES_BY_FIN && is_behind_tickets(which))
                continue;
            leaver.requests++;
            must_notice(which, &leaver);
        }
}

static void half_close_once_asked(struct socket_peer *peer, void *arg)
{
    const struct leaver *leaver = arg;
    if (!socket_peer_handshake(peer))
        return;
    wait_until_asked(leaver->requests);
    (void)(socket_peer_write(peer, "question", 8) && socket_peer_close_notify(peer));
    socket_peer_fin(peer);
    pause_ms(500);
    ocsp_responder_go_on(responder);
    (void)socket_peer_read_to_end(peer);
}

/* It asks, and reads the answer yet. Meanwhile nothing spins. */
Test(conn_revocation, a_peer_that_half_closes_has_not_gone, .init = begin, .fini = end)
{
    struct leaver leaver = {.requests = 0};
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        char got[8];
        struct conn_rig_options options = conn_way(which);
        ocsp_responder_hold(responder);
        leaver.requests++;
        rig_init_for(&rig, &options, half_close_once_asked, &leaver);
        int64_t used_us = cpu_time_us();
        cr_assert(conn_shakes_hands(&rig), "way %d: %s", which, conn_rig_says(&rig));
        cr_assert_lt(cpu_time_us() - used_us, 400000, "way %d: it spins", which);
        cr_assert_eq(loop_read(&rig, got, sizeof(got)), 8, "way %d", which);
        cr_assert_eq(loop_read(&rig, got, sizeof(got)), 0, "way %d", which);
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        rig_free(&rig);
    }
}

static void hang_up_once_asked(struct socket_peer *peer, void *arg)
{
    const struct leaver *leaver = arg;
    if (!socket_peer_handshake(peer))
        return;
    wait_until_asked(leaver->requests);
    (void)(socket_peer_write(peer, "statement", 9) && socket_peer_close_notify(peer));
    (void)shutdown(peer->fd, SHUT_RDWR);
    pause_ms(500);
    ocsp_responder_go_on(responder);
}

/* A poll of a unix socket reports that whatever is asked for. What was said before still counts. */
Test(conn_revocation, a_peer_that_hangs_up_makes_nothing_spin, .init = begin, .fini = end)
{
    struct leaver leaver = {.requests = 0};
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        char got[9];
        struct conn_rig_options options = conn_way(which);
        options.unix_sockets = true;
        ocsp_responder_hold(responder);
        leaver.requests++;
        rig_init_for(&rig, &options, hang_up_once_asked, &leaver);
        int64_t used_us = cpu_time_us();
        cr_assert(conn_shakes_hands(&rig), "way %d: %s", which, conn_rig_says(&rig));
        cr_assert_lt(cpu_time_us() - used_us, 400000, "way %d: it spins", which);
        cr_assert_eq(loop_read(&rig, got, sizeof(got)), 9, "way %d", which);
        rig_free(&rig);
    }
}

/* ---- Certificates on demand ---------------------------------------------------------------- */

static void answer_a_request(struct socket_peer *peer, void *arg)
{
    char byte;
    (void)arg;
    SSL_set_post_handshake_auth(peer->ssl, 1);
    if (socket_peer_handshake(peer))
        (void)socket_peer_read(peer, &byte, 1);
}

/* The rig of a server whose client will be asked. */
static void rig_on_demand(struct conn_rig *rig, int way)
{
    struct conn_rig_options options = conn_way(way);
    options.on_demand = true;
    rig_init_for(rig, &options, answer_a_request, NULL);
    cr_assert_eq(loop_handshake(rig), 0, "%s", conn_rig_says(rig));
}

Test(conn_revocation, on_demand_the_answer_wakes_it, .init = begin, .fini = end)
{
    ocsp_responder_delay(responder, 20000);
    for (int which = 1; which < CONN_WAYS; which += 2) { /* server */
        struct conn_rig rig;
        rig_on_demand(&rig, which);
        int64_t began_us = clock_now_us();
        cr_assert_eq(actpass_request_certificate(rig.conn, 10000), 0, "way %d: %s", which,
                     conn_rig_says(&rig));
        cr_assert_lt(clock_now_us() - began_us, 4000000, "way %d: it was not woken", which);
        cr_assert_str_eq(found(&rig), "good");
        rig_free(&rig);
    }
}

static void *abort_once_asked(void *arg)
{
    struct conn_rig *rig = arg;
    wait_for_requests(1);
    pause_ms(50); /* until it waits */
    actpass_abort(rig->conn);
    return NULL;
}

/* While the responder is silent. */
Test(conn_revocation, aborted_on_demand_it_ends_at_once, .init = begin, .fini = end)
{
    struct conn_rig rig;
    pthread_t thread;
    ocsp_responder_hold(responder);
    rig_on_demand(&rig, 1 | 2); /* server, TLS 1.3 */
    cr_assert_eq(pthread_create(&thread, NULL, abort_once_asked, &rig), 0);
    int64_t used_us = cpu_time_us();
    cr_assert_eq(actpass_request_certificate(rig.conn, 10000), -1);
    cr_assert_lt(cpu_time_us() - used_us, 1000000, "it spins until the responder's time is over");
    pthread_join(thread, NULL);
    cr_assert_eq(actpass_ended(rig.conn), ACTPASS_CANCELLED, "%s", actpass_error(rig.conn));
    rig_free(&rig);
}

/* Another thread than the peer's: TCP sends a reset then. */
static void *reset_once_asked(void *arg)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    const int *fd = arg;
    wait_until_asked(1);
    if (connect(*fd, &nobody, sizeof(nobody)) != 0)
        perror("the peer cannot reset the connection");
    return NULL;
}

Test(conn_revocation, on_demand_a_peer_that_goes_is_noticed_at_once, .init = begin, .fini = end)
{
    struct conn_rig rig;
    pthread_t thread;
    ocsp_responder_hold(responder);
    rig_on_demand(&rig, 1 | 2); /* server, TLS 1.3 */
    int fd = dup(rig.peer->fd); /* the peer's thread has the other one */
    cr_assert_eq(pthread_create(&thread, NULL, reset_once_asked, &fd), 0);
    int64_t began_us = clock_now_us();
    cr_assert_eq(actpass_request_certificate(rig.conn, 10000), -1);
    cr_assert_lt(clock_now_us() - began_us, 4000000, "it was not noticed");
    pthread_join(thread, NULL);
    cr_assert_eq(actpass_ended(rig.conn), ACTPASS_RESET, "%s", actpass_error(rig.conn));
    rig_free(&rig);
    close(fd);
}
