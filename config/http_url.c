/* "http://host:port/path". */
#include "config/internal.h"

#include <stdio.h>
#include <stdlib.h>

enum { HTTP_PORT = 80, URL_MAX = 1024 };

static const char scheme[] = "http://";

/* Printable ASCII without spaces: it is a part of a request. */
static bool is_plain(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static bool has_port(const char *host)
{
    const char *after = *host == '[' ? strchr(host, ']') : host;
    return after && strchr(after, ':');
}

static const char *parse_server(const char *text, size_t length, struct config_address *address)
{
    char server[URL_MAX];
    (void)snprintf(server, sizeof(server), "%.*s", (int)length, text);
    if (!has_port(server))
        (void)snprintf(server + length, sizeof(server) - length, ":%d", HTTP_PORT);
    const char *wrong = strncmp(server, "unix:", strlen("unix:")) == 0
                            ? "a responder is reached over TCP"
                            : config_address_parse(server, address);
    if (!wrong && address->port == 0)
        wrong = "the port must be a number from 1 to 65535";
    return wrong;
}

const char *config_http_url_parse(const char *text, struct config_http_url *url)
{
    *url = (struct config_http_url){.path = NULL};
    if (strncasecmp(text, scheme, strlen(scheme)) != 0)
        return "must be http://host or http://host:port/path; responses are signed, so https is "
               "not used";
    if (!is_plain(text) || strlen(text) > URL_MAX / 2)
        return "must be printable ASCII, without spaces and of at most 512 bytes";
    const char *server = text + strlen(scheme);
    size_t length = strcspn(server, "/?#");
    if (length == 0 || memchr(server, '@', length))
        return "must have a host, and neither user nor password";
    const char *wrong = parse_server(server, length, &url->address);
    if (wrong) {
        config_http_url_free(url);
        return wrong;
    }
    if (asprintf(&url->path, "%s%.*s", server[length] == '/' ? "" : "/",
                 (int)strcspn(server + length, "#"), server + length) >= 0)
        return NULL;
    url->path = NULL;
    config_http_url_free(url);
    return text_no_memory;
}

void config_http_url_free(struct config_http_url *url)
{
    config_address_free(&url->address);
    free(url->path);
    *url = (struct config_http_url){.path = NULL};
}

const char *names_wrong_http_url(const char *text)
{
    struct config_http_url url;
    const char *wrong = config_http_url_parse(text, &url);
    if (!wrong)
        config_http_url_free(&url);
    return wrong;
}
