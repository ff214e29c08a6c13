#include "server/lib/dial/address_text.h"

#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static int print_ip(const struct sockaddr *address, socklen_t address_size, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
    char port[8];
    if (getnameinfo(address, address_size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return -1;
    return snprintf(text, size, address->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static int print_vsock(const struct sockaddr *address, socklen_t address_size, char *text,
                       size_t size)
{
    struct sockaddr_vm vsock;
    if (address_size < sizeof(vsock))
        return -1;
    memcpy(&vsock, address, sizeof(vsock));
    return snprintf(text, size, "vsock:%u:%u", vsock.svm_cid, vsock.svm_port);
}

bool address_text(const struct sockaddr *address, socklen_t address_size, char *text, size_t size)
{
    int length = -1;
    if (address_size < sizeof(address->sa_family))
        length = -1;
    else if (address->sa_family == AF_UNIX)
        length = snprintf(text, size, "unix");
    else if (address->sa_family == AF_INET || address->sa_family == AF_INET6)
        length = print_ip(address, address_size, text, size);
    else if (address->sa_family == AF_VSOCK)
        length = print_vsock(address, address_size, text, size);
    bool written = length >= 0 && (size_t)length < size;
    if (!written)
        text[0] = '\0';
    return written;
}
