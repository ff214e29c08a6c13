#include "server/lib/tls/name_list.h"

#include <stdio.h>
#include <string.h>

enum { TAIL_ROOM = 20 }; /* for " and 65535 more" */

void name_list_add(struct name_list *list, const char *name, size_t length)
{
    size_t comma = list->length > 0 ? 2 : 0;
    if (list->left_out > 0 || list->length + comma + length + TAIL_ROOM > sizeof(list->text)) {
        list->left_out++;
        return;
    }
    memcpy(list->text + list->length, ", ", comma);
    memcpy(list->text + list->length + comma, name, length);
    list->length += comma + length;
    list->text[list->length] = '\0';
}

void name_list_add_all(struct name_list *list, const char *text, const char *separators)
{
    while (*text != '\0') {
        size_t length = strcspn(text, separators);
        if (length > 0)
            name_list_add(list, text, length);
        text += length + (text[length] != '\0');
    }
}

const char *name_list_end(struct name_list *list, const char *none)
{
    if (list->length == 0)
        return none;
    if (list->left_out > 0)
        (void)snprintf(list->text + list->length, sizeof(list->text) - list->length, " and %u more",
                       list->left_out);
    return list->text;
}
