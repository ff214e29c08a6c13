/* From what config/ has parsed to objects of the public API: the one header of lib/ beside ground
 * modules that the daemon includes, since a parsed configuration is no type of that API. A program
 * gives the same as text (actpass_config_load, actpass_policy_add_peer_name). */
#ifndef ACTPASS_SERVER_LIB_PARSED_H
#define ACTPASS_SERVER_LIB_PARSED_H

#include "config/config.h"
#include "config/error_text.h"
#include "server/include/actpass.h"

/* Gives a new configuration the settings of SERVICE, as actpass_config_load does. SERVICE must
 * outlive the configuration's first use, which copies what it needs of "tls". 0, or -1: see
 * actpass_config_error. */
int parsed_settings(actpass_config *config, const struct config_service *service);

/* Makes the files that the connections of a configuration in use write to (insecure_key_log), as
 * long as the process may: actpass_config_check only looks whether they can be made. 0, or -1: see
 * actpass_config_error. */
int parsed_make_files(actpass_config *config);

/* Begins what a configuration in use does in the background: it fetches OCSP responses. Not before
 * the process has confined itself; again, it does nothing. Without this call, the first connection
 * does it. */
void parsed_start(const actpass_config *config);

/* A policy of these names and pins, which are copied. The caller frees it with actpass_policy_free.
 * NULL with ERROR. (peer_policy.c) */
actpass_policy *parsed_policy(const struct config_peer_names *names, const struct config_pins *pins,
                              struct error_text *error);

/* Called with each finding about the service of that number. KEY is a path below the service, such
 * as "tls/certificate"; TEXT, one sentence, begins with the last part of it. */
typedef void parsed_note(size_t service, enum config_severity severity, const char *key,
                         const char *text, void *arg);

/* Looks at everything that the "tls" of all services names, to report all that is wrong at once,
 * and what is dubious: actpass_config_check stops at the first error. */
void parsed_inspect(const struct config *config, parsed_note *note, void *arg);

#endif
