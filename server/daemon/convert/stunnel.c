/* The sections of stunnel.conf: the one for all of the program, and a service for each other one.
 */
#include "server/daemon/convert/stunnel.h"

#include "server/daemon/convert/names.h"
#include "server/daemon/convert/stunnel_internal.h"
#include "server/daemon/convert/values.h"

#include <string.h>
#include <strings.h>

/* ---- All of the program ---------------------------------------------------------------------- */

static void convert_debug(struct draft *draft, const struct section *global)
{
    static const char *const levels[8][2] = {
        {"emerg", "error"},     {"alert", "error"}, {"crit", "error"}, {"err", "error"},
        {"warning", "warning"}, {"notice", "info"}, {"info", "info"},  {"debug", "debug"}};
    const struct setting *debug = section_own(global, "debug");
    unsigned long number = 0;
    if (!debug)
        return;
    const char *point = strrchr(debug->value, '.');
    const char *level = point ? point + 1 : debug->value;
    bool is_number = value_number(level, 7, &number);
    for (size_t i = 0; i < 8; i++)
        if (is_number ? number == i : strcasecmp(level, levels[i][0]) == 0) {
            draft_text(draft, draft_object(draft, draft->root, "log"), "level", levels[i][1]);
            return;
        }
    draft_error(draft, &debug->place, "debug: expected a level from emerg to debug, or 0 to 7");
}

static void convert_user(struct draft *draft, const struct section *global)
{
    const char *user = section_value(global, "setuid");
    const char *group = section_value(global, "setgid");
    if (user)
        draft_text(draft, draft->root, "user", user);
    if (user && group)
        draft_text(draft, draft->root, "group", group);
    else if (group)
        stunnel_say(draft, draft->root, global, "setgid", OPTION_LOST,
                    "a group can be set with a user only: write \"user\"");
}

static void convert_global(struct draft *draft, const struct section *global)
{
    draft_say_all(draft, stunnel_options, draft->root, global);
    convert_debug(draft, global);
    convert_user(draft, global);
    stunnel_engines(draft, global);
}

/* ---- All sections ---------------------------------------------------------------------------- */

/* False: said what is missing. */
static bool is_complete(struct draft *draft, const struct section *section, enum stunnel_side side,
                        bool is_inetd)
{
    bool accepts = section_last(section, "accept") || is_inetd;
    bool connects = section_last(section, "connect");
    bool runs = section_last(section, "exec") ||
                (side == STUNNEL_SERVER && stunnel_has_protocol(section, "socks"));
    if (accepts && !connects && !runs)
        return draft_error(draft, &section->place, "[%s]: neither connect nor exec is there",
                           section->name);
    if (!accepts && (side == STUNNEL_SERVER || !connects || !runs))
        return draft_error(draft, &section->place, "[%s]: accept is missing", section->name);
    if (accepts && side == STUNNEL_CLIENT && !connects)
        return draft_error(draft, &section->place,
                           "[%s]: a program that speaks TLS itself (client = yes with exec) cannot "
                           "be converted",
                           section->name);
    if (side == STUNNEL_SERVER && !section_last(section, "cert") &&
        !section_last(section, "PSKsecrets"))
        draft_comment(draft, draft->root,
                      "[%s] has no certificate (cert), which a TLS server needs", section->name);
    return true;
}

/* The service is for a connection that is there already. */
static void convert_inetd(struct draft *draft, cJSON *service, const char *key)
{
    draft_comment(draft, service, "Run it with actpass --inetd, which does not open this address");
    draft_text(draft, service, key, "127.0.0.1:0");
}

static void convert_section(struct draft *draft, const struct settings *settings,
                            const struct section *section)
{
    bool is_inetd = settings->count == 1;
    bool is_client = stunnel_yes(draft, section, "client", false);
    enum stunnel_side side = is_client ? STUNNEL_CLIENT : STUNNEL_SERVER;
    if (stunnel_is_refused(draft, section, side) || !is_complete(draft, section, side, is_inetd))
        return;
    const char *name = *section->name ? section->name : "inetd";
    cJSON *service = draft_service(draft, name_fit(draft, name).text);
    if (!is_inetd)
        draft_say_all(draft, stunnel_options, service, section);
    if (is_inetd)
        convert_inetd(draft, service, is_client ? "listen_plain" : "listen");
    else
        stunnel_accept(draft, service, section, is_client ? "listen_plain" : "listen");
    if (is_client)
        stunnel_dialed(draft, service, section);
    else
        draft_text(draft, service, "role", "server");
    stunnel_protocol(draft, service, section, side);
    stunnel_timeouts(draft, service, section);
    stunnel_sockets(draft, service, section);
    stunnel_tls(draft, service, section, side);
    if (is_client)
        return;
    stunnel_routes(draft, service, settings, section);
    if (stunnel_redirects(section))
        stunnel_redirect(draft, service, section);
    else
        stunnel_handler(draft, service, section);
    if (section_last(section, "redirect") && !stunnel_redirects(section))
        stunnel_say(draft, service, section, "redirect", OPTION_LOST,
                    "a client that verifyChain does not accept is refused");
}

static void find_primary(struct draft *draft, const struct settings *settings,
                         const struct section *section)
{
    const struct setting *sni = section_own(section, "sni");
    for (size_t i = 1; i < settings->count; i++)
        if (stunnel_names_service(sni, settings->sections[i]) &&
            !stunnel_is_secondary(settings->sections[i]))
            return;
    draft_error(draft, &sni->place, "sni: there is no such service: %s", sni->value);
}

void stunnel_convert(struct draft *draft, const struct settings *settings)
{
    convert_global(draft, settings->sections[0]);
    const struct section *global = settings->sections[0];
    if (settings->count == 1 && (section_own(global, "exec") || section_own(global, "connect")))
        convert_section(draft, settings, settings->sections[0]);
    for (size_t i = 1; i < settings->count; i++)
        if (stunnel_is_secondary(settings->sections[i]))
            find_primary(draft, settings, settings->sections[i]);
        else
            convert_section(draft, settings, settings->sections[i]);
}
