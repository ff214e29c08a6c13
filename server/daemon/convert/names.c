#include "server/daemon/convert/names.h"

#include "config/internal.h"

#include <stdio.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 56 }; /* leaves room for a number */

static bool is_taken(const struct draft *draft, const char *name)
{
    const cJSON *service = NULL;
    cJSON_ArrayForEach(service, draft->services)
    {
        const char *other = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(service, "name"));
        if (other && strcmp(other, name) == 0)
            return true;
    }
    return false;
}

static void replace(struct value_text *name)
{
    for (size_t at = names_span(name->text, "_.-"); name->text[at];
         at += names_span(name->text + at, "_.-"))
        name->text[at] = '-';
}

struct value_text name_fit(const struct draft *draft, const char *text)
{
    struct value_text name, first;
    (void)snprintf(first.text, sizeof(first.text), "%.*s", NAME_MAX_LENGTH, *text ? text : "-");
    replace(&first);
    name = first;
    for (unsigned number = 2; is_taken(draft, name.text); number++)
        (void)snprintf(name.text, sizeof(name.text), "%.*s-%u", NAME_MAX_LENGTH, first.text,
                       number);
    return name;
}
