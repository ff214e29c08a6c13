/* Where the connections of a stunnel service come from and go to. */
#include "server/daemon/convert/stunnel_internal.h"

#include "server/daemon/convert/values.h"

#include <string.h>
#include <strings.h>

bool stunnel_read_address(struct draft *draft, const struct setting *setting, const char *host,
                          struct value_text *address)
{
    const char *why;
    if (value_address(setting->value, host, address, &why))
        return true;
    return draft_error(draft, &setting->place, "%s: %s", setting->name, why);
}

/* Adds each address of an option: one is a text, several are a list. Returns the last one. */
static struct value_text convert_addresses(struct draft *draft, cJSON *object,
                                           const struct section *section, const char *option,
                                           const char *host, const char *key)
{
    struct value_text address = {.text = ""};
    const struct setting *first = section_next(section, option, NULL);
    bool several = first && section_next(section, option, first);
    for (const struct setting *next = first; next; next = section_next(section, option, next)) {
        if (!stunnel_read_address(draft, next, host, &address))
            continue;
        if (several)
            draft_item(draft, object, key, address.text);
        else
            draft_text(draft, object, key, address.text);
    }
    return address;
}

void stunnel_accept(struct draft *draft, cJSON *service, const struct section *section,
                    const char *key)
{
    struct value_text address =
        convert_addresses(draft, service, section, "accept", "0.0.0.0", key);
    const char *owner = section->defaults ? section_value(section, "setuid") : NULL;
    const char *group = section->defaults ? section_value(section, "setgid") : NULL;
    if (strncmp(address.text, "unix:", 5) != 0)
        return;
    if (owner)
        draft_text(draft, draft_object(draft, service, "listen_options"), "owner", owner);
    if (group)
        draft_text(draft, draft_object(draft, service, "listen_options"), "group", group);
}

void stunnel_connect(struct draft *draft, cJSON *object, const struct section *section,
                     const char *key)
{
    (void)convert_addresses(draft, object, section, "connect", "127.0.0.1", key);
    const char *failover = section_value(section, "failover");
    if (!cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(object, key)) || !failover ||
        strcasecmp(failover, "rr") != 0)
        return;
    if (strcmp(key, "forward") == 0)
        draft_text(draft, object, "balance", "round_robin");
    else
        stunnel_say(draft, object, section, "failover", OPTION_LOST, NULL);
}

void stunnel_source(struct draft *draft, cJSON *object, const struct section *section,
                    const char *key)
{
    const char *local = section_value(section, "local");
    const char *transparent = section_value(section, "transparent");
    bool is_transparent = transparent && (strcasecmp(transparent, "source") == 0 ||
                                          strcasecmp(transparent, "yes") == 0);
    bool is_none =
        !transparent || strcasecmp(transparent, "none") == 0 || strcasecmp(transparent, "no") == 0;
    if (local && !value_is_ip(local)) {
        stunnel_say(draft, object, section, "local", OPTION_LOST, NULL);
        local = NULL;
    }
    if (!is_transparent && !is_none)
        stunnel_say(draft, object, section, "transparent", OPTION_LOST, NULL);
    if (is_transparent) {
        draft_true(draft, draft_object(draft, object, key), "transparent");
        if (local)
            draft_item(draft, draft_object(draft, object, key), "from", local);
    } else if (local) {
        draft_text(draft, object, key, local);
    }
}
