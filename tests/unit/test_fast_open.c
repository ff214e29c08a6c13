#include "relay/clock.h"
#include "server/lib/fast_open.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static struct candidate tcp_candidate(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    struct candidate candidate = {.size = sizeof(address)};
    memcpy(&candidate.address, &address, sizeof(address));
    return candidate;
}

Test(fast_open, an_unfit_address_is_left_alone_for_an_hour)
{
    struct peers *unfit = peers_new(16);
    struct candidate one = tcp_candidate(443);
    struct candidate other = tcp_candidate(444);
    cr_assert(fast_open_is_fit(unfit, &one));
    fast_open_note_unfit(unfit, &one);
    cr_assert_not(fast_open_is_fit(unfit, &one));
    cr_assert(fast_open_is_fit(unfit, &other), "the port tells them apart");
    struct peer_key key;
    cr_assert(peer_key_with_port((struct sockaddr *)&one.address, &key));
    int64_t left_us = peers_get(unfit, &key) - clock_now_us();
    cr_assert(left_us > INT64_C(3500000000) && left_us <= INT64_C(3600000000), "%lld",
              (long long)left_us);
    peers_set(unfit, &key, clock_now_us() - 1);
    cr_assert(fast_open_is_fit(unfit, &one), "the hour is over");
    peers_free(unfit);
}

Test(fast_open, is_for_tcp)
{
    struct peers *unfit = peers_new(16);
    struct candidate path = {.size = sizeof(struct sockaddr_un)};
    path.address.ss_family = AF_UNIX;
    cr_assert_not(fast_open_is_fit(unfit, &path));
    fast_open_note_unfit(unfit, &path);
    peers_free(unfit);
}
