#include "tests/support/conn_suite.h"

#include "tests/support/share.h"

#include <criterion/criterion.h>

const actpass_transport conn_transports[2] = {ACTPASS_TRANSPORT_RELAY, ACTPASS_TRANSPORT_DIRECT};

void conn_suite_begin(struct conn_suite *suite)
{
    suite->before = resources_now();
    conn_world_init(&suite->world);
}

void conn_suite_end(struct conn_suite *suite)
{
    conn_world_free(&suite->world);
    cr_assert(resources_return_to(suite->before));
}

struct conn_rig_options conn_way(int which)
{
    struct conn_rig_options options =
        conn_defaults(conn_roles[which & 1], which >> 1 & 1, conn_transports[which >> 2 & 1]);
    if (which & 8)
        options.loop = LOOP_POLL + which % (CONN_LOOPS - 1);
    return options;
}

int conn_next_way(int which)
{
    do
        which++;
    while (TEST_SHARE > 1 && which < CONN_WAYS &&
           ((which ^ which >> 1 ^ which >> 2 ^ which >> 3) & 1) != 0);
    return which;
}

void conn_must_end(struct conn_rig *rig, actpass_end want, int which)
{
    actpass_end end = loop_close(rig);
    cr_assert_eq(end, want, "way %d: %s instead of %s: %s", which, actpass_end_name(end),
                 actpass_end_name(want), conn_rig_says(rig));
}

bool conn_shakes_hands(struct conn_rig *rig)
{
    return loop_handshake(rig) == 0;
}

void conn_must_be_good(bool good, struct conn_rig *rig, int which)
{
    socket_peer_join(rig->peer);
    cr_assert(good && !rig->peer->failure[0], "way %d: %s", which, conn_rig_says(rig));
}
