#include "server/daemon/throttle.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { KIND = 1, OTHER_KIND = 2 };

static int admitted(struct throttle *throttle, const char *peer, uint16_t kind, int tries)
{
    int count = 0;
    for (int i = 0; i < tries; i++)
        count += throttle_take(throttle, peer, kind);
    return count;
}

/* A little time may pass meanwhile, which earns a line or two. */
static void assert_burst(int count, int burst)
{
    cr_assert_geq(count, burst);
    cr_assert_leq(count, burst + burst / 2);
}

Test(throttle, an_address_has_a_burst_of_each_kind)
{
    struct throttle *throttle = throttle_new();
    assert_burst(admitted(throttle, "192.0.2.1:1", KIND, 1000), 20);
    assert_burst(admitted(throttle, "192.0.2.1:1", OTHER_KIND, 1000), 20);
    assert_burst(admitted(throttle, "192.0.2.2:1", KIND, 1000), 20);
    throttle_free(throttle);
}

Test(throttle, a_new_port_is_no_new_address)
{
    struct throttle *throttle = throttle_new();
    int count = 0;
    for (int port = 1; port < 1000; port++) {
        char peer[64];
        (void)snprintf(peer, sizeof(peer), "192.0.2.1:%d", port);
        count += throttle_take(throttle, peer, KIND);
    }
    assert_burst(count, 20);
    throttle_free(throttle);
}

Test(throttle, an_ipv6_network_is_one_address)
{
    struct throttle *throttle = throttle_new();
    int count = 0;
    for (int host = 1; host < 1000; host++) {
        char peer[64];
        (void)snprintf(peer, sizeof(peer), "[2001:db8::%x]:443", (unsigned)host);
        count += throttle_take(throttle, peer, KIND);
    }
    assert_burst(count, 20);
    assert_burst(admitted(throttle, "[2001:db8:0:1::1]:443", KIND, 1000), 20);
    throttle_free(throttle);
}

Test(throttle, all_addresses_together_have_a_burst)
{
    struct throttle *throttle = throttle_new();
    int count = 0;
    for (int host = 0; host < 5000; host++) {
        char peer[64];
        (void)snprintf(peer, sizeof(peer), "10.0.%d.%d:1", host / 250, host % 250);
        count += throttle_take(throttle, peer, KIND);
    }
    cr_assert_geq(count, 200);
    cr_assert_leq(count, 400);
    throttle_free(throttle);
}

Test(throttle, what_has_no_address_is_one)
{
    struct throttle *throttle = throttle_new();
    assert_burst(admitted(throttle, "unix", KIND, 1000), 20);
    assert_burst(admitted(throttle, "", OTHER_KIND, 1000), 20);
    assert_burst(admitted(throttle, "[", 3, 1000), 20);
    throttle_free(throttle);
}

Test(throttle, suppressed_lines_are_said_once)
{
    struct throttle *throttle = throttle_new();
    cr_assert_eq(throttle_take_suppressed(throttle), 0);
    throttle_note_suppressed(throttle);
    throttle_note_suppressed(throttle);
    cr_assert_eq(throttle_take_suppressed(throttle), 2);
    cr_assert_eq(throttle_take_suppressed(throttle), 0);
    throttle_free(throttle);
}
