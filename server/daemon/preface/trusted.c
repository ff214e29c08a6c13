#include "server/daemon/preface/trusted.h"

#include "server/lib/peers.h"

bool proxy_is_trusted(const struct config_service *config, const struct sockaddr_storage *from)
{
    const struct config_accept_proxy *proxy = &config->accept_proxy;
    struct peer_key key;
    if (!config->has_accept_proxy)
        return false;
    if (!peer_key_of((const struct sockaddr *)(const void *)from, &key))
        return from->ss_family == AF_UNIX;
    bool trusted = false;
    for (size_t i = 0; !trusted && i < proxy->from_count; i++)
        trusted = peer_key_is_in(&key, &proxy->from[i]);
    return trusted;
}
