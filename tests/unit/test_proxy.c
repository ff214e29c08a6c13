/* config/proxy.c: URLs of proxies, and whom a proxy can be asked for. golden/config.txt has the
 * messages about wrong ones. */
#include "config/config.h"

#include <criterion/criterion.h>

TestSuite(proxy, .timeout = 20);

static const struct good {
    const char *text, *kept, *host;
    enum config_proxy_kind kind;
    uint16_t port;
} good[] = {
    {"http://a.example:3128", "http://a.example:3128", "a.example", CONFIG_PROXY_HTTP, 3128},
    {"http://a.example:3128/", "http://a.example:3128", "a.example", CONFIG_PROXY_HTTP, 3128},
    {"socks5://127.0.0.1:1", "socks5://127.0.0.1:1", "127.0.0.1", CONFIG_PROXY_SOCKS5, 1},
    {"socks5://[::1]:65535/", "socks5://[::1]:65535", "::1", CONFIG_PROXY_SOCKS5, 65535},
};

Test(proxy, urls)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        struct config_proxy proxy;
        cr_assert_null(config_proxy_parse(good[i].text, &proxy), "%s", good[i].text);
        cr_assert_eq(proxy.kind, good[i].kind, "%s", good[i].text);
        cr_assert_str_eq(proxy.text, good[i].kept);
        cr_assert_str_eq(proxy.address.host, good[i].host);
        cr_assert_eq(proxy.address.port, good[i].port);
        config_proxy_free(&proxy);
        cr_assert_null(proxy.text);
        cr_assert_eq(proxy.kind, CONFIG_PROXY_NONE);
    }
}

Test(proxy, a_wrong_one_leaves_nothing)
{
    static const char *const wrong[] = {"",
                                        "http",
                                        "http:",
                                        "http://",
                                        "http:///",
                                        "http://a",
                                        "http://a:1//",
                                        "http://a:1/b",
                                        "HTTP://a:1",
                                        "http://a:0",
                                        "http://a:65536",
                                        "ftp://a:1",
                                        "http://a:b@c:1",
                                        "http://a b:1",
                                        "http://a:1?b",
                                        "socks5://unix:/a",
                                        "socks5://a:1#",
                                        "socks5://\177:1",
                                        "socks5h://a:1",
                                        "socks4://a:1",
                                        "https://a:1"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct config_proxy proxy;
        cr_assert_not_null(config_proxy_parse(wrong[i], &proxy), "%s", wrong[i]);
        cr_assert_null(proxy.text);
        cr_assert_null(proxy.address.text);
        cr_assert_eq(proxy.kind, CONFIG_PROXY_NONE);
    }
}

Test(proxy, targets)
{
    static const struct {
        const char *address;
        bool good;
    } rows[] = {{"a.example:1", true},
                {"127.0.0.1:1", true},
                {"[::1]:1", true},
                {"[fe80::1%eth0]:1", false},
                {"unix:/a", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct config_address address;
        cr_assert_null(config_address_parse(rows[i].address, &address));
        cr_assert_eq(!config_proxy_wrong_target(&address), rows[i].good, "%s", rows[i].address);
        config_address_free(&address);
    }
}
