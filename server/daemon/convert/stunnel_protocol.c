/* The option "protocol" of stunnel, and what there is no service for. */
#include "server/daemon/convert/stunnel_internal.h"

#include <string.h>
#include <strings.h>

/* Our word for a protocol of STARTTLS, or NULL. */
static const char *starttls_of(const char *protocol, enum stunnel_side side)
{
    static const struct {
        const char *theirs, *ours;
        bool client_only;
    } protocols[] = {{"smtp", "smtp", false},
                     {"imap", "imap", false},
                     {"pop3", "pop3", false},
                     {"pgsql", "postgresql", false},
                     {"ldap", "ldap", true}};
    for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
        if (strcasecmp(protocol, protocols[i].theirs) == 0 &&
            (side == STUNNEL_CLIENT || !protocols[i].client_only))
            return protocols[i].ours;
    return NULL;
}

bool stunnel_has_protocol(const struct section *section, const char *protocol)
{
    const char *value = section_value(section, "protocol");
    return value && strcasecmp(value, protocol) == 0;
}

void stunnel_protocol(struct draft *draft, cJSON *service, const struct section *section,
                      enum stunnel_side side)
{
    const char *protocol = section_value(section, "protocol");
    const char *starttls = protocol ? starttls_of(protocol, side) : NULL;
    if (starttls)
        draft_text(draft, service, "starttls", starttls);
    if (starttls && section_last(section, "protocolUsername"))
        stunnel_say(draft, service, section, "protocolUsername", OPTION_LOST,
                    "we do not log in to the server");
    if (starttls && section_last(section, "protocolHost"))
        stunnel_say(draft, service, section, "protocolHost", OPTION_LOST, NULL);
}

static bool is_refused_protocol(const struct section *section, enum stunnel_side side)
{
    const char *protocol = section_value(section, "protocol");
    if (!protocol || starttls_of(protocol, side))
        return false;
    if (side == STUNNEL_SERVER)
        return strcasecmp(protocol, "proxy") != 0 && strcasecmp(protocol, "socks") != 0;
    return strcasecmp(protocol, "connect") != 0;
}

static bool is_transparent_target(const struct section *section)
{
    const char *value = section_value(section, "transparent");
    return value && (strcasecmp(value, "destination") == 0 || strcasecmp(value, "both") == 0);
}

/* Says why there is no service for the section. */
bool stunnel_is_refused(struct draft *draft, const struct section *section, enum stunnel_side side)
{
    const char *because = section_last(section, "PSKsecrets") ? "PSKsecrets" : NULL;
    if (is_refused_protocol(section, side))
        because = "protocol";
    if (is_transparent_target(section))
        because = "transparent";
    if (!because)
        return false;
    draft_comment(draft, draft->root, "The section [%s] was left out:", section->name);
    stunnel_say(draft, draft->root, section, because, OPTION_REFUSED, NULL);
    return true;
}
