/* hitch.conf into our configuration: each frontend becomes a service. */
#ifndef ACTPASS_SERVER_CONVERT_HITCH_H
#define ACTPASS_SERVER_CONVERT_HITCH_H

#include "server/daemon/convert/draft.h"
#include "server/daemon/convert/reader.h"

/* Reads the text. False: said why not, or memory was short. */
bool hitch_read(struct reader *reader, const char *text, size_t length);

/* Adds all that SETTINGS say. */
void hitch_convert(struct draft *draft, const struct settings *settings);

#endif
