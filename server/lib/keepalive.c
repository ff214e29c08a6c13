#include "server/lib/keepalive.h"

#include "server/lib/settings.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

bool keepalive_is_on(const struct config_keepalive *keepalive, enum config_dialer dialer)
{
    return keepalive->idle_ms != CONFIG_NEVER &&
           (keepalive->scope == CONFIG_KEEPALIVE_ALL || dialer == CONFIG_WE_DIAL);
}

/* TCP's unit. The limits of the keys leave no overflow. */
static int seconds(int64_t ms)
{
    return (int)((ms + 999) / 1000);
}

int keepalive_seconds(const struct config_keepalive *keepalive)
{
    return seconds(keepalive->idle_ms) + seconds(keepalive->interval_ms) * (int)keepalive->probes;
}

/* In milliseconds; the kernel takes no more than an int. */
static int user_timeout(const struct config_keepalive *keepalive)
{
    int all = keepalive_seconds(keepalive);
    return all > INT_MAX / 1000 ? INT_MAX : all * 1000;
}

int keepalive_set(int fd, const struct config_keepalive *keepalive)
{
    const struct {
        int level, name, value;
    } options[] = {{IPPROTO_TCP, TCP_USER_TIMEOUT, user_timeout(keepalive)},
                   {IPPROTO_TCP, TCP_KEEPIDLE, seconds(keepalive->idle_ms)},
                   {IPPROTO_TCP, TCP_KEEPINTVL, seconds(keepalive->interval_ms)},
                   {IPPROTO_TCP, TCP_KEEPCNT, (int)keepalive->probes},
                   {SOL_SOCKET, SO_KEEPALIVE, 1}};
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
        if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                       sizeof(options[i].value)) != 0)
            return errno == EOPNOTSUPP || errno == ENOPROTOOPT ? 0 : errno; /* unix, vsock */
    return 0;
}

int actpass_config_set_keepalive(actpass_config *config, int64_t idle_ms, int64_t interval_ms,
                                 int64_t probes)
{
    struct config_keepalive tried = config->connection.keepalive;
    tried.scope = CONFIG_KEEPALIVE_ALL;
    if (settings_set_number(config, &keepalive_object, "idle", idle_ms, &tried))
        return -1;
    if (idle_ms != ACTPASS_NEVER &&
        (settings_set_number(config, &keepalive_object, "interval", interval_ms, &tried) ||
         settings_set_number(config, &keepalive_object, "probes", probes, &tried)))
        return -1;
    config->connection.keepalive = tried;
    return 0;
}
