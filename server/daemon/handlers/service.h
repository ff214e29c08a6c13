/* A service: what a conversation does on a connection whose handshake is done. It runs on the
 * conversation's thread, and closes nothing of the TLS side: its caller does. */
#ifndef ACTPASS_SERVER_SERVICES_SERVICE_H
#define ACTPASS_SERVER_SERVICES_SERVICE_H

#include "config/config.h"
#include "server/include/actpass.h"

#include <stdint.h>

struct service_job {
    actpass_conn *conn;
    const struct config_conversation *what;
    int stopping_fd; /* readable once the server drains: who waits for nothing but a new request
                        ends then */
    int plain;       /* bridge: the local connection; its owner closes it */
    int64_t idle_timeout_ms; /* nothing in either direction; CONFIG_NEVER is no limit */
    char problem[256];       /* set when it could not begin: one sentence; "" otherwise */
};

#endif
