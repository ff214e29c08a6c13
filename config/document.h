/* A text as a tree of places, each with cJSON's item. */
#ifndef ACTPASS_CONFIG_DOCUMENT_H
#define ACTPASS_CONFIG_DOCUMENT_H

#include "config/messages.h"
#include "config/scan.h"

struct document {
    struct place *root; /* NULL when the text is not JSON */
    cJSON *json;
};

/* Scans and parses: JSON, or JSONC if the file's name ends so. What is wrong goes to the messages:
 * the first syntax error, or all duplicate keys. The document is freed with document_free in any
 * case. */
void document_read(struct document *document, const char *text, size_t length,
                   struct messages *messages);
void document_free(struct document *document);

/* The member of that name, or the unknown one that was taken for it; NULL if there is none, also
 * where the place is NULL or no object. */
struct place *place_find(const struct place *place, const char *name);

#endif
