/* Socket addresses as text, for the log and for actpass_sockaddr_text. */
#include "server/lib/dial/address_text.h"

#include "server/include/actpass.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static socklen_t make_ip(const char *host, uint16_t port, struct sockaddr_storage *storage)
{
    struct sockaddr_in *in = (struct sockaddr_in *)storage;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)storage;
    memset(storage, 0, sizeof(*storage));
    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        return sizeof(*in);
    }
    memset(storage, 0, sizeof(*storage));
    cr_assert_eq(inet_pton(AF_INET6, host, &in6->sin6_addr), 1);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    return sizeof(*in6);
}

static void must_be(const void *address, socklen_t size, const char *wanted)
{
    char text[ADDRESS_TEXT_MAX];
    size_t room = strlen(wanted) + 1;
    cr_assert(address_text(address, size, text, sizeof(text)), "%s", wanted);
    cr_assert_str_eq(text, wanted);
    cr_assert_eq(actpass_sockaddr_text(address, size, text, room), 0, "exactly its size");
    cr_assert_str_eq(text, wanted);
    cr_assert_eq(actpass_sockaddr_text(address, size, text, room - 1), -1);
    cr_assert_str_eq(text, "");
    cr_assert_eq(actpass_sockaddr_text(address, size, text, 0), -1);
}

Test(address_text, of_each_family)
{
    struct sockaddr_storage ip;
    const struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
    const struct sockaddr_vm vsock = {.svm_family = AF_VSOCK, .svm_cid = 2, .svm_port = 4711};
    socklen_t size = make_ip("192.0.2.1", 443, &ip);
    must_be(&ip, size, "192.0.2.1:443");
    size = make_ip("2001:db8::1", 65535, &ip);
    must_be(&ip, size, "[2001:db8::1]:65535");
    must_be(&path, sizeof(path), "unix");
    must_be(&path, sizeof(sa_family_t), "unix");
    must_be(&vsock, sizeof(vsock), "vsock:2:4711");
}

Test(address_text, the_longest_fits)
{
    struct sockaddr_storage ip;
    char text[ADDRESS_TEXT_MAX];
    socklen_t size = make_ip("fe80:1111:2222:3333:4444:5555:6666:7777", 65535, &ip);
    ((struct sockaddr_in6 *)&ip)->sin6_scope_id = UINT32_MAX;
    cr_assert(address_text((struct sockaddr *)&ip, size, text, sizeof(text)));
    cr_assert_str_eq(text, "[fe80:1111:2222:3333:4444:5555:6666:7777%4294967295]:65535");
}

Test(address_text, of_none)
{
    struct sockaddr_storage address;
    char text[ADDRESS_TEXT_MAX] = "x";
    socklen_t size = make_ip("192.0.2.1", 443, &address);
    cr_assert_not(address_text((struct sockaddr *)&address, 0, text, sizeof(text)));
    cr_assert_str_eq(text, "");
    cr_assert_not(address_text((struct sockaddr *)&address, size - 1, text, sizeof(text)));
    address.ss_family = AF_VSOCK;
    cr_assert_not(address_text((struct sockaddr *)&address, sizeof(struct sockaddr_vm) - 1, text,
                               sizeof(text)));
    address.ss_family = AF_NETLINK;
    cr_assert_not(address_text((struct sockaddr *)&address, sizeof(address), text, sizeof(text)));
}
