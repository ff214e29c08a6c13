/* Who makes way for others, and which address a connection counts for. */
#include "tests/unit/test_registry.h"

TestSuite(registry_way, .init = scene_begin, .fini = scene_end);

static const int64_t HOUR_US = 3600000000;

/* Whose turn it is, and that each is given its time. */
Test(registry_way, who_is_not_established_makes_way)
{
    struct peer_key address = {.address = {[15] = 1}};
    struct registry_entry entries[2] = {{.service = services[1]}, {.service = services[1]}};
    for (size_t i = 0; i < 2; i++) {
        cr_assert(registry_add_from(registry, &entries[i], &address));
        registry_attach(registry, &entries[i], open_conn());
        entries[i].from.since_us += HOUR_US; /* however long this test takes */
    }
    cr_assert_eq(registry_open_from(registry, services[1], &address), 2);
    cr_assert_eq(registry_make_way(registry, services[0], 0), INT64_MAX,
                 "another service has none");
    cr_assert_eq(registry_make_way(registry, services[1], 2), INT64_MAX, "no more than it may");
    int64_t again_us = registry_make_way(registry, services[1], 0);
    cr_assert_eq(again_us, entries[0].from.since_us + WAY_SILENT_US);
    registry_decided(registry, &entries[0]);
    cr_assert_eq(registry_make_way(registry, services[1], 0),
                 entries[0].from.since_us + WAY_HANDSHAKE_US);
    entries[0].from.since_us = 0; /* long ago */
    cr_assert_eq(registry_make_way(registry, services[1], 0), 0);
    cr_assert(registry_made_way(registry, &entries[0]));
    cr_assert_eq(registry_count_service(registry, services[1]).leaving, 1);
    cr_assert_eq(registry_count_service(registry, services[1]).all, 2,
                 "it counts until it has gone");
    registry_established(registry, &entries[1]);
    cr_assert_eq(registry_make_way(registry, services[1], 0), INT64_MAX,
                 "who is established stays");
    cr_assert(was_aborted(entries[0].conn));
    remove_all(entries, 2);
    cr_assert_eq(registry_count_service(registry, services[1]).leaving, 0);
    cr_assert_eq(registry_open_from(registry, services[1], &address), 0);
}

static struct peer_key key_of(uint8_t last)
{
    struct peer_key key = {.address = {[10] = 0xff, [11] = 0xff, [12] = 192, [15] = last}};
    return key;
}

/* A socket without a connection is aborted as one with a connection: its task looks for that. */
Test(registry_way, in_its_preface_it_makes_way_and_is_aborted)
{
    struct registry_entry entries[3] = {{0}};
    for (size_t i = 0; i < 3; i++) {
        struct peer_key key = key_of(i == 0 ? 1 : 2);
        entries[i].service = services[0];
        cr_assert(registry_add_from(registry, &entries[i], &key));
        registry_enter_preface(registry, &entries[i], NULL);
        entries[i].from.since_us = 0; /* long ago */
    }
    cr_assert_eq(registry_open(registry), 3);
    cr_assert_eq(registry_make_way(registry, services[0], 1), 0);
    cr_assert(!registry_is_cancelled(registry, &entries[0]));
    cr_assert(registry_is_cancelled(registry, &entries[1]));
    cr_assert(registry_made_way(registry, &entries[1]));
    cr_assert_eq(registry_abort_all(registry), 3);
    actpass_conn *conn = open_conn();
    registry_attach(registry, &entries[0], conn); /* too late */
    cr_assert(was_aborted(conn));
    remove_all(entries, 3);
}

Test(registry_way, counts_for_another_address)
{
    struct registry_entry entries[3] = {{0}};
    struct peer_key proxy = key_of(1);
    struct peer_key client = key_of(2);
    for (size_t i = 0; i < 3; i++) {
        entries[i].service = services[0];
        cr_assert(registry_add_from(registry, &entries[i], &proxy));
    }
    cr_assert_eq(registry_move(registry, &entries[0], &client, 2), REGISTRY_MOVED);
    registry_established(registry, &entries[1]);
    cr_assert_eq(registry_move(registry, &entries[1], &client, 2), REGISTRY_MOVED);
    cr_assert(entries[0].from.undecided && !entries[1].from.undecided);
    cr_assert_eq(registry_open_from(registry, services[0], &client), 2);
    cr_assert_eq(registry_open_from(registry, services[0], &proxy), 1);
    cr_assert_eq(registry_move(registry, &entries[1], &client, 2), REGISTRY_MOVED); /* itself */
    cr_assert_eq(registry_move(registry, &entries[2], &client, 2), REGISTRY_TOO_MANY);
    cr_assert_eq(registry_open_from(registry, services[0], &proxy), 0);
    cr_assert_eq(registry_count_service(registry, services[0]).all, 3);
    remove_all(entries, 3);
    cr_assert_eq(registry_open_from(registry, services[0], &client), 0);
}
