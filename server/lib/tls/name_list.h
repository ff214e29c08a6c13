/* A list of names in a sentence: "TLSv1.2, TLSv1.3" or "a, b, c and 20 more". It belongs to one
 * thread. */
#ifndef ACTPASS_SERVER_TLS_NAME_LIST_H
#define ACTPASS_SERVER_TLS_NAME_LIST_H

#include <stddef.h>

struct name_list {
    char text[140]; /* all zero at first */
    size_t length;
    unsigned left_out; /* names for which there was no room */
};

void name_list_add(struct name_list *list, const char *name, size_t length);

/* Adds the names of TEXT, between which there are SEPARATORS. */
void name_list_add_all(struct name_list *list, const char *text, const char *separators);

/* The text: NONE if there are no names. Lives as long as the list; add no more names. */
const char *name_list_end(struct name_list *list, const char *none);

#endif
