#include "server/lib/dial/candidates.h"

#include "relay/clock.h"
#include "server/lib/dial/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

void candidates_begin(struct candidates *candidates, const struct config_address *addresses,
                      size_t count)
{
    *candidates = (struct candidates){
        .addresses = addresses, .count = count, .cancel_fd = -1, .deadline_us = DEADLINE_NEVER};
}

void candidates_limit(struct candidates *candidates, int cancel_fd, int64_t deadline_us)
{
    candidates->cancel_fd = cancel_fd;
    candidates->deadline_us = deadline_us;
}

void candidates_end(struct candidates *candidates)
{
    free(candidates->list);
    candidates->list = NULL;
}

bool candidates_at_hand(const struct candidates *candidates)
{
    return candidates->at < candidates->have;
}

/* The addresses that are left share what is left of the time, so that one name server that is
 * silent does not keep a spare address from its turn. */
static int64_t share_of(const struct candidates *candidates)
{
    if (candidates->deadline_us == DEADLINE_NEVER)
        return DEADLINE_NEVER;
    int64_t now_us = clock_now_us();
    int64_t addresses = 1 + (int64_t)(candidates->count - candidates->next);
    return now_us + (candidates->deadline_us - now_us) / addresses;
}

/* The next one of the wanted family, or of the other where there is none; takes it out of the list.
 */
static struct addrinfo *take_of_family(struct addrinfo **list, int family)
{
    struct addrinfo **at = list;
    while (*at && (*at)->ai_family != family)
        at = &(*at)->ai_next;
    if (!*at)
        at = list;
    struct addrinfo *taken = *at;
    *at = taken->ai_next;
    return taken;
}

static size_t count_of(const struct addrinfo *list)
{
    size_t count = 0;
    for (; list; list = list->ai_next)
        count++;
    return count;
}

struct addrinfo *candidates_in_turn(struct addrinfo *list)
{
    struct addrinfo *first = NULL;
    struct addrinfo **end = &first;
    int family = list ? list->ai_family : AF_UNSPEC;
    while (list) {
        struct addrinfo *one = take_of_family(&list, family);
        family = one->ai_family == AF_INET6 ? AF_INET : AF_INET6;
        *end = one;
        end = &one->ai_next;
    }
    *end = NULL;
    return first;
}

static const char *resolve_name(struct candidates *candidates, const struct config_address *address)
{
    struct addrinfo *found = NULL;
    const char *why = resolve_within(address->host, address->port, AI_ADDRCONFIG,
                                     candidates->cancel_fd, share_of(candidates), &found);
    if (why)
        return why;
    if (!found)
        return "the name has no address";
    found = candidates_in_turn(found);
    candidates->list = calloc(1 + count_of(found), sizeof(candidates->list[0])); /* never none */
    const struct addrinfo *one = candidates->list ? found : NULL;
    for (; one; one = one->ai_next) {
        struct candidate *candidate = &candidates->list[candidates->have++];
        memcpy(&candidate->address, one->ai_addr, one->ai_addrlen);
        candidate->size = one->ai_addrlen;
        candidate->of = address;
    }
    freeaddrinfo(found);
    return candidates->list ? NULL : strerror(ENOMEM);
}

static const char *resolve_path(struct candidates *candidates, const struct config_address *address)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    size_t length = strlen(address->path);
    if (length >= sizeof(where.sun_path))
        return "the path is too long";
    memcpy(where.sun_path, address->path, length);
    candidates->list = calloc(1, sizeof(candidates->list[0]));
    if (!candidates->list)
        return strerror(ENOMEM);
    memcpy(&candidates->list[0].address, &where, sizeof(where));
    candidates->list[0].size = sizeof(where);
    candidates->list[0].of = address;
    candidates->have = 1;
    return NULL;
}

bool candidates_next(struct candidates *candidates, const struct dial_ear *ear,
                     struct candidate *candidate)
{
    while (!candidates_at_hand(candidates)) {
        if (candidates->next == candidates->count)
            return false;
        const struct config_address *address = &candidates->addresses[candidates->next++];
        candidates_end(candidates);
        candidates->have = candidates->at = 0;
        const char *why = address->kind == CONFIG_ADDRESS_UNIX ? resolve_path(candidates, address)
                                                               : resolve_name(candidates, address);
        if (why)
            ear->failed(ear->arg, address->text, why);
    }
    *candidate = candidates->list[candidates->at++];
    return true;
}

void candidate_print(const struct candidate *candidate, char *text, size_t size)
{
    const struct sockaddr *address = (const struct sockaddr *)(const void *)&candidate->address;
    char host[INET6_ADDRSTRLEN + 16];
    char port[8];
    if (address->sa_family == AF_UNIX ||
        getnameinfo(address, candidate->size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        (void)snprintf(text, size, "%s", candidate->of->text);
        return;
    }
    (void)snprintf(text, size, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}
