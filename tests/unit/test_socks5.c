/* SOCKS5: requests, and answers of all kinds, cut at every byte. */
#include "server/lib/dial/socks5.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(socks5, .timeout = 20);

#define BYTES(text) (const unsigned char *)(text), sizeof(text) - 1

static const struct credentials nobody;
static const struct credentials someone = {.both = {.text = "me:se:cret", .size = 10},
                                           .user_size = 2};

/* A talk about one address. */
struct talk {
    struct config_address to;
    struct socks5 socks;
    struct proxy_request request;
    enum proxy_answer answer;
    struct error_text why;
};

static void begin(struct talk *talk, const char *to, const struct credentials *credentials)
{
    *talk = (struct talk){.answer = PROXY_MORE};
    cr_assert_null(config_address_parse(to, &talk->to));
    socks5_begin(&talk->socks, &talk->to, credentials, &talk->request);
}

static void assert_asks(const struct talk *talk, const unsigned char *bytes, size_t size)
{
    cr_assert_eq(talk->request.size, size);
    cr_assert_arr_eq(talk->request.bytes, bytes, size);
}

/* Gives the bytes one at a time. Returns how many were used until there was an answer. */
static size_t take(struct talk *talk, const unsigned char *bytes, size_t size)
{
    size_t total = 0, used = 0;
    talk->answer = PROXY_MORE;
    while (talk->answer == PROXY_MORE && total < size) {
        talk->answer =
            socks5_take(&talk->socks, bytes + total, 1, &used, &talk->request, &talk->why);
        cr_assert_eq(used, 1);
        total += used;
    }
    return total;
}

/* Gives all of them at once. */
static size_t take_all(struct talk *talk, const unsigned char *bytes, size_t size)
{
    size_t used = 0;
    talk->answer = socks5_take(&talk->socks, bytes, size, &used, &talk->request, &talk->why);
    return used;
}

static void end(struct talk *talk)
{
    config_address_free(&talk->to);
}

Test(socks5, a_name_without_credentials)
{
    struct talk talk;
    begin(&talk, "a.example:258", &nobody);
    assert_asks(&talk, BYTES("\005\001\000"));
    cr_assert_eq(take(&talk, BYTES("\005\000")), 2);
    cr_assert_eq(talk.answer, PROXY_ASKS);
    assert_asks(&talk, BYTES("\005\001\000\003\011a.example\001\002"));
    cr_assert_eq(take(&talk, BYTES("\005\000\000\001\177\000\000\001\001\002")), 10);
    cr_assert_eq(talk.answer, PROXY_UP);
    end(&talk);
}

Test(socks5, addresses_go_as_addresses)
{
    struct talk talk;
    begin(&talk, "127.0.0.1:1", &nobody);
    (void)take(&talk, BYTES("\005\000"));
    assert_asks(&talk, BYTES("\005\001\000\001\177\000\000\001\000\001"));
    end(&talk);
    begin(&talk, "[2001:db8::1]:65535", &nobody);
    (void)take(&talk, BYTES("\005\000"));
    assert_asks(&talk, BYTES("\005\001\000\004\040\001\015\270\000\000\000\000\000\000\000\000\000"
                             "\000\000\001\377\377"));
    end(&talk);
}

Test(socks5, a_user_and_a_password)
{
    struct talk talk;
    begin(&talk, "127.0.0.1:1", &someone);
    assert_asks(&talk, BYTES("\005\002\000\002"));
    cr_assert_eq(take(&talk, BYTES("\005\002")), 2);
    assert_asks(&talk, BYTES("\001\002me\007se:cret"));
    cr_assert_eq(take(&talk, BYTES("\001\000")), 2);
    cr_assert_eq(talk.answer, PROXY_ASKS);
    assert_asks(&talk, BYTES("\005\001\000\001\177\000\000\001\000\001"));
    end(&talk);
    begin(&talk, "127.0.0.1:1", &someone); /* it does not want them */
    cr_assert_eq(take(&talk, BYTES("\005\000")), 2);
    assert_asks(&talk, BYTES("\005\001\000\001\177\000\000\001\000\001"));
    end(&talk);
}

/* Behind each answer come bytes of the target, which stay. */
Test(socks5, what_belongs_to_the_answer)
{
    static const struct {
        const unsigned char *bytes;
        size_t size, used;
    } rows[] = {{BYTES("\005\000\000\001\001\002\003\004\005\006target"), 10},
                {BYTES("\005\000\000\003\000\005\006target"), 7},
                {BYTES("\005\000\000\003\003abc\005\006target"), 10},
                {BYTES("\005\000\000\0040123456789abcdef\005\006target"), 22}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct talk talk;
        begin(&talk, "a:1", &nobody);
        (void)take(&talk, BYTES("\005\000"));
        cr_assert_eq(take(&talk, rows[i].bytes, rows[i].size), rows[i].used, "%zu", i);
        cr_assert_eq(talk.answer, PROXY_UP);
        end(&talk);
        begin(&talk, "a:1", &nobody);
        (void)take(&talk, BYTES("\005\000"));
        cr_assert_eq(take_all(&talk, rows[i].bytes, rows[i].size), rows[i].used, "%zu", i);
        cr_assert_eq(talk.answer, PROXY_UP);
        end(&talk);
    }
}

static void assert_refuses(const struct credentials *credentials, const unsigned char *bytes,
                           size_t size, const char *says)
{
    struct talk talk;
    size_t used = 0;
    begin(&talk, "a:1", credentials);
    do
        used += take(&talk, bytes + used, size - used);
    while (talk.answer == PROXY_ASKS && used < size);
    cr_assert_eq(talk.answer, PROXY_REFUSES, "%s", says);
    cr_assert_str_eq(talk.why.text, says);
    end(&talk);
}

Test(socks5, refusals)
{
    static const char strange[] =
        "answers something that is not SOCKS5: is it a proxy of another kind?";
    assert_refuses(&nobody, BYTES("\005\377"),
                   "refused: it wants the client to authenticate: add dial_through_auth");
    assert_refuses(&someone, BYTES("\005\377"),
                   "refused: it takes neither a user with a password nor a client without");
    assert_refuses(&someone, BYTES("\005\002\001\001"),
                   "refused the user or the password: check dial_through_auth");
    assert_refuses(&nobody, BYTES("\005\000\005\005"),
                   "refused: connection refused by the target (SOCKS5 reply 5)");
    assert_refuses(&nobody, BYTES("\005\000\005\011"), "refused: SOCKS5 reply 9");
    assert_refuses(&nobody, BYTES("\005\000\005\377"), "refused: SOCKS5 reply 255");
    assert_refuses(&nobody, BYTES("\005\002"), strange); /* which was not offered */
    assert_refuses(&nobody, BYTES("\005\001"), strange);
    assert_refuses(&nobody, BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"), strange);
    assert_refuses(&nobody, BYTES("\004\000"), strange);
    assert_refuses(&someone, BYTES("\005\002\005\000"), strange);
    assert_refuses(&nobody, BYTES("\005\000\004\000"), strange);
    assert_refuses(&nobody, BYTES("\005\000\005\000\000\002"), strange);
}
