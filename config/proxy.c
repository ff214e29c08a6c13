/* Proxies on the way out: "http://HOST:PORT", "socks5://HOST:PORT". */
#include "config/internal.h"

#include <stdlib.h>

static const struct scheme {
    const char *begin;
    enum config_proxy_kind kind;
    const char *wrong; /* of one that is known, and not spoken */
} schemes[] = {
    {"http://", CONFIG_PROXY_HTTP, NULL},
    {"socks5://", CONFIG_PROXY_SOCKS5, NULL},
    {"socks5h://", CONFIG_PROXY_NONE,
     "write socks5://, with which the proxy resolves names here as well"},
    {"socks4://", CONFIG_PROXY_NONE, "SOCKS4 is not spoken here; use socks5:// or http://"},
    {"socks4a://", CONFIG_PROXY_NONE, "SOCKS4 is not spoken here; use socks5:// or http://"},
    {"socks://", CONFIG_PROXY_NONE, "write socks5://, as in \"socks5://127.0.0.1:1080\""},
    {"https://", CONFIG_PROXY_NONE,
     "a proxy is not spoken to over TLS; write http:// if it takes CONNECT without"},
};

static const struct scheme *scheme_of(const char *text)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
        if (strncmp(text, schemes[i].begin, strlen(schemes[i].begin)) == 0)
            return &schemes[i];
    return NULL;
}

/* What follows the scheme, without the slash at the end. */
static const char *parse_server(const char *text, struct config_address *address)
{
    if (strchr(text, '@'))
        return "the URL must not hold a user or a password, since others may read it: put "
               "user:password into a file and name that in \"dial_through_auth\"";
    if (strncmp(text, "unix:", 5) == 0)
        return "a proxy is dialed over TCP: it has a host and a port";
    if (strpbrk(text, "/?#"))
        return "host and port end the URL, as in \"http://proxy.example:3128\"";
    const char *wrong = config_address_parse(text, address);
    if (!wrong && address->port == 0)
        return "the port must be a number from 1 to 65535";
    return wrong;
}

const char *config_proxy_parse(const char *text, struct config_proxy *proxy)
{
    const struct scheme *scheme = scheme_of(text);
    size_t length = strlen(text);
    *proxy = (struct config_proxy){0};
    if (!scheme)
        return "must be \"http://host:port\" or \"socks5://host:port\"";
    if (scheme->wrong)
        return scheme->wrong;
    if (text_has_control(text))
        return "must not hold control characters";
    proxy->kind = scheme->kind;
    proxy->text = strndup(text, length - (text[length - 1] == '/' ? 1 : 0));
    const char *wrong = text_no_memory;
    if (proxy->text && strlen(proxy->text) < strlen(scheme->begin))
        wrong = "the host is missing, as in \"http://proxy.example:3128\"";
    else if (proxy->text)
        wrong = parse_server(proxy->text + strlen(scheme->begin), &proxy->address);
    if (wrong)
        config_proxy_free(proxy);
    return wrong;
}

void config_proxy_free(struct config_proxy *proxy)
{
    free(proxy->text);
    config_address_free(&proxy->address);
    *proxy = (struct config_proxy){0};
}

const char *config_proxy_wrong_target(const struct config_address *address)
{
    if (address->kind == CONFIG_ADDRESS_UNIX)
        return "a proxy is asked for TCP connections only, and not for a unix socket";
    if (address->kind == CONFIG_ADDRESS_TCP && strchr(address->host, '%'))
        return "the zone of an address, after the %, means nothing to a proxy";
    return NULL;
}
