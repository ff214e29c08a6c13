#include "server/daemon/commands/member.h"

const char *member_text(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text ? text : "";
}

double member_number(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(member) ? member->valuedouble : 0;
}

bool member_known(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    return member && !cJSON_IsNull(member);
}

const cJSON *member_first(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    return member ? member->child : NULL;
}

size_t member_count(const cJSON *object, const char *name)
{
    return (size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(object, name));
}
