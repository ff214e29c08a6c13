/* Which actpass a command asks, and the asking. For one thread. */
#ifndef ACTPASS_SERVER_COMMANDS_TARGET_H
#define ACTPASS_SERVER_COMMANDS_TARGET_H

#include "config/config.h"
#include "config/error_text.h"

#include <cjson/cJSON.h>

/* Where the admin listener is by WORD: an address ("unix:/path", "127.0.0.1:9000"), a configuration
 * file with "admin", or NULL for the default. Returns false with one sentence in ERROR. The caller
 * frees *ADDRESS with config_address_free in both cases. */
bool target_find(const char *word, struct config_address *address, struct error_text *error);

/* The same for the control socket, of files with "control". */
bool target_find_control(const char *word, struct config_address *address,
                         struct error_text *error);

/* The daemon's /status; the caller frees it. NULL: one sentence in ERROR. */
cJSON *target_status(const struct config_address *address, struct error_text *error);

#endif
