#include "server/daemon/preface/mysql_backend.h"

#include "relay/clock.h"
#include "server/daemon/handlers/dialed.h"

static const struct config_address *address_of(const struct preface *preface)
{
    return preface->config->as_server.forward.items;
}

void mysql_backend_begin(struct preface *preface, struct mysql_backend *backend)
{
    backend->dial =
        (struct dial){.addresses = address_of(preface),
                      .count = 1,
                      .deadline_us = DEADLINE_NEVER,
                      .limit_name = "handshake_timeout",
                      .wait = {.cancel_fd = -1},
                      .observer = {.failed = dialed_keep_reason, .arg = &backend->reason}};
    race_begin(&backend->race, &backend->dial);
    backend->dials = true;
}

void mysql_backend_end(struct mysql_backend *backend)
{
    if (backend->dials)
        race_end(&backend->race, 0);
    backend->dials = false;
}

enum preface_next mysql_backend_dial(struct preface *preface, struct mysql_backend *backend)
{
    struct candidate winner;
    int fd;
    switch (race_step(&backend->race, &winner, &fd)) {
    case RACE_WAITS:
        preface->again_us = race_wait(&backend->race, &preface->own);
        return PREFACE_WAITS;
    case RACE_WON:
        preface->backend = fd;
        break;
    case RACE_FAILED:
        break;
    }
    preface->own = (struct pollfd){.fd = -1};
    preface->again_us = DEADLINE_NEVER;
    mysql_backend_end(backend);
    if (preface->backend >= 0)
        return PREFACE_DONE;
    return preface_fail(preface, ACTPASS_CANCELLED,
                        "cannot connect to the backend %s: %s; is it running, and reachable?",
                        address_of(preface)->text, backend->reason.text);
}
