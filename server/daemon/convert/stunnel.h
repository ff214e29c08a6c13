/* stunnel.conf into our configuration. Each section becomes a service, or a route where it is for
 * a server name. */
#ifndef ACTPASS_SERVER_CONVERT_STUNNEL_H
#define ACTPASS_SERVER_CONVERT_STUNNEL_H

#include "server/daemon/convert/draft.h"
#include "server/daemon/convert/reader.h"

/* Reads the text. False: said why not, or memory was short. */
bool stunnel_read(struct reader *reader, const char *text, size_t length);

/* Adds all that SETTINGS say. */
void stunnel_convert(struct draft *draft, const struct settings *settings);

#endif
