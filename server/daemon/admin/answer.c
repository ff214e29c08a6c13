#include "server/daemon/admin/answer.h"

#include "server/daemon/admin/assets.h"
#include "server/daemon/admin/metrics.h"
#include "server/daemon/admin/status.h"
#include "server/daemon/state.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_PLAIN "text/plain; charset=utf-8"

/* ---- Who may ask ----------------------------------------------------------------------------- */

bool answer_knows_method(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* Nothing, or a colon and digits. */
static bool is_port(const char *text)
{
    return *text == '\0' ||
           (*text == ':' && text[1] != '\0' && strspn(text + 1, "0123456789") == strlen(text + 1));
}

static bool is_local_ipv4(const char *host)
{
    char text[INET_ADDRSTRLEN] = "";
    struct in_addr address;
    size_t length = strcspn(host, ":");
    if (length >= sizeof(text))
        return false;
    memcpy(text, host, length);
    return inet_pton(AF_INET, text, &address) == 1 && strncmp(text, "127.", 4) == 0 &&
           is_port(host + length);
}

bool answer_is_local(const char *host)
{
    static const char name[] = "localhost", ipv6[] = "[::1]";
    if (!host)
        return true;
    if (strncasecmp(host, name, strlen(name)) == 0)
        return is_port(host + strlen(name));
    if (strncmp(host, ipv6, strlen(ipv6)) == 0)
        return is_port(host + strlen(ipv6));
    return is_local_ipv4(host);
}

/* ---- The answers ----------------------------------------------------------------------------- */

static void say(struct answer *answer, enum answer_status status, const char *body)
{
    *answer =
        (struct answer){.status = status, .type = TEXT_PLAIN, .body = body, .length = strlen(body)};
}

static void give(struct answer *answer, const char *type, const struct out *out)
{
    if (out->failed) {
        free(out->bytes);
        say(answer, ANSWER_OUT_OF_MEMORY, "out of memory\n");
        return;
    }
    *answer = (struct answer){
        .status = ANSWER_OK, .type = type, .owned = out->bytes, .length = out->length};
}

static void give_status(struct server *server, const struct request *request, struct answer *answer)
{
    struct out out = {.length = 0};
    char *end = NULL;
    const char *text = request->connections;
    unsigned long count = text ? strtoul(text, &end, 10) : STATUS_CONNECTIONS_DEFAULT;
    if (text && (*text < '0' || *text > '9' || *end != '\0' || count > STATUS_CONNECTIONS_MAX)) {
        say(answer, ANSWER_BAD_REQUEST, "connections must be a number from 0 to 50000\n");
        return;
    }
    status_write(server, (size_t)count, &out);
    give(answer, "application/json", &out);
}

static void give_metrics(struct server *server, const struct request *request,
                         struct answer *answer)
{
    struct out out = {.length = 0};
    (void)request;
    metrics_write(server, &out);
    give(answer, "text/plain; version=0.0.4; charset=utf-8", &out);
}

static void give_health(struct server *server, const struct request *request, struct answer *answer)
{
    (void)server;
    (void)request;
    say(answer, ANSWER_OK, "ok\n");
}

static void give_readiness(struct server *server, const struct request *request,
                           struct answer *answer)
{
    (void)request;
    if (atomic_load(&server->stops) > 0)
        say(answer, ANSWER_STOPPING, "stopping\n");
    else
        say(answer, ANSWER_OK, "ready\n");
}

static const struct route {
    const char *path;
    void (*give)(struct server *server, const struct request *request, struct answer *answer);
} routes[] = {{"/status", give_status},
              {"/metrics", give_metrics},
              {"/healthz", give_health},
              {"/readyz", give_readiness}};

static bool give_asset(const char *path, struct answer *answer)
{
    for (size_t i = 0; i < assets_count; i++) {
        const struct asset *asset = &assets[i];
        if (strcmp(asset->path, path) == 0) {
            *answer = (struct answer){.status = ANSWER_OK,
                                      .type = asset->type,
                                      .body = asset->bytes,
                                      .length = asset->length};
            return true;
        }
    }
    return false;
}

void answer_make(struct server *server, enum answer_guard guard, const struct request *request,
                 struct answer *answer)
{
    if (guard == ANSWER_LOCAL_HOST && !answer_is_local(request->host)) {
        say(answer, ANSWER_WRONG_HOST, "ask for 127.0.0.1, [::1] or localhost\n");
        return;
    }
    if (!answer_knows_method(request->method)) {
        say(answer, ANSWER_WRONG_METHOD, "only GET and HEAD\n");
        return;
    }
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(routes[i].path, request->path) == 0) {
            routes[i].give(server, request, answer);
            return;
        }
    }
    if (!give_asset(request->path, answer))
        say(answer, ANSWER_NOT_FOUND, "there is nothing here; see /, /status and /metrics\n");
}
