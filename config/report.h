/* One message, and the report that holds them. */
#ifndef ACTPASS_CONFIG_REPORT_H
#define ACTPASS_CONFIG_REPORT_H

#include "config/config.h"
#include "config/origin.h"

/* Fills in a message about the place, or about none (NULL). A value that came out of a variable is
 * replaced in the text by what the user wrote. False: out of memory; then there is nothing to free.
 */
bool message_make(const struct origin *origin, const struct place *place, struct position at,
                  enum config_severity severity, const char *text, struct config_message *message);
void message_free(struct config_message *message);

/* For qsort: by file, position and order of arrival. */
int message_compare(const void *left, const void *right);

/* Adds a message behind the others, and its finished line. Takes what it holds, and empties it.
 * False: out of memory. */
bool report_push(struct config_report *report, struct config_message *message);

#endif
