#include "server/lib/peers.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/un.h>

static struct peer_key key_number(uint32_t number)
{
    struct peer_key key;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(number), .sin_port = htons(443)};
    cr_assert(peer_key_of((struct sockaddr *)&address, &key));
    return key;
}

Test(peers, remembers_and_forgets)
{
    struct peers *peers = peers_new(100);
    struct peer_key one = key_number(1);
    struct peer_key two = key_number(2);
    cr_assert_eq(peers_get(peers, &one), 0);
    peers_set(peers, &one, 7);
    peers_set(peers, &two, -8);
    peers_set(peers, &one, 9);
    cr_assert_eq(peers_get(peers, &one), 9);
    cr_assert_eq(peers_get(peers, &two), -8);
    peers_set(peers, &one, 0);
    cr_assert_eq(peers_get(peers, &one), 0);
    cr_assert_eq(peers_get(peers, &two), -8);
    peers_free(peers);
}

Test(peers, is_bounded_and_keeps_who_is_in_use)
{
    enum { MAX_PEERS = 64, MANY = 20000 };
    struct peers *peers = peers_new(MAX_PEERS);
    struct peer_key favourite = key_number(MANY + 1);
    peers_set(peers, &favourite, 1);
    for (uint32_t i = 1; i <= MANY; i++) {
        struct peer_key key = key_number(i);
        peers_set(peers, &key, 1);
        cr_assert_eq(peers_get(peers, &favourite), 1, "after %u others", i);
        cr_assert_eq(peers_get(peers, &key), 1, "%u", i);
    }
    int64_t kept = 0;
    for (uint32_t i = 1; i <= MANY; i++) {
        struct peer_key key = key_number(i);
        kept += peers_get(peers, &key);
    }
    cr_assert_leq(kept, MAX_PEERS);
    cr_assert_geq(kept, MAX_PEERS / 2, "the table should fill: %lld", (long long)kept);
    peers_free(peers);
}

Test(peers, keys)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(443)};
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(443)};
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct peer_key a, b;
    cr_assert_eq(inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr), 1);
    cr_assert_eq(inet_pton(AF_INET6, "::ffff:192.0.2.1", &mapped.sin6_addr), 1);
    cr_assert(peer_key_with_port((struct sockaddr *)&v4, &a));
    cr_assert(peer_key_with_port((struct sockaddr *)&mapped, &b));
    cr_assert_eq(memcmp(a.address, b.address, sizeof(a.address)), 0, "mapped is the same peer");
    cr_assert_eq(a.port, 443);
    cr_assert_eq(b.port, 443);
    cr_assert(peer_key_of((struct sockaddr *)&v4, &b));
    cr_assert_eq(b.port, 0);
    cr_assert_not(peer_key_with_port((struct sockaddr *)&path, &a));
}

Test(peers, ports_tell_apart)
{
    struct peers *peers = peers_new(16);
    struct peer_key one = key_number(5);
    struct peer_key other = one;
    other.port = 443;
    peers_set(peers, &one, 3);
    cr_assert_eq(peers_get(peers, &other), 0);
    peers_free(peers);
}

static void *use(void *arg)
{
    for (uint32_t i = 1; i < 3000; i++) {
        struct peer_key key = key_number(i % 50);
        peers_set(arg, &key, i % 7);
        cr_assert(peers_get(arg, &key) < 7);
    }
    return NULL;
}

Test(peers, any_thread)
{
    struct peers *peers = peers_new(32);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, use, peers), 0);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    peers_free(peers);
    peers_free(NULL);
}
