/* The peer's stream ends at every byte of a short conversation, in order (FIN) or not (RST): never
 * CLEAN, never a hang (hazard 19). Under a sanitizer at fewer bytes (share.h). */
#include "tests/support/conn_rig.h"
#include "tests/support/resources.h"
#include "tests/support/share.h"

#include <criterion/criterion.h>
#include <string.h>

enum { SIZE = 10 };

TestSuite(conn_cut, .timeout = 100);

/* Says something, hears it back, and ends. */
static void talk(struct socket_peer *peer, void *arg)
{
    char text[SIZE];
    uint64_t *sent = arg;
    if (socket_peer_handshake(peer) && socket_peer_write(peer, "0123456789", SIZE) &&
        socket_peer_read_all(peer, text, SIZE) && socket_peer_end_in_order(peer))
        *sent = peer->sent;
}

/* Our side of it, as far as it comes. */
static actpass_end converse(actpass_conn *conn)
{
    char text[SIZE];
    size_t have = 0;
    if (actpass_handshake(conn) == 0) {
        int64_t got = 1;
        while (have < SIZE && got > 0) {
            got = actpass_read(conn, text + have, SIZE - have);
            have += got > 0 ? (size_t)got : 0;
        }
        if (have == SIZE && memcmp(text, "0123456789", SIZE) == 0 &&
            actpass_write(conn, text, SIZE) == 0)
            (void)actpass_read(conn, text, 1);
    }
    return actpass_close(conn);
}

static actpass_end run(const struct conn_world *world, const struct conn_rig_options *options,
                       uint64_t *sent, char says[200])
{
    struct conn_rig rig;
    conn_rig_init(&rig, world, options, talk, sent);
    actpass_end end = converse(rig.conn);
    snprintf(says, 200, "%s", actpass_error(rig.conn));
    conn_rig_free(&rig);
    return end;
}

struct variety {
    actpass_transport transport;
    bool automatic; /* the role is decided at run time */
    bool by_reset;
    unsigned stride;
};

static void cut_everywhere(const struct variety *variety, bool server, int version)
{
    struct conn_world world;
    char says[200];
    conn_world_init(&world);
    struct conn_rig_options options =
        conn_defaults(conn_roles[server], version, variety->transport);
    if (variety->automatic) {
        options.role = ACTPASS_ROLE_AUTO;
        options.initial_data_ms = server ? 10000 : 0;
    }
    options.config = conn_config(&world, &options);
    uint64_t whole = 0;
    actpass_end end = run(&world, &options, &whole, says);
    cr_assert_eq(end, ACTPASS_CLEAN, "uncut: %s: %s", actpass_end_name(end), says);
    cr_assert_gt(whole, 300);
    options.peer.cuts = true;
    options.peer.cut_by_reset = variety->by_reset;
    for (uint64_t at = 0; at < whole; at += (uint64_t)variety->stride * TEST_SHARE) {
        options.peer.cut_after = at;
        uint64_t uncut = 0; /* signatures and tickets vary in length by a few bytes */
        end = run(&world, &options, &uncut, says);
        bool good = end == ACTPASS_TRUNCATED || (variety->by_reset && end == ACTPASS_RESET) ||
                    (end == ACTPASS_UNUSED && at == 0) ||
                    (end == ACTPASS_CLEAN && uncut && at + 16 > whole);
        cr_assert(good, "%s after %llu of %llu bytes, we are %s, TLS 1.%d, transport %d: %s: %s",
                  variety->by_reset ? "RST" : "FIN", (unsigned long long)at,
                  (unsigned long long)whole, server ? "server" : "client", version + 2,
                  variety->transport, actpass_end_name(end), says);
    }
    actpass_config_free(options.config);
    conn_world_free(&world);
}

static void cut_all(struct variety variety)
{
    struct resources before = resources_now();
    for (int which = 0; which < 4; which++)
        cut_everywhere(&variety, which & 1, which >> 1);
    cr_assert(resources_return_to(before));
}

Test(conn_cut, hazard_19_fin_at_every_byte)
{
    cut_all((struct variety){.transport = ACTPASS_TRANSPORT_RELAY, .stride = 1});
}

Test(conn_cut, hazard_19_fin_at_every_third_byte_direct)
{
    cut_all((struct variety){.transport = ACTPASS_TRANSPORT_DIRECT, .stride = 3});
}

Test(conn_cut, hazard_19_fin_with_the_role_found)
{
    cut_all((struct variety){.transport = ACTPASS_TRANSPORT_RELAY, .automatic = true, .stride = 5});
}

Test(conn_cut, reset_at_every_third_byte)
{
    cut_all((struct variety){.transport = ACTPASS_TRANSPORT_RELAY, .by_reset = true, .stride = 3});
}

Test(conn_cut, reset_at_every_third_byte_direct)
{
    cut_all((struct variety){.transport = ACTPASS_TRANSPORT_DIRECT, .by_reset = true, .stride = 3});
}
