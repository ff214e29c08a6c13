/* CONNECT: the request, and answers of all kinds, cut at every byte. */
#include "server/lib/dial/http_connect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(http_connect, .timeout = 20);

static const struct credentials nobody;
static const struct credentials someone = {.both = {.text = "me:se:cret", .size = 10},
                                           .user_size = 2};

static void begin(struct http_connect *http, const char *to, const struct credentials *credentials,
                  struct proxy_request *request)
{
    struct config_address address;
    cr_assert_null(config_address_parse(to, &address));
    http_connect_begin(http, &address, credentials, request);
    config_address_free(&address);
}

static void assert_asks(const char *to, const struct credentials *credentials, const char *text)
{
    struct http_connect http;
    struct proxy_request request;
    begin(&http, to, credentials, &request);
    cr_assert_eq(request.size, strlen(text), "%.*s", (int)request.size, request.bytes);
    cr_assert_arr_eq(request.bytes, text, request.size);
}

Test(http_connect, requests)
{
    assert_asks("a.example:443", &nobody,
                "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n");
    assert_asks("[2001:db8::1]:1", &nobody,
                "CONNECT [2001:db8::1]:1 HTTP/1.1\r\nHost: [2001:db8::1]:1\r\n\r\n");
    assert_asks("127.0.0.1:65535", &someone,
                "CONNECT 127.0.0.1:65535 HTTP/1.1\r\nHost: 127.0.0.1:65535\r\n"
                "Proxy-Authorization: Basic bWU6c2U6Y3JldA==\r\n\r\n");
}

Test(http_connect, one_more_field)
{
    struct http_connect http;
    struct proxy_request request;
    static const char text[] = "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nMax-Forwards: 0\r\n\r\n";
    begin(&http, "a:1", &nobody, &request);
    http_connect_add(&request, "Max-Forwards: 0");
    cr_assert_eq(request.size, strlen(text));
    cr_assert_arr_eq(request.bytes, text, request.size);
}

Test(http_connect, the_code_of_the_answer)
{
    static const char *const answers[] = {"HTTP/1.1 20", "HTTP/1.1 503 Gone\r\n\r\n",
                                          "SSH-2.0\r\n"};
    static const int codes[] = {0, 503, 0};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct http_connect http;
        struct proxy_request request;
        struct error_text why;
        size_t used;
        begin(&http, "a:1", &nobody, &request);
        (void)http_connect_take(&http, (const unsigned char *)answers[i], strlen(answers[i]), &used,
                                &why);
        cr_assert_eq(http_connect_code(&http), codes[i], "%s", answers[i]);
    }
}

Test(http_connect, the_longest_request_has_room)
{
    struct credentials longest = {.both = {.size = 511}, .user_size = 255};
    char name[300];
    memset(longest.both.text, 'a', 511);
    memset(name, 'a', 253);
    for (size_t i = 60; i < 253; i += 60)
        name[i] = '.';
    (void)snprintf(name + 253, sizeof(name) - 253, ":65535");
    struct http_connect http;
    struct proxy_request request;
    begin(&http, name, &longest, &request);
    cr_assert_gt(request.size, 1200);
}

/* ---- Answers ------------------------------------------------------------------------------- */

/* Gives the first CUT bytes, then the rest. Returns how many were used. */
static size_t take_cut(const struct credentials *credentials, const char *text, size_t cut,
                       enum proxy_answer *answer, struct error_text *why)
{
    struct http_connect http;
    struct proxy_request request;
    const unsigned char *bytes = (const unsigned char *)text;
    size_t first = 0, second = 0;
    begin(&http, "a:1", credentials, &request);
    *answer = http_connect_take(&http, bytes, cut, &first, why);
    cr_assert(*answer != PROXY_MORE || first == cut, "all of it is used");
    if (*answer == PROXY_MORE)
        *answer = http_connect_take(&http, bytes + cut, strlen(text) - cut, &second, why);
    return first + second;
}

/* Answers that end before the mark | (which is not given), or at all. */
static void assert_answer(const struct credentials *credentials, const char *marked,
                          enum proxy_answer wanted, const char *says)
{
    size_t head = strcspn(marked, "|");
    char *text = NULL;
    cr_assert_geq(
        asprintf(&text, "%.*s%s", (int)head, marked, marked[head] == '|' ? marked + head + 1 : ""),
        0);
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        enum proxy_answer answer;
        struct error_text why = {.text = ""};
        size_t used = take_cut(credentials, text, cut, &answer, &why);
        cr_assert_eq(answer, wanted, "%s cut at %zu: %s", text, cut, why.text);
        cr_assert_str_eq(why.text, says, "%s cut at %zu", text, cut);
        cr_assert(wanted == PROXY_REFUSES || used == head, "%s cut at %zu: %zu", text, cut, used);
    }
    free(text);
}

Test(http_connect, connections)
{
    static const char *const rows[] = {
        "HTTP/1.1 200 OK\r\n\r\n|",
        "HTTP/1.0 200 Connection established\r\nProxy-agent: tinyproxy/1.11.1\r\n\r\n|",
        "HTTP/1.1 200\r\n\r\n|\026\003\003",
        "HTTP/1.1 200 \r\n\r\n|HTTP/1.1 403 Forbidden\r\n\r\n",
        "HTTP/1.1 299 \303\266\r\nContent-Length: 5\r\nA:\tb\r\n\r\n|hello",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n|x",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_answer(&nobody, rows[i], PROXY_UP, "");
}

Test(http_connect, refusals)
{
    assert_answer(&nobody, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", PROXY_REFUSES,
                  "refused: 407 Proxy Authentication Required; it wants a user and a password: add "
                  "dial_through_auth");
    assert_answer(&someone, "HTTP/1.1 407 Again\r\nA: b\r\n\r\nsecret", PROXY_REFUSES,
                  "refused: 407 Again; does it take Basic authentication, with what is in "
                  "dial_through_auth?");
    assert_answer(&nobody, "HTTP/1.1 403 Filtered\r\n\r\n", PROXY_REFUSES,
                  "refused: 403 Filtered; does it allow CONNECT to this port?");
    assert_answer(&nobody, "HTTP/1.1 502\r\n\r\n", PROXY_REFUSES, "refused: 502");
    assert_answer(&nobody, "HTTP/1.1 302 Found\r\nLocation: http://a/\r\n\r\n", PROXY_REFUSES,
                  "refused: 302 Found");
    assert_answer(&nobody, "HTTP/1.1 101 Switching\r\n\r\n", PROXY_REFUSES,
                  "refused: 101 Switching");
}

Test(http_connect, what_is_not_http)
{
    static const char *const rows[] = {
        "\r\n\r\n",
        "\n",
        "\005\001",
        "\026\003\003",
        "SSH-2.0-OpenSSH\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.12 200 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1 200 OK\n\n",
        "HTTP/1.1 200 OK\r\r\n",
        "HTTP/1.1 200 O\001K\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: \033\r\n",
        "HTTP/1.1 200 OK\r\nA: b\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nnot HTTP",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_answer(&nobody, rows[i], PROXY_REFUSES,
                      "answers something that is not HTTP: is it a proxy of another kind?");
}

Test(http_connect, heads_that_are_not_complete)
{
    assert_answer(&nobody, "", PROXY_MORE, "");
    assert_answer(&nobody, "HTTP/1.1 200 OK\r\nA: b\r\n\r", PROXY_MORE, "");
    assert_answer(&nobody, "HTTP/1.1 100 Continue\r\n\r\n", PROXY_MORE, "");
}

/* Feeds a beginning, and then one byte again and again, until there is an answer. */
static size_t endless(const char *begins, unsigned char byte, struct error_text *why)
{
    struct http_connect http;
    struct proxy_request request;
    size_t used, total = strlen(begins);
    begin(&http, "a:1", &nobody, &request);
    enum proxy_answer answer =
        http_connect_take(&http, (const unsigned char *)begins, total, &used, why);
    for (; answer == PROXY_MORE && total < 100000; total++)
        answer = http_connect_take(&http, &byte, 1, &used, why);
    cr_assert_eq(answer, PROXY_REFUSES);
    return total;
}

Test(http_connect, heads_without_an_end)
{
    struct error_text why = {.text = ""};
    cr_assert_eq(endless("HTTP/1.1 200 OK\r\nA: ", 'a', &why), HTTP_CONNECT_HEAD_MAX + 1);
    cr_assert_str_eq(why.text, "answers with a head of more than 8192 bytes");
    cr_assert_eq(endless("HTTP/1.1 200 ", 'a', &why), HTTP_CONNECT_STATUS_MAX + 1);
    cr_assert_not_null(strstr(why.text, "is not HTTP"));
}
