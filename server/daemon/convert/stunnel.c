#include "server/daemon/convert/stunnel.h"

#include "server/daemon/convert/names.h"
#include "server/daemon/convert/values.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* stunnel refuses a section that says twice what is done with its connections. */
#define SOCKS_TAKES \
    "with protocol = socks the client says where to connect to; write a section of its own"
#define CONNECT_TAKES "connect takes the connections; write a section of its own"

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

/* ---- Addresses ------------------------------------------------------------------------------- */

static bool read_address(struct draft *draft, const struct setting *setting, const char *host,
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
        if (!read_address(draft, next, host, &address))
            continue;
        if (several)
            draft_item(draft, object, key, address.text);
        else
            draft_text(draft, object, key, address.text);
    }
    return address;
}

static void convert_accept(struct draft *draft, cJSON *service, const struct section *section,
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

static void convert_connect(struct draft *draft, cJSON *object, const struct section *section,
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

static void convert_exec(struct draft *draft, cJSON *object, const struct section *section)
{
    const char *program = section_value(section, "exec");
    const char *arguments = section_value(section, "execArgs");
    struct value_text word;
    cJSON *exec = draft_object(draft, object, "exec");
    draft_item(draft, exec, "command", program);
    bool is_name = true;
    while (arguments && value_next(&arguments, " \t", &word)) {
        if (!is_name)
            draft_item(draft, exec, "command", word.text);
        is_name = false;
    }
    if (stunnel_yes(draft, section, "pty", false))
        draft_true(draft, exec, "pty");
}

static void convert_source(struct draft *draft, cJSON *object, const struct section *section,
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

/* ---- Protocols ------------------------------------------------------------------------------- */

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

static bool is_protocol(const struct section *section, const char *protocol)
{
    const char *value = section_value(section, "protocol");
    return value && strcasecmp(value, protocol) == 0;
}

/* The service dials protocolHost through the proxy at connect. */
static void convert_proxy(struct draft *draft, cJSON *service, const struct section *section)
{
    struct value_text address = {.text = ""}, proxy = {.text = ""};
    const struct setting *connect = section_last(section, "connect");
    const struct setting *host = section_last(section, "protocolHost");
    if (!host) {
        const struct setting *protocol = section_last(section, "protocol");
        draft_error(draft, &protocol->place, "protocol = connect needs protocolHost");
        return;
    }
    if (read_address(draft, host, "127.0.0.1", &address))
        draft_text(draft, service, "dial", address.text);
    if (connect && read_address(draft, connect, "127.0.0.1", &address)) {
        (void)snprintf(proxy.text, sizeof(proxy.text), "http://%.500s", address.text);
        draft_text(draft, service, "dial_through", proxy.text);
    }
    if (!section_last(section, "protocolUsername"))
        return;
    (void)snprintf(proxy.text, sizeof(proxy.text), "%.100s-proxy-auth", section->name);
    draft_text(draft, service, "dial_through_auth", proxy.text);
    stunnel_say(draft, service, section, "protocolUsername", OPTION_LOST,
                "make the file of dial_through_auth, with user:password");
}

static void convert_protocol(struct draft *draft, cJSON *service, const struct section *section,
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

/* ---- One service ----------------------------------------------------------------------------- */

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
static bool is_refused(struct draft *draft, const struct section *section, enum stunnel_side side)
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

/* stunnel connects to every address but loopback, which "*" does not stand for either. */
static void convert_socks(struct draft *draft, cJSON *object, const struct section *section)
{
    static const char *const protocols[] = {"socks5", "socks4"};
    cJSON *proxy = draft_object(draft, object, "proxy");
    stunnel_say(draft, object, section, "protocol", OPTION_OTHER,
                "\"*\" in \"allow\" is everything but loopback, as in stunnel, and here but "
                "link-local and multicast, too: name what is needed. RESOLVE, an extension of Tor, "
                "is refused");
    stunnel_say(draft, object, section, "connect", OPTION_LOST, SOCKS_TAKES);
    stunnel_say(draft, object, section, "exec", OPTION_LOST, SOCKS_TAKES);
    draft_item(draft, proxy, "allow", "*");
    for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
        draft_item(draft, proxy, "protocols", protocols[i]);
    convert_source(draft, proxy, section, "source");
}

/* What a server does with a connection: into the service, or into a route. */
static void convert_handler(struct draft *draft, cJSON *object, const struct section *section)
{
    if (is_protocol(section, "socks")) {
        convert_socks(draft, object, section);
    } else if (section_last(section, "connect")) {
        stunnel_say(draft, object, section, "exec", OPTION_LOST, CONNECT_TAKES);
        convert_connect(draft, object, section, "forward");
        convert_source(draft, object, section, "source");
        if (is_protocol(section, "proxy"))
            draft_text(draft, object, "proxy_protocol", "v1");
    } else if (section_last(section, "exec")) {
        convert_exec(draft, object, section);
    } else {
        draft_error(draft, &section->place, "[%s]: neither connect nor exec is there",
                    section->name);
    }
}

static void convert_dialed(struct draft *draft, cJSON *service, const struct section *section)
{
    if (is_protocol(section, "connect"))
        convert_proxy(draft, service, section);
    else
        convert_connect(draft, service, section, "dial");
    convert_source(draft, service, section, "dial_source");
    if (!section_last(section, "exec"))
        return;
    if (section_last(section, "accept")) {
        stunnel_say(draft, service, section, "exec", OPTION_LOST, CONNECT_TAKES);
        return;
    }
    draft_true(draft, service, "persistent");
    convert_exec(draft, service, section);
    if (!stunnel_yes(draft, section, "retry", false))
        stunnel_say(draft, service, section, "exec", OPTION_OTHER,
                    "it is started again when its connection has ended, as with retry = yes");
}

/* The server name that a client sends: that of sni, or the host that it connects to. */
static void convert_sent_name(struct draft *draft, cJSON *tls, const struct section *section)
{
    struct value_text address = {.text = ""};
    const char *why;
    const char *sni = section_value(section, "sni");
    const char *connect =
        section_value(section, is_protocol(section, "connect") ? "protocolHost" : "connect");
    if (sni && *sni)
        draft_text(draft, tls, "server_name", sni);
    if (sni || !connect || !value_address(connect, "127.0.0.1", &address, &why))
        return;
    struct value_text host = value_host(address.text);
    if (*host.text && !value_is_ip(host.text) && strchr(host.text, '.'))
        draft_text(draft, tls, "server_name", host.text);
}

static void convert_tls(struct draft *draft, cJSON *service, const struct section *section,
                        enum stunnel_side side)
{
    cJSON *tls = draft_object(draft, service, "tls");
    stunnel_identity(draft, service, tls, section);
    stunnel_trust(draft, service, tls, section, side);
    stunnel_negotiation(draft, service, tls, section);
    if (side == STUNNEL_CLIENT)
        convert_sent_name(draft, tls, section);
}

/* ---- Sections for a server name -------------------------------------------------------------- */

/* "SERVICE:PATTERN" of a server. */
static bool names_service(const struct setting *sni, const struct section *primary)
{
    size_t length = strlen(primary->name);
    return strncasecmp(sni->value, primary->name, length) == 0 && sni->value[length] == ':';
}

static bool is_secondary(const struct section *section)
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
        if (names_service(sni, primary)) {
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
    convert_handler(draft, route, section);
}

static void convert_routes(struct draft *draft, cJSON *service, const struct settings *settings,
                           const struct section *primary)
{
    for (size_t i = 1; i < settings->count; i++) {
        const struct section *section = settings->sections[i];
        const struct setting *sni = is_secondary(section) ? section_own(section, "sni") : NULL;
        if (sni && names_service(sni, primary) && !is_refused(draft, section, STUNNEL_SERVER))
            convert_route(draft, service, section, primary);
    }
}

/* ---- All sections ---------------------------------------------------------------------------- */

/* False: said what is missing. */
static bool is_complete(struct draft *draft, const struct section *section, enum stunnel_side side,
                        bool is_inetd)
{
    bool accepts = section_last(section, "accept") || is_inetd;
    bool connects = section_last(section, "connect");
    bool runs =
        section_last(section, "exec") || (side == STUNNEL_SERVER && is_protocol(section, "socks"));
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

/* Those with a key of CAfile are for the handler, all others go to the address of redirect. */
static void convert_redirect(struct draft *draft, cJSON *service, const struct section *section)
{
    struct value_text address = {.text = ""};
    const struct setting *redirect = section_last(section, "redirect");
    cJSON *route = draft_item_object(draft, service, "routes");
    draft_text(draft, route, "name", "accepted");
    stunnel_pins(draft, route, section, "peer_pin");
    convert_handler(draft, route, section);
    draft_comment(draft, service, "redirect");
    if (!read_address(draft, redirect, "127.0.0.1", &address))
        return;
    if (strcmp(address.text, "127.0.0.1:0") == 0) { /* to nobody */
        draft_true(draft, service, "refuse");
        return;
    }
    draft_text(draft, service, "forward", address.text);
    if (is_protocol(section, "proxy"))
        draft_text(draft, service, "proxy_protocol", "v1");
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
    if (is_refused(draft, section, side) || !is_complete(draft, section, side, is_inetd))
        return;
    const char *name = *section->name ? section->name : "inetd";
    cJSON *service = draft_service(draft, name_fit(draft, name).text);
    if (!is_inetd)
        draft_say_all(draft, stunnel_options, service, section);
    if (is_inetd)
        convert_inetd(draft, service, is_client ? "listen_plain" : "listen");
    else
        convert_accept(draft, service, section, is_client ? "listen_plain" : "listen");
    if (is_client)
        convert_dialed(draft, service, section);
    else
        draft_text(draft, service, "role", "server");
    convert_protocol(draft, service, section, side);
    stunnel_timeouts(draft, service, section);
    stunnel_sockets(draft, service, section);
    convert_tls(draft, service, section, side);
    if (is_client)
        return;
    convert_routes(draft, service, settings, section);
    if (stunnel_redirects(section))
        convert_redirect(draft, service, section);
    else
        convert_handler(draft, service, section);
    if (section_last(section, "redirect") && !stunnel_redirects(section))
        stunnel_say(draft, service, section, "redirect", OPTION_LOST,
                    "a client that verifyChain does not accept is refused");
}

static void find_primary(struct draft *draft, const struct settings *settings,
                         const struct section *section)
{
    const struct setting *sni = section_own(section, "sni");
    for (size_t i = 1; i < settings->count; i++)
        if (names_service(sni, settings->sections[i]) && !is_secondary(settings->sections[i]))
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
        if (is_secondary(settings->sections[i]))
            find_primary(draft, settings, settings->sections[i]);
        else
            convert_section(draft, settings, settings->sections[i]);
}
