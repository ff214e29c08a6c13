/* Sections of stunnel that become routes of a service: those for a server name, and "redirect". */
#include "server/daemon/convert/stunnel_internal.h"

#include "server/daemon/convert/names.h"
#include "server/daemon/convert/values.h"

#include <string.h>
#include <strings.h>

/* "SERVICE:PATTERN" of a server. */
bool stunnel_names_service(const struct setting *sni, const struct section *primary)
{
    size_t length = strlen(primary->name);
    return strncasecmp(sni->value, primary->name, length) == 0 && sni->value[length] == ':';
}

bool stunnel_is_secondary(const struct section *section)
{
    const struct setting *sni = section_own(section, "sni");
    const char *client = section_value(section, "client");
    bool is_server = !client || strcasecmp(client, "yes") != 0;
    return sni && is_server && strchr(sni->value, ':');
}

/* TLS of its own only where the section says something about it. */
static bool has_own_tls(const struct section *section)
{
    static const char *const options[] = {"cert",       "key",        "engineId", "engineNum",
                                          "CAfile",     "CApath",     "verify",   "verifyChain",
                                          "verifyPeer", "requireCert"};
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
        if (section_own(section, options[i]))
            return true;
    return false;
}

static void say_unused(struct draft *draft, cJSON *route, const struct section *section)
{
    static const char *const options[] = {"ciphers",       "ciphersuites",  "curves",  "sslVersion",
                                          "sslVersionMin", "sslVersionMax", "options", "config",
                                          "TIMEOUTidle",   "TIMEOUTclose"};
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
        if (section_own(section, options[i]))
            stunnel_say(draft, route, section, options[i], OPTION_LOST,
                        "the setting of the service holds for all names");
}

static void convert_route(struct draft *draft, cJSON *service, const struct section *section,
                          const struct section *primary)
{
    cJSON *route = draft_item_object(draft, service, "routes");
    const struct setting *sni = section_next(section, "sni", NULL);
    draft_say_all(draft, stunnel_options, route, section);
    say_unused(draft, route, section);
    draft_text(draft, route, "name", name_fit(draft, section->name).text);
    for (; sni; sni = section_next(section, "sni", sni))
        if (stunnel_names_service(sni, primary)) {
            const char *pattern = sni->value + strlen(primary->name) + 1;
            draft_item(draft, route, "server_name", pattern);
            if (*pattern == '*')
                draft_remark(draft, route, option_find(stunnel_options, "sni"), sni, OPTION_OTHER,
                             "here \"*.\" stands for one label, in stunnel for any number");
        }
    if (has_own_tls(section)) {
        cJSON *tls = draft_object(draft, route, "tls");
        stunnel_identity(draft, route, tls, section);
        stunnel_trust(draft, route, tls, section, STUNNEL_SERVER);
    }
    stunnel_handler(draft, route, section);
}

void stunnel_routes(struct draft *draft, cJSON *service, const struct settings *settings,
                    const struct section *primary)
{
    for (size_t i = 1; i < settings->count; i++) {
        const struct section *section = settings->sections[i];
        const struct setting *sni =
            stunnel_is_secondary(section) ? section_own(section, "sni") : NULL;
        if (sni && stunnel_names_service(sni, primary) &&
            !stunnel_is_refused(draft, section, STUNNEL_SERVER))
            convert_route(draft, service, section, primary);
    }
}

/* Those with a key of CAfile are for the handler, all others go to the address of redirect. */
void stunnel_redirect(struct draft *draft, cJSON *service, const struct section *section)
{
    struct value_text address = {.text = ""};
    const struct setting *redirect = section_last(section, "redirect");
    cJSON *route = draft_item_object(draft, service, "routes");
    draft_text(draft, route, "name", "accepted");
    stunnel_pins(draft, route, section, "peer_pin");
    stunnel_handler(draft, route, section);
    draft_comment(draft, service, "redirect");
    if (!stunnel_read_address(draft, redirect, "127.0.0.1", &address))
        return;
    if (strcmp(address.text, "127.0.0.1:0") == 0) { /* to nobody */
        draft_true(draft, service, "refuse");
        return;
    }
    draft_text(draft, service, "forward", address.text);
    if (stunnel_has_protocol(section, "proxy"))
        draft_text(draft, service, "proxy_protocol", "v1");
}
