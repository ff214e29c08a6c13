#include "server/daemon/hints.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
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

static struct config_role_hint hint_for(const char *network, unsigned prefix, enum config_role role)
{
    struct config_role_hint hint = {.from = {.prefix = prefix}, .role = role};
    hint.from.family = strchr(network, ':') ? AF_INET6 : AF_INET;
    cr_assert_eq(inet_pton(hint.from.family, network, hint.from.address), 1);
    return hint;
}

Test(hints, the_first_network_that_fits_counts)
{
    struct config_role_hint list[] = {hint_for("10.1.2.128", 25, CONFIG_ROLE_SERVER),
                                      hint_for("10.1.0.0", 16, CONFIG_ROLE_CLIENT),
                                      hint_for("192.0.2.7", 32, CONFIG_ROLE_CLIENT),
                                      hint_for("2001:db8::", 33, CONFIG_ROLE_CLIENT)};
    struct config_service service = {.role_hints = list, .role_hint_count = 4};
    static const struct {
        const char *address;
        actpass_role role;
    } rows[] = {
        {"10.1.2.129", ACTPASS_ROLE_SERVER},       {"10.1.2.127", ACTPASS_ROLE_CLIENT},
        {"10.1.255.255", ACTPASS_ROLE_CLIENT},     {"10.2.0.0", ACTPASS_ROLE_AUTO},
        {"192.0.2.7", ACTPASS_ROLE_CLIENT},        {"192.0.2.6", ACTPASS_ROLE_AUTO},
        {"::ffff:192.0.2.7", ACTPASS_ROLE_CLIENT}, {"2001:db8:7fff::1", ACTPASS_ROLE_CLIENT},
        {"2001:db8:8000::1", ACTPASS_ROLE_AUTO},   {"::1", ACTPASS_ROLE_AUTO}};
    cr_assert(hints_used(&service));
    struct hints *hints = hints_new(&service);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct peer_key key = peer(rows[i].address);
        cr_assert_eq(hints_of(hints, &key).role, rows[i].role, "%s", rows[i].address);
        cr_assert_eq(hints_of(hints, &key).max_wait_ms, 0, "%s", rows[i].address);
    }
    hints_free(hints);
}

Test(hints, a_network_of_no_bits_is_everybody_of_its_family)
{
    struct config_role_hint all = hint_for("0.0.0.0", 0, CONFIG_ROLE_CLIENT);
    struct config_service service = {.role_hints = &all, .role_hint_count = 1};
    struct hints *hints = hints_new(&service);
    struct peer_key v4 = peer("203.0.113.9");
    struct peer_key v6 = peer("2001:db8::1");
    cr_assert_eq(hints_of(hints, &v4).role, ACTPASS_ROLE_CLIENT);
    cr_assert_eq(hints_of(hints, &v6).role, ACTPASS_ROLE_AUTO);
    hints_free(hints);
}

static struct hints *remembering(struct config_service *service, int64_t timeout_ms)
{
    *service = (struct config_service){.remember_roles = true};
    service->connection.initial_data_timeout_ms = timeout_ms;
    return hints_new(service);
}

static int64_t wait_after(struct hints *hints, const struct peer_key *key, actpass_cause cause,
                          bool up)
{
    hints_learn(hints, key, cause, up);
    struct hint hint = hints_of(hints, key);
    cr_assert_eq(hint.role, ACTPASS_ROLE_AUTO);
    return hint.max_wait_ms;
}

Test(hints, silence_makes_the_wait_shorter_and_words_make_it_whole)
{
    static const actpass_cause words[] = {
        ACTPASS_CAUSE_CLIENT_HELLO, ACTPASS_CAUSE_CLIENT_HELLO_LATE, ACTPASS_CAUSE_GLARE_WON,
        ACTPASS_CAUSE_GLARE_LOST, ACTPASS_CAUSE_GLARE_UNSUPPORTED};
    struct config_service service;
    struct hints *hints = remembering(&service, 4000);
    struct peer_key key = peer("192.0.2.1");
    struct peer_key other = peer("192.0.2.2");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        cr_assert_eq(wait_after(hints, &key, ACTPASS_CAUSE_SILENCE, true), 0, "once is no habit");
        for (int times = 0; times < 5; times++)
            cr_assert_eq(wait_after(hints, &key, ACTPASS_CAUSE_SILENCE, true), 500);
        cr_assert_eq(hints_of(hints, &other).max_wait_ms, 0);
        cr_assert_eq(wait_after(hints, &key, words[i], i % 2), 0, "%s",
                     actpass_cause_name(words[i]));
    }
    hints_free(hints);
}

Test(hints, what_proves_nothing_changes_nothing)
{
    struct config_service service;
    struct hints *hints = remembering(&service, 4000);
    struct peer_key key = peer("192.0.2.1");
    for (int times = 0; times < 5; times++) /* silent, but no TLS server */
        cr_assert_eq(wait_after(hints, &key, ACTPASS_CAUSE_SILENCE, false), 0);
    (void)wait_after(hints, &key, ACTPASS_CAUSE_SILENCE, true);
    (void)wait_after(hints, &key, ACTPASS_CAUSE_SILENCE, true);
    static const actpass_cause neutral[] = {ACTPASS_CAUSE_CLOSED_BEFORE_FIRST_BYTE,
                                            ACTPASS_CAUSE_NOT_TLS, ACTPASS_CAUSE_UNDECIDED};
    for (size_t i = 0; i < sizeof(neutral) / sizeof(neutral[0]); i++)
        cr_assert_eq(wait_after(hints, &key, neutral[i], false), 500);
    hints_free(hints);
}

Test(hints, the_shorter_wait_is_never_none)
{
    static const struct {
        int64_t timeout_ms, wait_ms;
    } rows[] = {{5000, 625}, {400, 50}, {399, 50}, {100, 50}, {1, 50}, {0, 0}, {CONFIG_NEVER, 0}};
    struct peer_key key = peer("192.0.2.1");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct config_service service;
        struct hints *hints = remembering(&service, rows[i].timeout_ms);
        (void)wait_after(hints, &key, ACTPASS_CAUSE_SILENCE, true);
        cr_assert_eq(wait_after(hints, &key, ACTPASS_CAUSE_SILENCE, true), rows[i].wait_ms,
                     "timeout %lld", (long long)rows[i].timeout_ms);
        hints_free(hints);
    }
}

Test(hints, none_wanted)
{
    struct config_service service = {0};
    cr_assert_not(hints_used(&service));
    hints_free(NULL);
}
