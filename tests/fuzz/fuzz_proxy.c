/* Any bytes as the answers of a proxy, in two pieces: HTTP for an even first byte, else SOCKS5. The
 * pieces must not matter, no byte behind the answer may be used, and a refusal has a reason. */
#include "server/lib/dial/http_connect.h"
#include "server/lib/dial/socks5.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct credentials someone = {.both = {.text = "me:secret", .size = 9},
                                           .user_size = 2};
static struct config_address to;

struct talk {
    bool is_http;
    struct http_connect http;
    struct socks5 socks;
    struct proxy_request request;
    struct error_text why;
    enum proxy_answer answer;
    size_t used;
};

static void begin(struct talk *talk, bool is_http)
{
    *talk = (struct talk){.is_http = is_http, .answer = PROXY_MORE};
    if (is_http)
        http_connect_begin(&talk->http, &to, &someone, &talk->request);
    else
        socks5_begin(&talk->socks, &to, &someone, &talk->request);
}

static void take(struct talk *talk, const uint8_t *data, size_t size)
{
    size_t at = 0, used = 0;
    while (at < size && (talk->answer == PROXY_MORE || talk->answer == PROXY_ASKS)) {
        talk->answer = talk->is_http
                           ? http_connect_take(&talk->http, data + at, size - at, &used, &talk->why)
                           : socks5_take(&talk->socks, data + at, size - at, &used, &talk->request,
                                         &talk->why);
        if (used == 0 || used > size - at || (talk->answer == PROXY_MORE && used != size - at))
            abort();
        at += used;
    }
    talk->used += at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct talk whole, pieces;
    if (size < 2)
        return 0;
    if (!to.text && config_address_parse("a.example:443", &to))
        abort();
    size_t cut = data[1] % (size - 1);
    begin(&whole, data[0] % 2 == 0);
    begin(&pieces, data[0] % 2 == 0);
    take(&whole, data + 2, size - 2);
    take(&pieces, data + 2, cut < size - 2 ? cut : size - 2);
    if (cut < size - 2)
        take(&pieces, data + 2 + cut, size - 2 - cut);
    if (whole.answer != pieces.answer || whole.used != pieces.used ||
        strcmp(whole.why.text, pieces.why.text) != 0)
        abort();
    if ((whole.answer == PROXY_REFUSES) != (whole.why.text[0] != '\0'))
        abort();
    return 0;
}
