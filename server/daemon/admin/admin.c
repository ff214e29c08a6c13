#include "server/daemon/admin/admin.h"

#include "server/daemon/admin/http.h"
#include "server/daemon/listener.h"
#include "server/daemon/state.h"

#include <stdlib.h>

struct admin {
    struct server *server;
    enum answer_guard guard;
    struct listener *listener;
    struct http_server *http; /* NULL: not started */
};

const char *admin_missing(void)
{
    return http_missing();
}

struct admin *admin_new(struct server *server, const struct config_address *address,
                        const struct config_socket_file *file, struct listener *listener,
                        struct error_text *error)
{
    struct admin *admin = calloc(1, sizeof(*admin));
    if (!admin) {
        (void)error_set(error, "out of memory");
        listener_close(listener);
        return NULL;
    }
    admin->server = server;
    admin->guard = address->kind == CONFIG_ADDRESS_TCP ? ANSWER_LOCAL_HOST : ANSWER_ANY_HOST;
    admin->listener = listener ? listener : listener_open(address, file, error);
    if (admin->listener)
        return admin;
    free(admin);
    return NULL;
}

static void answer(void *arg, const struct request *request, struct answer *answer)
{
    const struct admin *admin = arg;
    answer_make(admin->server, admin->guard, request, answer);
}

void admin_start(struct admin *admin)
{
    admin->http = http_start(listener_fd(admin->listener), answer, admin);
    struct log_field fields[] = {
        log_text("event", "admin"), log_text("address", listener_address(admin->listener)),
        log_text("error", "it does not answer: its thread cannot be started")};
    size_t count = sizeof(fields) / sizeof(fields[0]);
    log_write(admin->server->log, admin->http ? CONFIG_LOG_INFO : CONFIG_LOG_ERROR, fields,
              admin->http ? count - 1 : count);
}

struct listener *admin_listener(struct admin *admin)
{
    return admin ? admin->listener : NULL;
}

void admin_give_away(struct admin *admin)
{
    if (!admin)
        return;
    http_stop(admin->http);
    admin->http = NULL;
    listener_disown(admin->listener);
    listener_shut(admin->listener);
}

void admin_free(struct admin *admin)
{
    if (!admin)
        return;
    http_stop(admin->http);
    listener_close(admin->listener);
    free(admin);
}
