/* A server that floods TLS 1.3 NewSessionTickets, whose number is not limited: one
 * SSL_read would go on over all of them. The program has a recv of its own, so that what has to be
 * noticed happens in the middle, and a clock of its own, so that a deadline passes then and not
 * while a slow machine makes the flood. */
#include "relay/clock.h"
#include "server/lib/conn.h"
#include "tests/support/conn_rig.h"
#include "tests/support/resources.h"
#include "tests/support/share.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The flood is about 5 MiB, or 1.2 under a sanitizer, so that it comes as fast as we read. */
enum { TICKETS = TEST_SHARE > 1 ? 5000 : 20000, NOTICED_WITHIN = 4 * RELAY_DEFAULT_RING, CALL = 3 };
enum { IDLE_MS = 20000 };

/* In the test's thread: what the CALLth recv does. */
static _Thread_local struct {
    void (*action)(void *arg);
    void *arg;
    int calls;
    time_t ahead_s; /* of the real clock */
} moment;

ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    if (moment.action && ++moment.calls == CALL)
        moment.action(moment.arg);
    return syscall(SYS_recvfrom, fd, buffer, size, flags, NULL, NULL);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int (*real)(clockid_t, struct timespec *) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    now->tv_sec += moment.ahead_s;
    return result;
}

static void abort_now(void *arg)
{
    actpass_abort(arg);
}

static void let_the_deadline_pass(void *arg)
{
    (void)arg;
    moment.ahead_s = IDLE_MS / 1000 + 1;
}

/* Makes all of them before it sends the first. */
static void flood(struct socket_peer *peer, void *arg)
{
    atomic_bool *ready = arg;
    bool good = socket_peer_handshake(peer);
    for (int i = 0; good && i < TICKETS; i++)
        good = (SSL_new_session_ticket(peer->ssl) == 1 && SSL_do_handshake(peer->ssl) == 1) ||
               socket_peer_fail(peer, "no ticket");
    atomic_store(ready, true);
    if (good)
        (void)socket_peer_flush(peer); /* until we are gone */
}

static void read_in_a_flood(actpass_transport transport, void (*action)(void *arg),
                            actpass_end wanted)
{
    struct conn_world world;
    struct conn_rig rig;
    struct conn_rig_options options = conn_defaults(ACTPASS_ROLE_CLIENT, 1, transport);
    atomic_bool ready = false;
    char scratch[100];
    actpass_info_t info;
    conn_world_init(&world);
    options.idle_ms = IDLE_MS;
    conn_rig_init(&rig, &world, &options, flood, &ready);
    cr_assert_eq(loop_handshake(&rig), 0, "%s", conn_rig_says(&rig));
    while (!atomic_load(&ready))
        pause_ms(1);

    actpass_info(rig.conn, &info);
    uint64_t before = info.received;
    moment.action = action;
    moment.arg = rig.conn;
    moment.calls = 0;
    int64_t got = loop_read(&rig, scratch, sizeof(scratch));
    moment.action = NULL;
    moment.ahead_s = 0;
    actpass_info(rig.conn, &info);
    cr_assert_eq(got, -1);
    cr_assert_geq(moment.calls, CALL, "transport %d: the flood did not come", transport);
    cr_assert_eq(actpass_ended(rig.conn), wanted, "transport %d: %s [%s]", transport,
                 actpass_end_name(actpass_ended(rig.conn)), actpass_error(rig.conn));
    cr_assert_leq(info.received - before, NOTICED_WITHIN, "transport %d: %llu bytes later",
                  transport, (unsigned long long)(info.received - before));
    conn_rig_free(&rig);
    conn_world_free(&world);
}

Test(conn_flood, an_abort_ends_a_read, .timeout = 60)
{
    read_in_a_flood(ACTPASS_TRANSPORT_RELAY, abort_now, ACTPASS_CANCELLED);
    read_in_a_flood(ACTPASS_TRANSPORT_DIRECT, abort_now, ACTPASS_CANCELLED);
}

Test(conn_flood, a_read_keeps_its_deadline, .timeout = 60)
{
    read_in_a_flood(ACTPASS_TRANSPORT_RELAY, let_the_deadline_pass, ACTPASS_TIMEOUT);
    read_in_a_flood(ACTPASS_TRANSPORT_DIRECT, let_the_deadline_pass, ACTPASS_TIMEOUT);
}
