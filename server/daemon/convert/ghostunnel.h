/* The command line of ghostunnel into our configuration: one service. */
#ifndef ACTPASS_SERVER_CONVERT_GHOSTUNNEL_H
#define ACTPASS_SERVER_CONVERT_GHOSTUNNEL_H

#include "server/daemon/convert/draft.h"
#include "server/daemon/convert/reader.h"

/* Reads `server --listen A ...` or `client ...`, without the program's name. False: said why not,
 * or memory was short. */
bool ghostunnel_read(struct reader *reader, char **arguments, size_t count);

/* Adds all that SETTINGS say. */
void ghostunnel_convert(struct draft *draft, const struct settings *settings);

#endif
