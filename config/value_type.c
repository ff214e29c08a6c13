#include "config/value_type.h"

#include "config/key_set.h"

#include <inttypes.h>

static const char *type_name(const cJSON *item)
{
    if (cJSON_IsString(item))
        return "a string";
    if (cJSON_IsNumber(item))
        return "a number";
    if (cJSON_IsArray(item))
        return "a list";
    if (cJSON_IsObject(item))
        return "an object";
    if (cJSON_IsNull(item))
        return "null";
    return cJSON_IsTrue(item) ? "true" : "false";
}

void value_wrong_type(struct messages *messages, struct place *place, const char *wanted)
{
    messages_error_at(messages, place, "must be %s, not %s", wanted, type_name(place->item));
}

const char *value_string(struct messages *messages, struct place *place, const char *wanted)
{
    const char *text = cJSON_GetStringValue(place->item);
    if (!text) {
        value_wrong_type(messages, place, wanted);
        return NULL;
    }
    const char *wrong = key_wrong_text(text);
    if (!wrong)
        return text;
    messages_error_at(messages, place, "%s", wrong);
    return NULL;
}

size_t value_list_size(struct messages *messages, struct place *place, const struct key *key,
                       const char *wanted)
{
    int64_t count = 0;
    for (const struct place *child = place->child; child; child = child->next)
        count++; /* with those of included files, which are not in the item */
    if (!cJSON_IsArray(place->item))
        value_wrong_type(messages, place, wanted);
    else if (count == 0)
        messages_error_at(messages, place, "must not be empty");
    else if (count > key->max)
        messages_error_at(messages, place, "must have at most %" PRId64 " items", key->max);
    else
        return (size_t)count;
    return 0;
}
