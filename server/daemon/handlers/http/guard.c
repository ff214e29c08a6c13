#include "server/daemon/handlers/http/guard.h"

#include "server/lib/parsed.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ANSWER_MS = 60000 }; /* the peer may have to ask its user for a certificate */

/* ---- The parts ----------------------------------------------------------------------------- */

static bool load_part(struct http_protected *part, const struct config_protected *config,
                      struct error_text *error)
{
    part->prefix = config->prefix;
    if (config->peer_names.count == 0 && config->peer_pins.count == 0)
        return true;
    part->policy = parsed_policy(&config->peer_names, &config->peer_pins, error);
    return part->policy;
}

void http_guard_free(struct http_guard *guard)
{
    if (!guard)
        return;
    for (size_t i = 0; i < guard->count; i++)
        actpass_policy_free(guard->parts[i].policy);
    free(guard->parts);
    free(guard);
}

struct http_guard *http_guard_new(const struct config_http *http, struct error_text *error)
{
    struct http_guard *guard = calloc(1, sizeof(*guard));
    if (guard && http->protected_count > 0)
        guard->parts = calloc(http->protected_count, sizeof(guard->parts[0]));
    if (!guard || (http->protected_count > 0 && !guard->parts)) {
        (void)error_set(error, "out of memory");
        free(guard);
        return NULL;
    }
    guard->count = http->protected_count;
    for (size_t i = 0; i < guard->count; i++) {
        if (!load_part(&guard->parts[i], &http->protected_paths[i], error)) {
            http_guard_free(guard);
            return NULL;
        }
    }
    return guard;
}

/* strncmp or strncasecmp. */
typedef int comparison(const char *one, const char *other, size_t length);

/* "/secure" matches "/secure/", too: it is the same folder, named without its slash. */
static bool fits(const char *prefix, const char *path, comparison *compare)
{
    size_t length = strlen(prefix);
    return compare(path, prefix, length) == 0 ||
           (strlen(path) + 1 == length && compare(path, prefix, length - 1) == 0);
}

static const struct http_protected *find(const struct http_guard *guard, const char *path,
                                         comparison *compare)
{
    const struct http_protected *longest = NULL;
    for (size_t i = 0; i < guard->count; i++) {
        const struct http_protected *part = &guard->parts[i];
        if (fits(part->prefix, path, compare) &&
            (!longest || strlen(part->prefix) > strlen(longest->prefix)))
            longest = part;
    }
    return longest;
}

/* If two parts differ in letter case only, the exact one is enough. */
struct http_protection http_guard_find(const struct http_guard *guard, const char *path)
{
    struct http_protection found = {find(guard, path, strncmp), find(guard, path, strncasecmp)};
    if (found.exact && found.folded && strlen(found.exact->prefix) == strlen(found.folded->prefix))
        found.folded = NULL;
    return found;
}

/* ---- The peer ------------------------------------------------------------------------------ */

/* The policy of the part alone; that of TLS was judged before. */
static bool accepts(const struct http_protected *part, actpass_conn *conn, struct error_text *why)
{
    char text[sizeof(why->text)] = "";
    return !part || !part->policy ||
           actpass_peer_matches(conn, part->policy, text, sizeof(text)) == 1 ||
           error_set(why, "%s", text);
}

static enum http_access judge(actpass_conn *conn, const struct http_protection *protection,
                              struct error_text *why)
{
    return accepts(protection->exact, conn, why) && accepts(protection->folded, conn, why)
               ? HTTP_ACCESS_GRANTED
               : HTTP_ACCESS_DENIED;
}

enum http_access http_guard_check(actpass_conn *conn, const struct http_protection *protection,
                                  bool *refused, struct error_text *why)
{
    char text[sizeof(why->text)] = "";
    if (!protection->exact && !protection->folded)
        return HTTP_ACCESS_GRANTED;
    if (*refused) {
        (void)error_set(why, "the client was asked for a certificate before, and gave none");
        return HTTP_ACCESS_DENIED;
    }
    int asked = actpass_request_optional_certificate(conn, ANSWER_MS, text, sizeof(text));
    if (asked == 1)
        return judge(conn, protection, why);
    if (asked != 0)
        return HTTP_ACCESS_CLOSED;
    *refused = true;
    (void)error_set(why, "%s", text);
    return HTTP_ACCESS_DENIED;
}
