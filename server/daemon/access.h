/* The log line about a connection by a template of the user's. Pure functions; any thread. */
#ifndef ACTPASS_SERVER_ACCESS_H
#define ACTPASS_SERVER_ACCESS_H

#include "server/daemon/log.h"

enum { ACCESS_TEXT_MAX = 3072 };

/* Replaces each %[field] of a template that the configuration has accepted by the field's value, or
 * by - if there is none. Values come from peers, so quotes, backslashes and what would end the line
 * or act on a terminal become \x22. The text ends before the first part that does not fit into SIZE
 * bytes. */
void access_expand(const char *template, const struct log_field *fields, size_t count, char *text,
                   size_t size);

#endif
