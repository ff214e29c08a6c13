/* What there is for each protocol of "starttls". Constant, any thread. */
#ifndef ACTPASS_SERVER_STARTTLS_TABLE_H
#define ACTPASS_SERVER_STARTTLS_TABLE_H

#include "config/config.h"
#include "server/daemon/starttls/protocol.h"

struct starttls_kind {
    /* The talk by our TLS role. NULL: that role is not possible, which config/ reports. */
    const struct starttls_protocol *as_server, *as_client;

    /* Behind the clear part there is no greeting in TLS, but the plain program on our other side
     * begins as on any connection. These talk with it, once TLS is up, by our TLS role: the server
     * behind us says its greeting, the client before us gets one. The program is ours: input behind
     * what they use is not an error. NULL: nothing is said. */
    const struct starttls_protocol *plain_as_server, *plain_as_client;
};

/* NULL for CONFIG_STARTTLS_NONE. */
const struct starttls_kind *starttls_kind_of(enum config_starttls starttls);

/* What the peer is told by our TLS role, and what the plain side is. NULL: nothing. */
const struct starttls_protocol *starttls_talk_of(enum config_starttls starttls,
                                                 enum config_role role);
const struct starttls_protocol *starttls_plain_talk(enum config_starttls starttls,
                                                    enum config_role role);

#endif
