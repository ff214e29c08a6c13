/* Every byte arrives whole and in order, whatever the sizes of rings and system calls, the role,
 * the version, and which thread runs the I/O loop. */
#include "tests/support/drivers.h"
#include "tests/support/resources.h"
#include "tests/support/rig.h"
#include "tests/support/share.h"

#include <criterion/criterion.h>

static const size_t rings[] = {1, 2, 7, 17, 100, 0};
static const size_t caps[] = {0, 1, 3};
enum { RINGS = 6, CAPS = 3 };

/* What both sides send and receive. */
struct talk {
    struct socket_peer_plan ours, theirs;
};

static struct talk talk_of(uint64_t send, uint64_t receive)
{
    struct talk talk = {
        .ours = {.send = send, .receive = receive, .send_seed = 1, .receive_seed = 2},
        .theirs = {.send = receive, .receive = send, .send_seed = 2, .receive_seed = 1}};
    return talk;
}

static void converse(struct socket_peer *peer, void *arg)
{
    const struct talk *talk = arg;
    if (socket_peer_handshake(peer) && socket_peer_exchange(peer, &talk->theirs))
        (void)socket_peer_end_in_order(peer);
}

static void run(struct rig_world *world, const struct rig_options *options, struct talk talk,
                const char *what)
{
    struct rig rig;
    rig_init(&rig, world, options, converse, &talk);
    bool good = rig_handshake(&rig) && rig_exchange(&rig, &talk.ours) && rig_end_in_order(&rig);
    socket_peer_join(rig.peer);
    const struct relay_options *relay = &options->relay;
    cr_assert(good && !rig.peer->failure[0],
              "%s: ring %zu, cap %zu, role %s, TLS 1.%d, driver %d, transport %d, %s: %s; peer: %s",
              what, relay->inbound_size, relay->hooks ? relay->hooks->io_cap : 0,
              role_name(relay->role), options->version + 2, (int)driver_of(relay->hooks),
              relay->transport, options->blocking ? "blocking" : "waiting", rig.failure,
              rig.peer->failure);
    rig_free(&rig);
}

/* A few bytes through tiny rings cost as much as many through large ones. */
static uint64_t amount(size_t ring, size_t cap)
{
    if (cap || (ring && ring < 17))
        return TEST_ROUNDS(700);
    return ring ? TEST_ROUNDS(5000) : TEST_ROUNDS(300000);
}

/* The random driver is slow, and so are the others under a sanitizer: they get a third of the rings
 * and caps. */
static bool thinned(enum relay_driver driver, size_t ring, size_t cap)
{
    return (driver == DRIVER_RANDOM || TEST_SHARE > 1) && (ring + cap) % 3 != 0;
}

/* All rings and caps in both roles and versions. */
static void product(const struct relay_way *way, bool blocking)
{
    struct resources before = resources_now();
    struct rig_world world;
    rig_world_init(&world);
    for (size_t ring = 0; ring < RINGS; ring++)
        for (size_t cap = 0; cap < CAPS; cap++)
            for (int which = 0; which < 4 && !thinned(way->driver, ring, cap); which++) {
                struct rig_options options =
                    rig_defaults(which & 1 ? ROLE_SERVER : ROLE_CLIENT, which >> 1);
                options.relay.transport = way->transport;
                options.relay.hooks = driver_hooks(way->driver, caps[cap]);
                options.relay.inbound_size = options.relay.outbound_size = rings[ring];
                options.blocking = blocking;
                uint64_t size = amount(rings[ring], caps[cap]);
                run(&world, &options, talk_of(size, size), "product");
            }
    rig_world_free(&world);
    cr_assert(resources_return_to(before));
}

Test(relay_rings, auto_driver_blocking, .timeout = 200)
{
    product(&relay_ways[WAY_AUTO], true);
}

Test(relay_rings, auto_driver_waiting, .timeout = 200)
{
    product(&relay_ways[WAY_AUTO], false);
}

Test(relay_rings, relay_driver_blocking, .timeout = 200)
{
    product(&relay_ways[WAY_RELAY], true);
}

Test(relay_rings, relay_driver_waiting, .timeout = 200)
{
    product(&relay_ways[WAY_RELAY], false);
}

Test(relay_rings, conversation_driver_blocking, .timeout = 200)
{
    product(&relay_ways[WAY_CONVERSATION], true);
}

Test(relay_rings, conversation_driver_waiting, .timeout = 200)
{
    product(&relay_ways[WAY_CONVERSATION], false);
}

Test(relay_rings, random_driver_blocking, .timeout = 200)
{
    product(&relay_ways[WAY_RANDOM], true);
}

Test(relay_rings, random_driver_waiting, .timeout = 200)
{
    product(&relay_ways[WAY_RANDOM], false);
}
