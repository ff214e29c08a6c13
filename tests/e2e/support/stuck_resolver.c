/* Preloaded into a program under test: a name is never resolved, as with name servers that are
 * silent. Numeric addresses are. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <stddef.h>

typedef int look_up(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **found)
{
    look_up *next = (look_up *)dlsym(RTLD_NEXT, "getaddrinfo");
    if (hints && (hints->ai_flags & AI_NUMERICHOST) != 0)
        return next(host, port, hints, found);
    struct addrinfo numeric = hints ? *hints : (struct addrinfo){0};
    numeric.ai_flags |= AI_NUMERICHOST;
    int failed = next(host, port, &numeric, found);
    while (failed == EAI_NONAME)
        (void)poll(NULL, 0, -1); /* not pause, which the sandbox refuses */
    return failed;
}
