/* The table of sessions that we may resume as client. */
#include "server/lib/sessions/clients.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <string.h>

static struct clients *clients;

static void set_up(void)
{
    clients = clients_new();
}

static void tear_down(void)
{
    clients_free(clients);
}

TestSuite(sessions_clients, .init = set_up, .fini = tear_down);

static struct store_key key_of(unsigned number)
{
    struct store_key key = {{0}};
    memcpy(key.bytes, &number, sizeof(number));
    return key;
}

static void put(unsigned peer, char content, bool once)
{
    struct store_key key = key_of(peer);
    clients_put(clients, &key, &content, 1, once, 60);
}

/* 0: there is none. */
static char take(unsigned peer)
{
    char buffer[STORE_RECORD] = "";
    struct store_key key = key_of(peer);
    (void)clients_take(clients, &key, buffer);
    return buffer[0];
}

Test(sessions_clients, tickets_are_used_once_newest_first)
{
    put(1, 'a', true);
    put(1, 'b', true);
    put(2, 'c', true);
    cr_assert_eq(take(1), 'b');
    cr_assert_eq(take(1), 'a');
    cr_assert_eq(take(1), 0);
    cr_assert_eq(take(2), 'c');
    cr_assert_eq(take(2), 0);
}

Test(sessions_clients, sessions_are_used_again)
{
    put(1, 'a', false);
    cr_assert_eq(take(1), 'a');
    cr_assert_eq(take(1), 'a');
    put(1, 'b', false);
    cr_assert_eq(take(1), 'b');
    put(1, 'c', true);
    cr_assert_eq(take(1), 'c');
    cr_assert_eq(take(1), 'b');
}

Test(sessions_clients, a_peer_has_few_tickets)
{
    static const char letters[] = "abcdefghij";
    for (size_t i = 0; i < 10; i++)
        put(1, letters[i], true);
    for (size_t i = 0; i < CLIENTS_MAX_TICKETS; i++)
        cr_assert_eq(take(1), letters[9 - i]);
    cr_assert_eq(take(1), 0);
}

Test(sessions_clients, the_oldest_go_first)
{
    for (unsigned i = 0; i < CLIENTS_MAX + 10; i++)
        put(i, 'x', false);
    for (unsigned i = 0; i < CLIENTS_MAX + 10; i++)
        cr_assert_eq(take(i), i < 10 ? 0 : 'x', "peer %u", i);
}

Test(sessions_clients, forgotten)
{
    struct store_key key = key_of(1);
    put(1, 'a', true);
    put(1, 'b', true);
    put(2, 'c', false);
    clients_forget(clients, &key);
    cr_assert_eq(take(1), 0);
    cr_assert_eq(take(2), 'c');
}

Test(sessions_clients, expires)
{
    char buffer[STORE_RECORD];
    struct store_key key = key_of(1);
    clients_put(clients, &key, "a", 1, false, 1);
    clients_put(clients, &key, "b", 1, true, 0);
    cr_assert_eq(take(1), 'a');
    for (int i = 0; i < 1000 && clients_take(clients, &key, buffer); i++)
        pause_ms(10);
    cr_assert_eq(take(1), 0);
}

Test(sessions_clients, too_large)
{
    static const char large[STORE_RECORD + 1];
    struct store_key key = key_of(1);
    clients_put(clients, &key, large, sizeof(large), true, 60);
    cr_assert_eq(take(1), 0);
}
