/* "http://host:port/path". */
#include "config/config.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct row {
    const char *text, *host, *path; /* NULL: it is wrong */
    int port;
} rows[] = {
    {"http://a.example", "a.example", "/", 80},
    {"http://a.example/", "a.example", "/", 80},
    {"HTTP://a.example:8080/x/y?z=1", "a.example", "/x/y?z=1", 8080},
    {"http://a.example?z", "a.example", "/?z", 80},
    {"http://a.example/x#y", "a.example", "/x", 80},
    {"http://192.0.2.1:1/", "192.0.2.1", "/", 1},
    {"http://[2001:db8::1]/", "2001:db8::1", "/", 80},
    {"http://[2001:db8::1]:81/", "2001:db8::1", "/", 81},
    {"", NULL, NULL, 0},
    {"http://", NULL, NULL, 0},
    {"http:///x", NULL, NULL, 0},
    {"https://a.example/", NULL, NULL, 0},
    {"ldap://a.example/", NULL, NULL, 0},
    {"http://me:secret@a.example/", NULL, NULL, 0},
    {"http://a.example:0/", NULL, NULL, 0},
    {"http://a.example:65536/", NULL, NULL, 0},
    {"http://a.example:/", NULL, NULL, 0},
    {"http://a.example/a b", NULL, NULL, 0},
    {"http://a.example/\r\nHost: b", NULL, NULL, 0},
    {"http://unix:/run/x", NULL, NULL, 0},
    {"http://[2001:db8::1/", NULL, NULL, 0},
};

Test(http_url, rows)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct row *row = &rows[i];
        struct config_http_url url;
        const char *wrong = config_http_url_parse(row->text, &url);
        cr_assert_eq(!wrong, (bool)row->host, "%s: %s", row->text, wrong ? wrong : "taken");
        if (wrong)
            continue;
        cr_assert_str_eq(url.address.host, row->host, "%s", row->text);
        cr_assert_str_eq(url.path, row->path, "%s", row->text);
        cr_assert_eq(url.address.port, row->port, "%s", row->text);
        config_http_url_free(&url);
    }
}

Test(http_url, length)
{
    char text[2048];
    struct config_http_url url;
    memset(text, 'a', sizeof(text));
    memcpy(text, "http://b/", 9);
    text[513] = '\0';
    cr_assert(config_http_url_parse(text, &url));
    text[512] = '\0';
    cr_assert(!config_http_url_parse(text, &url));
    config_http_url_free(&url);
}
