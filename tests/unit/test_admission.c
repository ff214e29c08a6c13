#include "server/daemon/admission.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static struct peer_key peer(const char *text)
{
    struct peer_key key;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    bool is_v4 = inet_pton(AF_INET, text, &v4.sin_addr) == 1;
    cr_assert(is_v4 || inet_pton(AF_INET6, text, &v6.sin6_addr) == 1, "%s", text);
    cr_assert(peer_key_of(is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, &key));
    return key;
}

static struct config_network network(const char *text, unsigned prefix)
{
    struct config_network made = {.family = strchr(text, ':') ? AF_INET6 : AF_INET,
                                  .prefix = prefix};
    cr_assert_eq(inet_pton(made.family, text, made.address), 1);
    return made;
}

static bool allows(const struct config_limits *limits, const char *text)
{
    struct peer_key key = peer(text);
    return admission_allows(limits, &key);
}

Test(admission, the_longest_prefix_counts)
{
    struct config_network allow[] = {network("10.1.0.0", 16), network("10.1.2.3", 32),
                                     network("2001:db8::", 32)};
    struct config_network deny[] = {network("10.0.0.0", 8), network("10.1.2.0", 24),
                                    network("2001:db8:1::", 48), network("10.1.0.0", 16)};
    struct config_limits none = {0};
    struct config_limits both = {.allow = allow, .allow_count = 3, .deny = deny, .deny_count = 3};
    struct config_limits only_deny = {.deny = deny, .deny_count = 3};
    struct config_limits equal = {.allow = allow, .allow_count = 1, .deny = deny, .deny_count = 4};
    cr_assert(allows(&none, "10.0.0.1"));
    cr_assert(allows(&both, "10.1.1.1"));
    cr_assert(allows(&both, "::ffff:10.1.1.1"), "IPv4-mapped is IPv4");
    cr_assert_not(allows(&both, "10.2.1.1"));
    cr_assert_not(allows(&both, "10.1.2.4"));
    cr_assert(allows(&both, "10.1.2.3"));
    cr_assert(allows(&both, "2001:db8:2::1"));
    cr_assert_not(allows(&both, "2001:db8:1::1"));
    cr_assert_not(allows(&both, "192.0.2.1"), "in neither, and there is an allow");
    cr_assert(allows(&only_deny, "192.0.2.1"));
    cr_assert_not(allows(&only_deny, "10.9.9.9"));
    cr_assert_not(allows(&equal, "10.1.9.9"), "deny wins a tie");
}

Test(admission, rates_have_a_burst_and_fill_again)
{
    enum { S = 1000000 };
    struct rates *rates = rates_new(3);
    struct peer_key one = peer("192.0.2.1");
    struct peer_key two = peer("192.0.2.2");
    for (int i = 0; i < 3; i++)
        cr_assert(rates_take(rates, &one, S));
    cr_assert_not(rates_take(rates, &one, S));
    cr_assert(rates_take(rates, &two, S), "each address has its own");
    cr_assert_not(rates_take(rates, &one, S + S / 3 - 10));
    cr_assert(rates_take(rates, &one, S + S / 3 + 10));
    cr_assert_not(rates_take(rates, &one, S + S / 3 + 10));
    for (int i = 0; i < 3; i++)
        cr_assert(rates_take(rates, &one, 10 * S), "full again, and not fuller");
    cr_assert_not(rates_take(rates, &one, 10 * S));
    rates_free(rates);
    rates_free(NULL);
}

/* A listener that accepts whatever it may: never more than the rate in any second, and not much
 * less. */
Test(admission, the_rate_of_all_holds_in_any_second)
{
    static const uint64_t limits[] = {1, 2, 9, 19, 20, 100, 101, 999, 5000};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        enum { SECONDS = 10 };
        struct rate rate = admission_rate(limits[i]);
        size_t count = 0;
        size_t first = 0;
        int64_t full_us = 0;
        int64_t *times = calloc(limits[i] * (SECONDS + 1), sizeof(*times));
        cr_assert(times);
        for (int64_t now_us = 1000000; now_us < (SECONDS + 1) * 1000000;
             now_us = rate_next_us(&rate, full_us, now_us)) {
            cr_assert(rate_take(&rate, &full_us, now_us));
            times[count++] = now_us;
            while (times[first] <= now_us - 1000000)
                first++;
            cr_assert_leq(count - first, limits[i], "limit %d", (int)limits[i]);
        }
        cr_assert_geq(count * 10, limits[i] * SECONDS * 8, "limit %d", (int)limits[i]);
        free(times);
    }
    cr_assert_eq(admission_rate(0).burst, 0);
}

Test(admission, addresses_are_cut)
{
    static const struct {
        const char *text;
        unsigned ipv4, ipv6;
        const char *same, *other;
    } rows[] = {{"192.0.2.1", 32, 64, "192.0.2.1", "192.0.2.2"},
                {"::ffff:192.0.2.1", 32, 64, "192.0.2.1", "192.0.2.2"},
                {"192.0.2.1", 24, 64, "192.0.2.200", "192.0.3.1"},
                {"2001:db8::1", 32, 64, "2001:db8::ffff:0:0:1", "2001:db8:0:1::1"},
                {"2001:db8::1", 32, 57, "2001:db8:0:7f::1", "2001:db8:0:80::1"},
                {"2001:db8::1", 32, 128, "2001:db8::1", "2001:db8::2"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct peer_key key = peer(rows[i].text);
        struct peer_key same = peer(rows[i].same);
        struct peer_key other = peer(rows[i].other);
        peer_key_cut(&key, rows[i].ipv4, rows[i].ipv6);
        peer_key_cut(&same, rows[i].ipv4, rows[i].ipv6);
        peer_key_cut(&other, rows[i].ipv4, rows[i].ipv6);
        cr_assert_arr_eq(key.address, same.address, 16, "%s", rows[i].text);
        cr_assert_neq(memcmp(key.address, other.address, 16), 0, "%s", rows[i].text);
    }
}
