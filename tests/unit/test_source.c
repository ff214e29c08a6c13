/* From where a TCP connection is made. */
#include "server/lib/dial/source.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The source of a socket for FAMILY, prepared and connected to nothing. */
static bool apply(const struct config_source *config, const struct sockaddr_storage *client,
                  int family, struct sockaddr_storage *local, struct error_text *error)
{
    const struct source source = {.config = config, .client = client};
    socklen_t size = sizeof(*local);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    error->text[0] = '\0';
    bool applied = source_apply(&source, fd, family, error);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)(void *)local, &size), 0);
    close(fd);
    cr_assert_eq(applied, error->text[0] == '\0', "%s", error->text);
    return applied;
}

static struct config_source from(char **items, size_t count)
{
    return (struct config_source){.from = {.items = items, .count = count}};
}

Test(source, of_two_addresses_the_family_decides)
{
    char *pair[] = {"::1", "127.0.0.3"};
    struct config_source config = from(pair, 2);
    struct sockaddr_storage local = {.ss_family = AF_UNSPEC};
    struct error_text error;
    cr_assert(apply(&config, NULL, AF_INET, &local, &error), "%s", error.text);
    const struct sockaddr_in *v4 = (const void *)&local;
    cr_assert_eq(v4->sin_addr.s_addr, htonl(0x7f000003));
    config = from(pair, 1);
    cr_assert_not(apply(&config, NULL, AF_INET, &local, &error));
    cr_assert_str_eq(error.text, "left out, because the source (::1) is of another family");
    config = from(&pair[1], 1);
    cr_assert_not(apply(&config, NULL, AF_INET6, &local, &error));
}

Test(source, nothing_is_set_where_there_is_none)
{
    const struct config_source none = {.mark = 0};
    struct sockaddr_storage local = {.ss_family = AF_UNSPEC};
    struct error_text error;
    cr_assert(apply(&none, NULL, AF_INET, &local, &error));
    cr_assert(apply(NULL, NULL, AF_INET, &local, &error));
    const struct sockaddr_in *v4 = (const void *)&local;
    cr_assert_eq(v4->sin_addr.s_addr, 0);
}

Test(source, what_is_not_there_is_named)
{
    char *elsewhere[] = {"192.0.2.1"};
    struct config_source config = from(elsewhere, 1);
    struct sockaddr_storage local = {.ss_family = AF_UNSPEC};
    struct error_text error;
    cr_assert_not(apply(&config, NULL, AF_INET, &local, &error));
    cr_assert(strstr(error.text, "cannot connect from 192.0.2.1: "), "%s", error.text);
    cr_assert_eq(source_probe(&config, &error), EADDRNOTAVAIL);
    config = (struct config_source){.device = "no-such-dev"};
    cr_assert_not(apply(&config, NULL, AF_INET, &local, &error));
    cr_assert_str_eq(error.text, "there is no network interface \"no-such-dev\" (\"device\")");
    error.text[0] = '\0';
    cr_assert_neq(source_probe(&config, &error), 0);
}

Test(source, a_client_without_an_ip_address)
{
    const struct config_source config = {.transparent = true};
    const struct sockaddr_storage client = {.ss_family = AF_UNIX};
    struct sockaddr_storage local = {.ss_family = AF_UNSPEC};
    struct error_text error;
    cr_assert_not(apply(&config, &client, AF_INET, &local, &error));
    cr_assert(strstr(error.text, "needs the client's IP address"), "%s", error.text);
    cr_assert_not(apply(&config, NULL, AF_INET, &local, &error));
    const struct sockaddr_storage v6 = {.ss_family = AF_INET6};
    cr_assert_not(apply(&config, &v6, AF_INET, &local, &error));
    cr_assert(strstr(error.text, "of another family"), "%s", error.text);
}

/* The client of a socket for both families; only root may do this. */
Test(source, a_mapped_client_is_one_of_ipv4)
{
    const struct config_source config = {.transparent = true};
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
    struct sockaddr_storage client = {0};
    struct sockaddr_storage local = {.ss_family = AF_UNSPEC};
    struct error_text error;
    cr_assert_eq(inet_pton(AF_INET6, "::ffff:192.0.2.7", &mapped.sin6_addr), 1);
    memcpy(&client, &mapped, sizeof(mapped));
    bool applied = apply(&config, &client, AF_INET, &local, &error);
    if (!applied) {
        cr_assert(strstr(error.text, "it needs CAP_NET_RAW"), "%s", error.text);
        return;
    }
    const struct sockaddr_in *v4 = (const void *)&local;
    cr_assert_eq(v4->sin_addr.s_addr, htonl(0xc0000207));
}

/* In a process of its own, which is not root any more. */
static int probe_without_rights(const struct config_source *config)
{
    struct error_text error = {.text = ""};
    if (geteuid() == 0 && setuid(65534) != 0)
        return 1;
    if (source_probe(config, &error) != EPERM)
        return 2;
    return strstr(error.text, "Operation not permitted: it needs CAP_NET_RAW") ? 0 : 3;
}

Test(source, what_lacks_a_right_says_which)
{
    const struct config_source wishes[] = {{.mark = 7}, {.transparent = true}};
    for (size_t i = 0; i < 2; i++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0)
            _exit(probe_without_rights(&wishes[i]));
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFEXITED(status));
        cr_assert_eq(WEXITSTATUS(status), 0, "%zu", i);
    }
}
