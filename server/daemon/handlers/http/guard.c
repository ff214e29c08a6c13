#include "server/daemon/handlers/http/guard.h"

#include "relay/clock.h"
#include "server/lib/conn.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { ANSWER_MS = 60000 }; /* somebody may have to choose a certificate */

/* "/secure" fits "/secure/", too: it is that folder without its slash. */
static bool fits(const char *prefix, const char *path, bool exactly)
{
    int (*compare)(const char *, const char *, size_t) = exactly ? strncmp : strncasecmp;
    size_t length = strlen(prefix);
    return compare(path, prefix, length) == 0 ||
           (strlen(path) + 1 == length && compare(path, prefix, length - 1) == 0);
}

static const struct config_protected *find(const struct config_http *http, const char *path,
                                           bool exactly)
{
    const struct config_protected *longest = NULL;
    for (size_t i = 0; i < http->protected_count; i++) {
        const struct config_protected *one = &http->protected_paths[i];
        if (fits(one->prefix, path, exactly) &&
            (!longest || strlen(one->prefix) > strlen(longest->prefix)))
            longest = one;
    }
    return longest;
}

/* Of parts that differ in case only the one as it is written will do. */
struct http_protection http_protection(const struct config_http *http, const char *path)
{
    struct http_protection found = {find(http, path, true), find(http, path, false)};
    if (found.part && found.folded && strlen(found.part->prefix) == strlen(found.folded->prefix))
        found.folded = NULL;
    return found;
}

/* Besides what TLS demands: names and pins of this part alone. */
static bool is_on_list(actpass_conn *conn, const struct config_protected *part,
                       struct tls_error *why)
{
    if (!part || (part->peer_names.count == 0 && part->peer_pins.count == 0))
        return true;
    const struct config_tls list = {.peer_names = part->peer_names, .peer_pins = part->peer_pins};
    struct policy *policy = policy_new(&list, NULL, why);
    bool is = policy && conn_peer_is(conn, policy, why);
    policy_free(policy);
    return is;
}

int http_ask_leave(actpass_conn *conn, const struct http_protection *protection, bool *asked,
                   struct tls_error *why)
{
    if (!protection->part && !protection->folded)
        return 200;
    if (*asked) {
        (void)snprintf(why->text, sizeof(why->text),
                       "the client was asked for a certificate before, and gave none");
        return 403;
    }
    switch (conn_ask_certificate(conn, false, clock_deadline_ms(ANSWER_MS), why)) {
    case ASKED_GIVEN:
        return is_on_list(conn, protection->part, why) && is_on_list(conn, protection->folded, why)
                   ? 200
                   : 403;
    case ASKED_NONE:
        *asked = true;
        return 403;
    case ASKED_FAILED:
    case ASKED_AGAIN:
        break;
    }
    return 0;
}
