#include "server/daemon/handlers/proxy_out.h"

#include "server/daemon/handlers/client_addresses.h"
#include "server/daemon/handlers/conn_id.h"
#include "server/lib/dial/source.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_SIZE = 256, COMMON_NAME_MAX = 64, TEXT_V1_MAX = 128 };

static bool is_known(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET || address->ss_family == AF_INET6 ||
           address->ss_family == AF_UNIX;
}

/* Both addresses, or none. */
static void find_addresses(const struct handler_job *job, struct proxy_header *header)
{
    bool found = client_addresses(job, &header->source, &header->destination);
    source_unmap(&header->source);
    source_unmap(&header->destination);
    if (!found || !is_known(&header->source) ||
        header->source.ss_family != header->destination.ss_family) {
        memset(&header->source, 0, sizeof(header->source));
        memset(&header->destination, 0, sizeof(header->destination));
    }
}

/* ---- Version 1 ------------------------------------------------------------------------------- */

static void print_ip(const struct sockaddr_storage *address, char text[INET6_ADDRSTRLEN],
                     unsigned *port)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    memcpy(&v4, address, sizeof(v4));
    memcpy(&v6, address, sizeof(v6));
    bool is_v4 = address->ss_family == AF_INET;
    const void *at = is_v4 ? (const void *)&v4.sin_addr : (const void *)&v6.sin6_addr;
    *port = ntohs(is_v4 ? v4.sin_port : v6.sin6_port);
    if (!inet_ntop(address->ss_family, at, text, INET6_ADDRSTRLEN))
        text[0] = '\0'; /* never: the family is known and the text has room */
}

static size_t write_v1(const struct proxy_header *header, void *out)
{
    char line[TEXT_V1_MAX];
    char source[INET6_ADDRSTRLEN];
    char destination[INET6_ADDRSTRLEN];
    unsigned from;
    unsigned to;
    sa_family_t family = header->source.ss_family;
    if (family != AF_INET && family != AF_INET6) {
        memcpy(out, "PROXY UNKNOWN\r\n", 15);
        return 15;
    }
    print_ip(&header->source, source, &from);
    print_ip(&header->destination, destination, &to);
    int length = snprintf(line, sizeof(line), "PROXY TCP%c %s %s %u %u\r\n",
                          family == AF_INET ? '4' : '6', source, destination, from, to);
    memcpy(out, line, (size_t)length);
    return (size_t)length;
}

/* ---- Version 2 ------------------------------------------------------------------------------- */

/* The peer's common name, which is the last of its names. Empty if it has none, or a longer one
 * than certificates may have. */
static void find_common_name(actpass_conn *conn, char name[COMMON_NAME_MAX + 1])
{
    char text[NAME_MAX_SIZE];
    int64_t length = 0;
    name[0] = '\0';
    for (unsigned i = 0; (length = actpass_peer_name(conn, i, text, sizeof(text))) > 0; i++)
        if ((size_t)length < sizeof(text) && strncmp(text, "cn:", 3) == 0 &&
            length - 3 <= COMMON_NAME_MAX)
            memcpy(name, text + 3, (size_t)length - 2);
}

static struct proxy_bytes text_or_none(const char *text)
{
    size_t length = strlen(text);
    return (struct proxy_bytes){length > 0 ? text : NULL, length};
}

/* The texts that a header points to. */
struct details {
    actpass_info_t info;
    char common_name[COMMON_NAME_MAX + 1];
    char id[CONN_ID_SIZE];
    char role[64];
    uint8_t certificate[PROXY_HEADER_MAX];
};

static bool wants(const struct handler_job *job, const char *name)
{
    const struct config_strings *names = &job->what->forward.proxy_tlvs;
    bool found = names->count == 0 && strcmp(name, "certificate") != 0;
    for (size_t i = 0; !found && i < names->count; i++)
        found = strcmp(names->items[i], name) == 0;
    return found;
}

static void add(struct proxy_header *header, uint8_t type, const char *text)
{
    if (text[0] != '\0')
        header->tlvs[header->tlv_count++] = (struct proxy_tlv){type, text_or_none(text)};
}

static void describe_tls(const struct handler_job *job, struct details *details,
                         struct proxy_header *header)
{
    const actpass_info_t *info = &details->info;
    bool shown = actpass_peer_certificate(job->conn, 0, NULL, 0) > 0;
    header->has_ssl = true;
    header->ssl = (struct proxy_ssl){.client = PROXY_CLIENT_SSL,
                                     .verify = shown ? 0 : 1,
                                     .version = text_or_none(info->protocol),
                                     .cipher = text_or_none(info->cipher)};
    if (shown)
        header->ssl.client |= PROXY_CLIENT_CERT_SESS;
    if (shown && !info->resumed)
        header->ssl.client |= PROXY_CLIENT_CERT_CONN;
    find_common_name(job->conn, details->common_name);
    header->ssl.cn = text_or_none(details->common_name);
}

/* Ours: the peer cannot know whether we are its client, or why. */
static void describe_role(struct details *details, struct proxy_header *header)
{
    (void)snprintf(details->role, sizeof(details->role), "%s %s",
                   actpass_role_name(details->info.role), actpass_cause_name(details->info.cause));
    add(header, PROXY_OUT_ROLE, details->role);
}

/* A client's certificate that is longer than any header is left out at once. */
static void add_certificate(struct handler_job *job, struct details *details,
                            struct proxy_header *header)
{
    int64_t size =
        actpass_peer_certificate(job->conn, 0, details->certificate, sizeof(details->certificate));
    if (size <= 0)
        return;
    header->has_ssl = true;
    header->ssl.client |= PROXY_CLIENT_SSL;
    header->ssl.certificate = (struct proxy_bytes){details->certificate, (size_t)size};
}

static void describe(struct handler_job *job, struct details *details, struct proxy_header *header)
{
    actpass_info(job->conn, &details->info);
    if (wants(job, "alpn"))
        add(header, PROXY_ALPN, details->info.alpn);
    if (wants(job, "authority"))
        add(header, PROXY_AUTHORITY, details->info.server_name);
    if (wants(job, "unique_id") && conn_id(job->conn, details->id))
        add(header, PROXY_UNIQUE_ID, details->id);
    if (wants(job, "role"))
        describe_role(details, header);
    if (wants(job, "ssl"))
        describe_tls(job, details, header);
    if (wants(job, "certificate"))
        add_certificate(job, details, header);
}

/* Encodes what fits. */
static size_t shorten(struct handler_job *job, struct proxy_header *header, void *out)
{
    header->ssl.certificate = (struct proxy_bytes){NULL, 0};
    size_t length = proxy_header_encode(header, out, PROXY_HEADER_MAX);
    (void)error_set(&job->problem,
                    "the PROXY header would be longer than %d bytes: %s is left out of it",
                    PROXY_HEADER_MAX, length > 0 ? "the client's certificate" : "all but TLS");
    if (length > 0)
        return length;
    header->tlv_count = 0;
    header->ssl.cn = (struct proxy_bytes){NULL, 0};
    return proxy_header_encode(header, out, PROXY_HEADER_MAX);
}

static size_t write_v2(struct handler_job *job, struct proxy_header *header, void *out)
{
    struct details details;
    describe(job, &details, header);
    bool fits = header->ssl.certificate.length <= PROXY_HEADER_MAX;
    size_t length = fits ? proxy_header_encode(header, out, PROXY_HEADER_MAX) : 0;
    return length > 0 ? length : shorten(job, header, out);
}

size_t proxy_out_write(struct handler_job *job, void *out)
{
    enum config_proxy_header version = job->what->forward.proxy_header;
    struct proxy_header header = {.command = PROXY_PROXY};
    if (version == CONFIG_PROXY_HEADER_NONE)
        return 0;
    find_addresses(job, &header);
    return version == CONFIG_PROXY_HEADER_V1 ? write_v1(&header, out) : write_v2(job, &header, out);
}
