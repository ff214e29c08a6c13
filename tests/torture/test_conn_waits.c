/* Every blocking call ends when the connection is aborted from another thread, at its deadline, and
 * when the peer resets, each with exactly its own end. */
#include "relay/clock.h"
#include "tests/support/conn_suite.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

TestSuite(conn_waits, .timeout = 120);

enum { SOON_MS = 30 };
enum event { ABORT, DEADLINE, RESET };

/* How far the peer has come. It resets the connection once `reset` is set. */
struct scene {
    void (*prelude)(struct socket_peer *peer);
    atomic_bool reset, ready;
};

static void play(struct socket_peer *peer, void *arg)
{
    struct scene *scene = arg;
    if (scene->prelude)
        scene->prelude(peer);
    atomic_store(&scene->ready, true);
    while (!atomic_load(&scene->reset) && clock_now_us() < peer->deadline_us)
        pause_ms(1);
    if (atomic_load(&scene->reset))
        socket_peer_reset(peer);
}

static void shake_hands(struct socket_peer *peer)
{
    (void)socket_peer_handshake(peer);
}

static void send_half_a_hello(struct socket_peer *peer)
{
    (void)socket_peer_send_raw(peer, "\x16\x03\x01\x01\x00\x01", 6);
}

/* ---- The calls ------------------------------------------------------------------------------- */

/* Each blocks on a peer that does no more; false is what every one of them should come to. */
static bool call_handshake(struct conn_rig *rig)
{
    return loop_handshake(rig) == 0;
}

static bool call_read(struct conn_rig *rig)
{
    char byte;
    return loop_read(rig, &byte, 1) >= 0;
}

static bool call_write(struct conn_rig *rig)
{
    static const char block[1 << 20];
    int result = 0;
    for (int i = 0; i < 64 && result == 0; i++)
        result = loop_write(rig, block, sizeof(block));
    return result == 0;
}

/* With the output stuck, so that close_notify cannot leave. */
static bool call_close(struct conn_rig *rig)
{
    (void)call_write(rig);
    return loop_close(rig) == ACTPASS_CLEAN;
}

/* Close_notify leaves, and no answer comes. */
static bool call_close_quietly(struct conn_rig *rig)
{
    return loop_close(rig) == ACTPASS_CLEAN;
}

static bool call_shutdown_then_read(struct conn_rig *rig)
{
    return loop_shutdown_write(rig) == 0 && call_read(rig);
}

static bool call_ssl_read(struct conn_rig *rig)
{
    char byte;
    errno = 0;
    return SSL_read(actpass_ssl(rig->conn), &byte, 1) > 0;
}

static bool call_ssl_write(struct conn_rig *rig)
{
    static const char block[1 << 20];
    int put = 1;
    for (int i = 0; i < 64 && put > 0; i++)
        put = SSL_write(actpass_ssl(rig->conn), block, sizeof(block));
    return put > 0;
}

static bool call_ssl_shutdown(struct conn_rig *rig)
{
    SSL *ssl = actpass_ssl(rig->conn);
    return SSL_shutdown(ssl) < 0 || SSL_shutdown(ssl) == 1;
}

struct call {
    const char *name;
    bool (*make)(struct conn_rig *rig);
    void (*prelude)(struct socket_peer *peer);
    bool automatic; /* the role is not known */
    bool up;        /* the handshake comes before it */
    bool openssl;   /* a call of OpenSSL's, which waits only if calls block */
};

static const struct call calls[] = {
    {"handshake, before the verdict", call_handshake, NULL, true, false, false},
    {"handshake, half a hello", call_handshake, send_half_a_hello, true, false, false},
    {"handshake", call_handshake, NULL, false, false, false},
    {"handshake, half a flight", call_handshake, send_half_a_hello, false, false, false},
    {"read", call_read, shake_hands, false, true, false},
    {"write", call_write, shake_hands, false, true, false},
    {"close, output stuck", call_close, shake_hands, false, true, false},
    {"close, no answer", call_close_quietly, shake_hands, false, true, false},
    {"shutdown_write, then read", call_shutdown_then_read, shake_hands, false, true, false},
    {"SSL_read", call_ssl_read, shake_hands, false, true, true},
    {"SSL_write", call_ssl_write, shake_hands, false, true, true},
    {"SSL_shutdown", call_ssl_shutdown, shake_hands, false, true, true},
};

/* Only what ends the call may end it: no deadline, or a far one, where it is to be aborted or
 * reset.
 */
static struct conn_rig_options options_for(const struct call *call, enum event event, bool server,
                                           int version, actpass_transport transport)
{
    struct conn_rig_options options = conn_defaults(conn_roles[server], version, transport);
    if (call->automatic)
        options.role = ACTPASS_ROLE_AUTO;
    int64_t limit_ms = event == DEADLINE ? SOON_MS : 3600000;
    options.initial_data_ms = options.idle_ms = event == DEADLINE ? SOON_MS : ACTPASS_NEVER;
    options.write_ms = options.close_ms = limit_ms;
    options.handshake_ms = call->up ? 10000 : limit_ms;
    return options;
}

struct trigger {
    struct conn_rig *rig;
    struct scene *scene;
    enum event event;
};

static void *act_soon(void *arg)
{
    struct trigger *trigger = arg;
    pause_ms(SOON_MS);
    if (trigger->event == ABORT)
        actpass_abort(trigger->rig->conn);
    if (trigger->event == RESET)
        atomic_store(&trigger->scene->reset, true);
    return NULL;
}

static bool is_expected(enum event event, actpass_end end)
{
    static const actpass_end ends[] = {ACTPASS_CANCELLED, ACTPASS_TIMEOUT, ACTPASS_RESET};
    return end == ends[event];
}

static void run(const struct conn_world *world, const struct call *call, enum event event,
                struct conn_rig_options options)
{
    struct conn_rig rig;
    struct scene scene = {.prelude = call->prelude};
    conn_rig_init(&rig, world, &options, play, &scene);
    cr_assert(!call->up || loop_handshake(&rig) == 0, "%s", conn_rig_says(&rig));
    while (!atomic_load(&scene.ready))
        pause_ms(1);
    struct trigger trigger = {.rig = &rig, .scene = &scene, .event = event};
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, act_soon, &trigger), 0);
    bool succeeded = call->make(&rig);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    actpass_end end = loop_close(&rig);
    atomic_store(&scene.reset, true);
    cr_assert(!succeeded && is_expected(event, end),
              "%s, event %d, the peer is %s, TLS 1.%d, transport %d, loop %d: %s, %s: %s",
              call->name, event, options.peer.server ? "server" : "client", options.version + 2,
              options.transport, options.loop, succeeded ? "success" : "failure",
              actpass_end_name(end), conn_rig_says(&rig));
    cr_assert_gt(strlen(actpass_error(rig.conn)), 0);
    cr_assert_eq(actpass_ended(rig.conn), end);
    char byte;
    cr_assert_eq(loop_read(&rig, &byte, 1), -1);
    cr_assert_eq(loop_write(&rig, "x", 1), -1);
    conn_rig_free(&rig);
}

static void run_all(enum event event, actpass_transport transport)
{
    struct resources before = resources_now();
    struct conn_world world;
    conn_world_init(&world);
    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
        for (int which = 0; which < 4; which = conn_next_way(which)) {
            struct conn_rig_options options =
                options_for(&calls[i], event, which & 1, which >> 1, transport);
            run(&world, &calls[i], event, options);
            options.loop = LOOP_POLL + (i + (size_t)which) % (CONN_LOOPS - 1);
            if (!calls[i].openssl && (i + (size_t)which) % 2 == 0)
                run(&world, &calls[i], event, options);
        }
    conn_world_free(&world);
    cr_assert(resources_return_to(before));
}

Test(conn_waits, abort_wakes_every_call)
{
    run_all(ABORT, ACTPASS_TRANSPORT_RELAY);
}

Test(conn_waits, abort_wakes_every_call_direct)
{
    run_all(ABORT, ACTPASS_TRANSPORT_DIRECT);
}

Test(conn_waits, every_call_has_a_deadline)
{
    run_all(DEADLINE, ACTPASS_TRANSPORT_RELAY);
}

Test(conn_waits, every_call_has_a_deadline_direct)
{
    run_all(DEADLINE, ACTPASS_TRANSPORT_DIRECT);
}

Test(conn_waits, every_call_notices_a_reset)
{
    run_all(RESET, ACTPASS_TRANSPORT_RELAY);
}

Test(conn_waits, every_call_notices_a_reset_direct)
{
    run_all(RESET, ACTPASS_TRANSPORT_DIRECT);
}
