#include "server/lib/dial/socks5.h"

#include <arpa/inet.h>
#include <string.h>

enum {
    VERSION = 5,
    LOGIN_VERSION = 1,
    METHOD_NONE = 0,
    METHOD_PASSWORD = 2,
    METHODS_REFUSED = 0xff,
    COMMAND_CONNECT = 1,
    TYPE_IPV4 = 1,
    TYPE_NAME = 3,
    TYPE_IPV6 = 4,
    SHORT_ANSWER = 2, /* of a method or a login */
    TYPE_AT = 3,
    NAME_SIZE_AT = 4,
    PORT_SIZE = 2
};

/* ---- Requests ------------------------------------------------------------------------------ */

static void put(struct proxy_request *request, size_t byte)
{
    request->bytes[request->size++] = (unsigned char)byte;
}

/* SIZE is at most 255, so that all requests have room. */
static void put_all(struct proxy_request *request, const void *bytes, size_t size)
{
    memcpy(request->bytes + request->size, bytes, size);
    request->size += size;
}

static bool has_credentials(const struct socks5 *socks)
{
    return socks->credentials->both.size > 0;
}

void socks5_begin(struct socks5 *socks, const struct config_address *to,
                  const struct credentials *credentials, struct proxy_request *request)
{
    *socks = (struct socks5){.to = to, .credentials = credentials, .step = SOCKS5_METHOD};
    request->size = 0;
    put(request, VERSION);
    put(request, has_credentials(socks) ? 2 : 1);
    put(request, METHOD_NONE);
    if (has_credentials(socks))
        put(request, METHOD_PASSWORD);
}

static enum proxy_answer ask_login(struct socks5 *socks, struct proxy_request *request)
{
    size_t size;
    const char *password = credentials_password(socks->credentials, &size);
    socks->step = SOCKS5_LOGIN;
    put(request, LOGIN_VERSION);
    put(request, socks->credentials->user_size);
    put_all(request, socks->credentials->both.text, socks->credentials->user_size);
    put(request, size);
    put_all(request, password, size);
    return PROXY_ASKS;
}

static void put_host(struct proxy_request *request, const char *host)
{
    struct in_addr ipv4;
    struct in6_addr ipv6;
    if (inet_pton(AF_INET, host, &ipv4) == 1) {
        put(request, TYPE_IPV4);
        put_all(request, &ipv4, sizeof(ipv4));
    } else if (inet_pton(AF_INET6, host, &ipv6) == 1) {
        put(request, TYPE_IPV6);
        put_all(request, &ipv6, sizeof(ipv6));
    } else {
        put(request, TYPE_NAME);
        put(request, strlen(host));
        put_all(request, host, strlen(host));
    }
}

static enum proxy_answer ask_connect(struct socks5 *socks, struct proxy_request *request)
{
    socks->step = SOCKS5_CONNECT;
    put(request, VERSION);
    put(request, COMMAND_CONNECT);
    put(request, 0); /* reserved */
    put_host(request, socks->to->host);
    put(request, socks->to->port >> 8);
    put(request, socks->to->port & 0xffU);
    return PROXY_ASKS;
}

/* ---- Answers ------------------------------------------------------------------------------- */

static enum proxy_answer not_socks5(struct error_text *why)
{
    (void)error_set(why, "answers something that is not SOCKS5: is it a proxy of another kind?");
    return PROXY_REFUSES;
}

static enum proxy_answer end_method(struct socks5 *socks, struct proxy_request *request,
                                    struct error_text *why)
{
    unsigned char method = socks->head[1];
    if (method == METHOD_NONE)
        return ask_connect(socks, request);
    if (method == METHOD_PASSWORD && has_credentials(socks))
        return ask_login(socks, request);
    if (method != METHODS_REFUSED)
        return not_socks5(why);
    (void)error_set(why, "refused: %s",
                    has_credentials(socks)
                        ? "it takes neither a user with a password nor a client without"
                        : "it wants the client to authenticate: add dial_through_auth");
    return PROXY_REFUSES;
}

static enum proxy_answer end_login(struct socks5 *socks, struct proxy_request *request,
                                   struct error_text *why)
{
    if (socks->head[1] == 0)
        return ask_connect(socks, request);
    (void)error_set(why, "refused the user or the password: check dial_through_auth");
    return PROXY_REFUSES;
}

static enum proxy_answer refuse(unsigned code, struct error_text *why)
{
    static const char *const reasons[] = {[1] = "general failure",
                                          [2] = "not allowed by its rules",
                                          [3] = "network unreachable",
                                          [4] = "host unreachable",
                                          [5] = "connection refused by the target",
                                          [6] = "TTL expired",
                                          [7] = "it does not support CONNECT",
                                          [8] = "it does not support this type of address"};
    if (code < sizeof(reasons) / sizeof(*reasons))
        (void)error_set(why, "refused: %s (SOCKS5 reply %u)", reasons[code], code);
    else
        (void)error_set(why, "refused: SOCKS5 reply %u", code);
    return PROXY_REFUSES;
}

/* Some proxies end a refusal behind its second byte. */
static enum proxy_answer check_head(const struct socks5 *socks, struct error_text *why)
{
    static const unsigned char versions[] = {
        [SOCKS5_METHOD] = VERSION, [SOCKS5_LOGIN] = LOGIN_VERSION, [SOCKS5_CONNECT] = VERSION};
    if (socks->head[0] != versions[socks->step])
        return not_socks5(why);
    if (socks->step == SOCKS5_CONNECT && socks->have == 2 && socks->head[1] != 0)
        return refuse(socks->head[1], why);
    return PROXY_MORE;
}

/* As far as it is known: more than what is there, or all of it. 0: it has no size. */
static size_t size_of(const struct socks5 *socks)
{
    if (socks->step != SOCKS5_CONNECT)
        return SHORT_ANSWER;
    if (socks->have <= TYPE_AT)
        return TYPE_AT + 1;
    switch (socks->head[TYPE_AT]) {
    case TYPE_IPV4:
        return TYPE_AT + 1 + 4 + PORT_SIZE;
    case TYPE_IPV6:
        return TYPE_AT + 1 + 16 + PORT_SIZE;
    case TYPE_NAME:
        return NAME_SIZE_AT + 1 +
               (socks->have <= NAME_SIZE_AT ? 0U : socks->head[NAME_SIZE_AT] + (size_t)PORT_SIZE);
    default:
        return 0;
    }
}

static enum proxy_answer end_answer(struct socks5 *socks, struct proxy_request *request,
                                    struct error_text *why)
{
    socks->have = 0;
    if (socks->step == SOCKS5_CONNECT)
        return PROXY_UP;
    request->size = 0;
    return socks->step == SOCKS5_METHOD ? end_method(socks, request, why)
                                        : end_login(socks, request, why);
}

static enum proxy_answer take_byte(struct socks5 *socks, unsigned char byte,
                                   struct proxy_request *request, struct error_text *why)
{
    if (socks->have < sizeof(socks->head))
        socks->head[socks->have] = byte;
    socks->have++;
    enum proxy_answer answer = check_head(socks, why);
    size_t size = size_of(socks);
    if (answer != PROXY_MORE)
        return answer;
    if (size == 0)
        return not_socks5(why);
    return socks->have == size ? end_answer(socks, request, why) : PROXY_MORE;
}

enum proxy_answer socks5_take(struct socks5 *socks, const unsigned char *bytes, size_t size,
                              size_t *used, struct proxy_request *request, struct error_text *why)
{
    enum proxy_answer answer = PROXY_MORE;
    for (*used = 0; *used < size && answer == PROXY_MORE; ++*used)
        answer = take_byte(socks, bytes[*used], request, why);
    return answer;
}
