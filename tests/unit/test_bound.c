/* The address that a socket is bound to. */
#include "server/daemon/bound.h"

#include "server/lib/dial/unix_address.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int bind_new(const void *where, socklen_t size)
{
    int fd = socket(((const struct sockaddr *)where)->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, where, size), 0);
    return fd;
}

Test(bound, tcp)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002)};
    char text[BOUND_TEXT];
    char wanted[32];
    int fd = bind_new(&where, sizeof(where));
    socklen_t size = sizeof(where);
    const struct sockaddr_in any = where;
    cr_assert(bound_to(fd, (const struct sockaddr *)&any, sizeof(any)));
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&where, &size), 0);
    cr_assert(bound_to(fd, (const struct sockaddr *)&where, size));
    bound_print(fd, text);
    (void)snprintf(wanted, sizeof(wanted), "127.0.0.2:%u", ntohs(where.sin_port));
    cr_assert_str_eq(text, wanted);
    where.sin_port++;
    cr_assert_not(bound_to(fd, (const struct sockaddr *)&where, size));
    close(fd);
}

/* "a" and "ab", and the path "a": all are others. */
Test(bound, abstract_names)
{
    char names[2][64];
    struct sockaddr_un where[2];
    socklen_t sizes[2];
    char text[BOUND_TEXT];
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "@actpass-bound-%d%s", (int)getpid(),
                       i == 0 ? "" : "b");
        sizes[i] = unix_address_make(names[i], &where[i]);
        cr_assert_gt(sizes[i], 0);
    }
    int fd = bind_new(&where[0], sizes[0]);
    cr_assert(bound_to(fd, (const struct sockaddr *)&where[0], sizes[0]));
    cr_assert_not(bound_to(fd, (const struct sockaddr *)&where[1], sizes[1]));
    bound_print(fd, text);
    cr_assert_eq(strncmp(text, "unix:", 5), 0);
    cr_assert_str_eq(text + 5, names[0]);
    sizes[1] = unix_address_make(names[0] + 1, &where[1]);
    cr_assert_not(bound_to(fd, (const struct sockaddr *)&where[1], sizes[1]));
    close(fd);
}

Test(bound, of_nothing)
{
    char text[BOUND_TEXT];
    bound_print(-1, text);
    cr_assert_str_eq(text, "?:?");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bound_print(fd, text);
    cr_assert_str_eq(text, "unix:");
    close(fd);
}
