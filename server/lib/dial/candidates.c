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
    struct addrinfo *found = NULL;
    if (candidates->lookup)
        (void)resolve_end(candidates->lookup, &found);
    if (found)
        freeaddrinfo(found);
    candidates->lookup = NULL;
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
    while ((*at)->ai_family != family && (*at)->ai_next)
        at = &(*at)->ai_next;
    if ((*at)->ai_family != family)
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
    socklen_t size = unix_address_make(address->path, &where);
    if (size == 0)
        return "the path is too long";
    const struct addrinfo one = {.ai_addr = (struct sockaddr *)&where, .ai_addrlen = size};
    return copy_found(&one, address, list, count);
}

/* Makes the list of what was found, which is freed. */
static const char *take_found(struct addrinfo *found, const struct config_address *address,
                              struct candidate **list, size_t *count)
{
    if (!found)
        return "the name has no address";
    found = candidates_in_turn(found);
    const char *why = copy_found(found, address, list, count);
    freeaddrinfo(found);
    return why;
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
    return why ? why : take_found(found, address, list, count);
}

/* ---- One after the other ------------------------------------------------------------------- */

/* Resolves the address, or begins a lookup. */
static const char *begin_address(struct candidates *candidates,
                                 const struct config_address *address)
{
    struct addrinfo *found;
    if (address->kind == CONFIG_ADDRESS_UNIX)
        return resolve_path(address, &candidates->owned, &candidates->have);
    const char *why = resolve_begin(address->host, address->port, candidates->lookup_flags,
                                    &candidates->lookup, &found);
    candidates->lookup_until_us = share_of(candidates);
    if (why || candidates->lookup)
        return why;
    return take_found(found, address, &candidates->owned, &candidates->have);
}

static const char *end_lookup(struct candidates *candidates, const struct config_address *address)
{
    struct addrinfo *found = NULL;
    const char *why = resolve_end(candidates->lookup, &found);
    candidates->lookup = NULL;
    return why ? why : take_found(found, address, &candidates->owned, &candidates->have);
}

static bool looks_up(const struct candidates *candidates)
{
    return candidates->lookup && !resolve_is_done(candidates->lookup) &&
           clock_now_us() < candidates->lookup_until_us;
}

enum candidates_result candidates_try(struct candidates *candidates,
                                      const struct dial_observer *observer,
                                      struct candidate *candidate)
{
    while (!candidates_at_hand(candidates)) {
        bool looked_up = candidates->lookup;
        if (looks_up(candidates))
            return CANDIDATES_LATER;
        if (!looked_up && candidates->next == candidates->count)
            return CANDIDATES_NO_MORE;
        if (!looked_up) {
            candidates_end(candidates);
            candidates->next++;
        }
        const struct config_address *address = &candidates->addresses[candidates->next - 1];
        const char *why =
            looked_up ? end_lookup(candidates, address) : begin_address(candidates, address);
        candidates->list = candidates->owned;
        if (why)
            observer->failed(observer->arg, address->text, why);
    }
    *candidate = candidates->list[candidates->at++];
    return CANDIDATES_ONE;
}

int candidates_fd(const struct candidates *candidates)
{
    return candidates->lookup ? resolve_fd(candidates->lookup) : -1;
}

bool candidates_are_left(const struct candidates *candidates)
{
    return candidates_at_hand(candidates) || candidates->lookup ||
           candidates->next < candidates->count;
}

bool candidates_next(struct candidates *candidates, const struct dial_observer *observer,
                     struct candidate *candidate)
{
    int error = 0;
    enum candidates_result result = candidates_try(candidates, observer, candidate);
    while (result == CANDIDATES_LATER && error == 0) {
        struct pollfd set = {.fd = candidates_fd(candidates), .events = POLLIN};
        error = dial_wait(candidates->wait, &set, 1, candidates->lookup_until_us);
        result = candidates_try(candidates, observer, candidate);
    }
    return result == CANDIDATES_ONE;
}

void candidate_print(const struct candidate *candidate, char *text, size_t size)
{
    const struct sockaddr *address = (const struct sockaddr *)(const void *)&candidate->address;
    if (address->sa_family == AF_UNIX || !address_text(address, candidate->size, text, size))
        (void)snprintf(text, size, "%s", candidate->of->text);
}
