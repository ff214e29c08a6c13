/* The step "accept_proxy": a proxy says whose connection it is. */
#include "server/daemon/preface/preface.h"

#include "server/daemon/handlers/proxy_header.h"
#include "server/daemon/preface/trusted.h"

#include <stdlib.h>

/* preface->state: a header that has begun. Those bytes were taken from the socket. */
struct header {
    size_t size;
    uint8_t bytes[PROXY_HEADER_MAX];
};

enum { TLS_HANDSHAKE = 0x16 };

static bool wanted(const struct preface *preface)
{
    return !preface->dialed && proxy_is_trusted(preface->config, &preface->addresses.from);
}

static int64_t timeout_ms(const struct preface *preface)
{
    return preface->config->accept_proxy.timeout_ms;
}

static bool is_ip(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET || address->ss_family == AF_INET6;
}

/* Where the header says no address, as a proxy's own check of us does, the connection's own one
 * stays. */
static void note(struct preface *preface, const struct proxy_header *header)
{
    struct preface_addresses *addresses = &preface->addresses;
    addresses->speaks_for_itself = header->command == PROXY_LOCAL;
    if (header->command == PROXY_LOCAL || !is_ip(&header->source))
        return;
    addresses->proxied = true;
    addresses->client = header->source;
    addresses->destination = header->destination;
}

static enum preface_next fail_wrong(struct preface *preface, uint8_t first, const char *why)
{
    if (first == TLS_HANDSHAKE)
        return preface_fail(preface, ACTPASS_PROTOCOL,
                            "the PROXY header is missing: the connection begins with TLS; is the "
                            "proxy told to send one (send-proxy, proxy_protocol on)?");
    return preface_fail(preface, ACTPASS_PROTOCOL, "the PROXY header is wrong: %s", why);
}

/* NULL after preface_fail. */
static struct header *header_of(struct preface *preface)
{
    if (!preface->state)
        preface->state = calloc(1, sizeof(struct header));
    if (!preface->state)
        (void)preface_fail(preface, ACTPASS_CANCELLED, "out of memory for the PROXY header");
    return preface->state;
}

/* Takes what belongs to the header, and nothing behind it. */
static enum preface_next run(struct preface *preface)
{
    struct header *header = header_of(preface);
    while (header) {
        struct proxy_header parsed;
        const char *why = NULL;
        size_t length = 0;
        ssize_t more = preface_peek(preface, header->bytes + header->size,
                                    sizeof(header->bytes) - header->size);
        if (more <= 0)
            return more == 0 ? PREFACE_WAITS : PREFACE_FAILED;
        size_t size = header->size + (size_t)more;
        enum proxy_result result =
            proxy_header_decode_any(header->bytes, size, &parsed, &length, &why);
        if (result == PROXY_WRONG)
            return fail_wrong(preface, header->bytes[0], why);
        size_t own = result == PROXY_DONE ? length : size;
        if (!preface_take(preface, own - header->size))
            return PREFACE_FAILED;
        header->size = own;
        if (result == PROXY_DONE) {
            note(preface, &parsed);
            return PREFACE_DONE;
        }
    }
    return PREFACE_FAILED;
}

const struct preface_step preface_proxy = {.name = "accept_proxy",
                                           .wanted = wanted,
                                           .timeout_ms = timeout_ms,
                                           .run = run,
                                           .release = free};
