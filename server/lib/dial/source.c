#include "server/lib/dial/source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Since Linux 5.17 CAP_NET_RAW is enough for a mark, too. */
#define NEEDS                                                                                   \
    "it needs CAP_NET_RAW (AmbientCapabilities=CAP_NET_RAW in a systemd unit; started as root " \
    "with \"user\", actpass keeps it)"

static bool fail(struct error_text *error, const char *what, int failed)
{
    (void)error_set(error, "%s: %s%s%s", what, strerror(failed), failed == EPERM ? ": " : "",
                    failed == EPERM ? NEEDS : "");
    errno = failed;
    return false;
}

static bool set_number(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* ---- Options ------------------------------------------------------------------------------- */

static bool set_mark(int fd, uint64_t mark, struct error_text *error)
{
    return mark == 0 || set_number(fd, SOL_SOCKET, SO_MARK, (int)mark) ||
           fail(error, "the mark of \"source\" cannot be set", errno);
}

static bool set_device(int fd, const char *device, struct error_text *error)
{
    if (!device ||
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device) + 1) == 0)
        return true;
    return errno == ENODEV
               ? error_set(error, "there is no network interface \"%s\" (\"device\")", device)
               : fail(error, "the socket cannot be bound to \"device\"", errno);
}

static bool set_transparent(int fd, int family, struct error_text *error)
{
    bool set = family == AF_INET6 ? set_number(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
                                  : set_number(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
    return set || fail(error, "\"transparent\" is not permitted", errno);
}

/* ---- Addresses ----------------------------------------------------------------------------- */

void source_unmap(struct sockaddr_storage *address)
{
    struct sockaddr_in6 mapped;
    memcpy(&mapped, address, sizeof(mapped));
    if (address->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&mapped.sin6_addr))
        return;
    struct sockaddr_in plain = {.sin_family = AF_INET, .sin_port = mapped.sin6_port};
    memcpy(&plain.sin_addr, mapped.sin6_addr.s6_addr + 12, 4);
    memset(address, 0, sizeof(*address));
    memcpy(address, &plain, sizeof(plain));
}

/* The zone of a link-local address: a name or a number. */
static uint32_t scope_of(const char *zone)
{
    unsigned index = if_nametoindex(zone);
    return index != 0 ? index : (uint32_t)strtoul(zone, NULL, 10);
}

/* Reads an IP address. False: it is of another family. */
static bool parse(const char *text, int family, struct sockaddr_storage *address)
{
    char bare[INET6_ADDRSTRLEN] = "";
    size_t length = strcspn(text, "%");
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    memset(address, 0, sizeof(*address));
    if (length >= sizeof(bare))
        return false;
    memcpy(bare, text, length);
    if (family == AF_INET && inet_pton(AF_INET, bare, &v4.sin_addr) == 1) {
        memcpy(address, &v4, sizeof(v4));
        return true;
    }
    if (family != AF_INET6 || inet_pton(AF_INET6, bare, &v6.sin6_addr) != 1)
        return false;
    v6.sin6_scope_id = text[length] == '%' ? scope_of(text + length + 1) : 0;
    memcpy(address, &v6, sizeof(v6));
    return true;
}

/* The port need be free only for this peer, so the kernel chooses it in connect (ip(7)). */
static bool bind_to(int fd, struct sockaddr_storage *local, const char *what,
                    struct error_text *error)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    memcpy(&v4, local, sizeof(v4));
    memcpy(&v6, local, sizeof(v6));
    bool is_v4 = local->ss_family == AF_INET;
    v4.sin_port = v6.sin6_port = 0;
    (void)set_number(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1); /* else it chooses now */
    const struct sockaddr *where = is_v4 ? (const void *)&v4 : (const void *)&v6;
    if (bind(fd, where, is_v4 ? sizeof(v4) : sizeof(v6)) == 0)
        return true;
    int failed = errno;
    (void)error_set(error, "cannot connect from %s: %s%s", what, strerror(failed),
                    failed == EADDRNOTAVAIL ? ": it is no address of this machine" : "");
    errno = failed;
    return false;
}

static bool bind_client(const struct sockaddr_storage *client, int fd, int family,
                        struct error_text *error)
{
    struct sockaddr_storage local = {.ss_family = AF_UNSPEC};
    if (client)
        local = *client;
    source_unmap(&local);
    if (local.ss_family != AF_INET && local.ss_family != AF_INET6)
        return error_set(error, "\"transparent\" needs the client's IP address, and it has none");
    if (local.ss_family != family)
        return error_set(error,
                         "left out, because the client's address (\"transparent\") is of another "
                         "family");
    return set_transparent(fd, family, error) && bind_to(fd, &local, "the client's address", error);
}

static bool bind_from(const struct config_strings *from, int fd, int family,
                      struct error_text *error)
{
    struct sockaddr_storage local;
    for (size_t i = 0; i < from->count; i++)
        if (parse(from->items[i], family, &local))
            return bind_to(fd, &local, from->items[i], error);
    return from->count == 0 ||
           error_set(error, "left out, because the source (%s) is of another family",
                     from->items[0]);
}

/* ---- All ----------------------------------------------------------------------------------- */

bool source_apply(const struct source *source, int fd, int family, struct error_text *error)
{
    const struct config_source *config = source->config;
    if (!config)
        return true;
    if (!set_mark(fd, config->mark, error) || !set_device(fd, config->device, error))
        return false;
    return config->transparent ? bind_client(source->client, fd, family, error)
                               : bind_from(&config->from, fd, family, error);
}

/* Of the errno: what ERROR says is what it was about. */
static int try_one(const struct source *source, int family, struct error_text *error)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0; /* a family that is not there is never dialed either */
    errno = 0;
    int failed = source_apply(source, fd, family, error) ? 0 : errno;
    close(fd);
    return error->text[0] != '\0' && failed == 0 ? EINVAL : failed;
}

/* The client that is not there has any address of the family. */
static int try_transparent(const struct config_source *config, struct error_text *error)
{
    struct sockaddr_storage any = {.ss_family = AF_INET};
    const struct source source = {.config = config, .client = &any};
    return try_one(&source, AF_INET, error);
}

int source_probe(const struct config_source *config, struct error_text *error)
{
    const struct source source = {.config = config};
    int failed = 0;
    if (config->transparent)
        return try_transparent(config, error);
    if (config->from.count == 0)
        return try_one(&source, AF_INET, error);
    for (size_t i = 0; i < config->from.count && failed == 0; i++)
        failed = try_one(&source, strchr(config->from.items[i], ':') ? AF_INET6 : AF_INET, error);
    return failed;
}
