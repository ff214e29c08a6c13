/* A text as a tree of places, each with cJSON's item. */
#ifndef ACTPASS_CONFIG_DOCUMENT_H
#define ACTPASS_CONFIG_DOCUMENT_H

#include "config/messages.h"
#include "config/place.h"

/* Scans and parses the text of a file of the origin: JSON, or JSONC if its name ends so. Sets the
 * file's root and json. What is wrong goes to the messages: the first syntax error, or all
 * duplicate keys. */
void document_read(struct messages *messages, unsigned file, const char *text, size_t length);

#endif
