/* What a program learns of its connection, as environment variables (spawner/variables.h). */
#ifndef ACTPASS_SERVER_PROGRAMS_DESCRIBE_CONNECTION_H
#define ACTPASS_SERVER_PROGRAMS_DESCRIBE_CONNECTION_H

#include "config/config.h"
#include "server/daemon/report.h"
#include "server/daemon/spawner/message.h"

/* Writes them to the text of a packet. REPORT: of the connection, whose handshake is complete. TLS:
 * by which its peer was judged. */
void describe_connection(const struct report *report, const struct config_tls *tls,
                         struct message *message);

#endif
