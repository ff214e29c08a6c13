#include "server/lib/dial/candidates.h"

#include "relay/clock.h"
#include "server/lib/dial/address_text.h"
#include "server/lib/dial/resolve.h"
#include "server/lib/dial/unix_address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct dial_wait no_limit = {.cancel_fd = -1};

void candidates_begin(struct candidates *candidates, const struct config_address *addresses,
                      size_t count)
{
    *candidates = (struct candidates){.addresses = addresses,
                                      .count = count,
                                      .wait = &no_limit,
                                      .deadline_us = DEADLINE_NEVER,
                                      .lookup_flags = AI_ADDRCONFIG};
}

void candidates_begin_list(struct candidates *candidates, const struct candidate *list,
                           size_t count)
{
    candidates_begin(candidates, NULL, 0);
    candidates->list = list;
    candidates->have = count;
}

void candidates_limit(struct candidates *candidates, const struct dial_wait *wait,
                      int64_t deadline_us)
{
    candidates->wait = wait;
    candidates->deadline_us = deadline_us;
}

void candidates_end(struct candidates *candidates)
{
    free(candidates->owned);
    candidates->owned = NULL;
    candidates->list = NULL;
    candidates->have = candidates->at = 0;
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

static const char *copy_found(const struct addrinfo *found, const struct config_address *address,
                              struct candidate **list, size_t *count)
{
    *list = calloc(1 + count_of(found->ai_next), sizeof(**list));
    if (!*list)
        return strerror(ENOMEM);
    for (*count = 0; found; found = found->ai_next) {
        struct candidate *candidate = &(*list)[(*count)++];
        memcpy(&candidate->address, found->ai_addr, found->ai_addrlen);
        candidate->size = found->ai_addrlen;
        candidate->of = address;
    }
    return NULL;
}

static const char *resolve_path(const struct config_address *address, struct candidate **list,
                                size_t *count)
{
    struct sockaddr_un where;
    if (!unix_address_make(address->path, &where))
        return "the path is too long";
    const struct addrinfo one = {.ai_addr = (struct sockaddr *)&where, .ai_addrlen = sizeof(where)};
    return copy_found(&one, address, list, count);
}

const char *candidates_resolve(const struct config_address *address, int flags,
                               const struct dial_wait *wait, int64_t deadline_us,
                               struct candidate **list, size_t *count)
{
    struct addrinfo *found = NULL;
    *list = NULL;
    *count = 0;
    if (address->kind == CONFIG_ADDRESS_UNIX)
        return resolve_path(address, list, count);
    const char *why = resolve_host(address->host, address->port, flags, wait, deadline_us, &found);
    if (why)
        return why;
    if (!found)
        return "the name has no address";
    found = candidates_in_turn(found);
    why = copy_found(found, address, list, count);
    freeaddrinfo(found);
    return why;
}

bool candidates_next(struct candidates *candidates, const struct dial_observer *observer,
                     struct candidate *candidate)
{
    while (!candidates_at_hand(candidates)) {
        if (candidates->next == candidates->count)
            return false;
        const struct config_address *address = &candidates->addresses[candidates->next++];
        candidates_end(candidates);
        const char *why =
            candidates_resolve(address, candidates->lookup_flags, candidates->wait,
                               share_of(candidates), &candidates->owned, &candidates->have);
        candidates->list = candidates->owned;
        if (why)
            observer->failed(observer->arg, address->text, why);
    }
    *candidate = candidates->list[candidates->at++];
    return true;
}

void candidate_print(const struct candidate *candidate, char *text, size_t size)
{
    const struct sockaddr *address = (const struct sockaddr *)(const void *)&candidate->address;
    if (address->sa_family == AF_UNIX || !address_text(address, candidate->size, text, size))
        (void)snprintf(text, size, "%s", candidate->of->text);
}
