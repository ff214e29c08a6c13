#include "server/daemon/convert/hitch.h"

#include "server/daemon/convert/names.h"
#include "server/daemon/convert/values.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static void say(struct draft *draft, cJSON *object, const struct section *section, const char *name,
                enum option_fate fate, const char *text)
{
    draft_say(draft, hitch_options, object, section, name, fate, text);
}

static bool is_on(const struct section *section, const char *name)
{
    const char *value = section_value(section, name);
    return value && (strcasecmp(value, "on") == 0 || strcasecmp(value, "yes") == 0 ||
                     strcasecmp(value, "true") == 0);
}

static void copy(struct draft *draft, cJSON *object, const struct section *section,
                 const char *name, const char *key)
{
    const char *value = section_value(section, name);
    if (value && *value)
        draft_text(draft, object, key, value);
}

/* Seconds, perhaps with a point. */
static void copy_seconds(struct draft *draft, cJSON *object, const struct section *section,
                         const char *name, const char *key)
{
    const struct setting *setting = section_last(section, name);
    struct value_text whole, duration;
    if (!setting)
        return;
    (void)snprintf(whole.text, sizeof(whole.text), "%.*s", (int)strcspn(setting->value, "."),
                   setting->value);
    if (!value_seconds(whole.text, &duration) || strcmp(duration.text, "0s") == 0)
        draft_error(draft, &setting->place, "%s: expected seconds, at least one", name);
    else
        draft_text(draft, object, key, duration.text);
}

/* ---- All of the program ---------------------------------------------------------------------- */

static void convert_global(struct draft *draft, const struct section *global)
{
    const char *level = section_value(global, "log-level");
    unsigned long number = 0;
    draft_say_all(draft, hitch_options, draft->root, global);
    if (level)
        draft_text(draft, draft_object(draft, draft->root, "log"), "level",
                   value_number(level, 9, &number) && number >= 2 ? "info" : "error");
    copy(draft, draft->root, global, "user", "user");
    if (section_value(global, "user"))
        copy(draft, draft->root, global, "group", "group");
    else
        say(draft, draft->root, global, "group", OPTION_LOST,
            "a group can be set with a user only: write \"user\"");
}

/* ---- Certificates ---------------------------------------------------------------------------- */

/* Of `pem-file = "FILE"`, or of a block. */
static const char *pem_path(const struct setting *pem)
{
    return pem->inside ? section_value(pem->inside, "cert") : pem->value;
}

static void convert_pem(struct draft *draft, cJSON *object, const struct setting *pem)
{
    const char *path = pem_path(pem);
    if (!path || !*path) {
        draft_error(draft, &pem->place, "pem-file: cert is missing");
        return;
    }
    draft_text(draft, object, "certificate", path);
    if (!pem->inside)
        return;
    copy(draft, object, pem->inside, "private-key", "key");
    copy(draft, object, pem->inside, "ocsp-resp-file", "ocsp_response");
}

/* One of those that are chosen by their names. */
static void add_pem(struct draft *draft, cJSON *tls, const struct setting *pem)
{
    const char *key = pem->inside ? section_value(pem->inside, "private-key") : NULL;
    const char *path = pem_path(pem);
    if (!path)
        return;
    if (!key) {
        draft_item(draft, tls, "certificates", path);
        return;
    }
    cJSON *entry = draft_item_object(draft, tls, "certificates");
    draft_text(draft, entry, "certificate", path);
    draft_text(draft, entry, "key", key);
}

static const struct setting *last_of(const struct section *section, const char *name)
{
    return section ? section_own(section, name) : NULL;
}

/* All but the one that is the default. */
static void add_pems(struct draft *draft, cJSON *tls, const struct section *section,
                     const struct setting *but)
{
    for (size_t i = 0; section && i < section->count; i++)
        if (strcasecmp(section->settings[i].name, "pem-file") == 0 && &section->settings[i] != but)
            add_pem(draft, tls, &section->settings[i]);
}

static void convert_certificates(struct draft *draft, cJSON *service, cJSON *tls,
                                 const struct section *global, const struct section *frontend)
{
    const struct setting *own = last_of(frontend, "pem-file");
    const struct setting *last = own ? own : last_of(global, "pem-file");
    const char *folder = section_value(global, "pem-dir");
    bool with_global = !own || (frontend && is_on(frontend, "match-global-certs"));
    if (last)
        convert_pem(draft, tls, last);
    add_pems(draft, tls, frontend, last);
    if (with_global)
        add_pems(draft, tls, global, last);
    if (with_global && folder)
        draft_item(draft, tls, "certificates", folder);
    if (!last && folder)
        say(draft, service, global, "pem-dir", OPTION_LOST,
            "write \"certificate\", for clients without a known name: hitch takes the first file");
    else if (!last)
        draft_comment(draft, service, "There is no pem-file: \"certificate\" must be written");
}

/* ---- TLS ------------------------------------------------------------------------------------- */

static bool has_word(const char *list, const char *word)
{
    struct value_text part;
    while (value_next(&list, " \t,", &part))
        if (strcasecmp(part.text, word) == 0)
            return true;
    return false;
}

static void convert_versions(struct draft *draft, cJSON *tls, const struct section *section)
{
    const char *list = section_value(section, "tls-protos");
    if (is_on(section, "ssl"))
        say(draft, tls, section, "ssl", OPTION_OTHER, NULL);
    if (is_on(section, "tls"))
        say(draft, tls, section, "tls", OPTION_OTHER, NULL);
    if (!list)
        return;
    bool with_12 = has_word(list, "TLSv1.2");
    bool with_13 = has_word(list, "TLSv1.3");
    bool with_old =
        has_word(list, "TLSv1.0") || has_word(list, "TLSv1.1") || has_word(list, "SSLv3");
    if (with_13 && !with_12)
        draft_text(draft, tls, "min_version", "1.3");
    if (!with_13)
        say(draft, tls, section, "tls-protos", OPTION_LOST, "TLS 1.3 is always on");
    else if (with_old)
        say(draft, tls, section, "tls-protos", OPTION_OTHER, "TLS 1.2 is the oldest version");
}

static void convert_clients(struct draft *draft, cJSON *tls, const struct section *section)
{
    const struct setting *verify = section_last(section, "client-verify");
    if (!verify || strcasecmp(verify->value, "none") == 0)
        return;
    bool required =
        strcasecmp(verify->value, "required") == 0 || strcasecmp(verify->value, "require") == 0;
    if (!required && strcasecmp(verify->value, "optional") != 0) {
        draft_error(draft, &verify->place, "client-verify: expected none, optional or required");
        return;
    }
    draft_text(draft, tls, "client_auth", required ? "require" : "request");
    copy(draft, tls, section, "client-verify-ca", "ca");
}

static void convert_alpn(struct draft *draft, cJSON *tls, const struct section *section)
{
    const char *list = section_value(section, "alpn-protos");
    struct value_text protocol;
    while (list && value_next(&list, ", \t", &protocol))
        draft_item(draft, tls, "alpn", protocol.text);
}

static void convert_ocsp(struct draft *draft, cJSON *tls, const struct section *section)
{
    const char *folder = section_value(section, "ocsp-dir");
    if (!folder || !*folder)
        return;
    cJSON *ocsp = draft_object(draft, tls, "ocsp");
    draft_true(draft, ocsp, "staple");
    draft_text(draft, ocsp, "cache", folder);
    copy_seconds(draft, ocsp, section, "ocsp-resp-tmo", "timeout");
}

static void convert_tls(struct draft *draft, cJSON *service, const struct section *global,
                        const struct section *frontend)
{
    const struct section *section = frontend ? frontend : global;
    cJSON *tls = draft_object(draft, service, "tls");
    convert_certificates(draft, service, tls, global, frontend);
    convert_clients(draft, tls, section);
    convert_versions(draft, tls, section);
    copy(draft, tls, section, "ciphers", "ciphers");
    copy(draft, tls, section, "ciphersuites", "ciphersuites");
    const char *curves = section_value(section, "ecdh-curve");
    if (curves && *curves && strcasecmp(curves, "auto") != 0)
        draft_text(draft, tls, "groups", curves);
    convert_alpn(draft, tls, section);
    convert_ocsp(draft, tls, section);
    if (is_on(section, "sni-nomatch-abort") && cJSON_HasObjectItem(tls, "certificates"))
        draft_text(draft, tls, "unknown_server_name", "refuse");
    else if (is_on(section, "sni-nomatch-abort"))
        say(draft, service, section, "sni-nomatch-abort", OPTION_LOST,
            "with one certificate all names are accepted; see certificates");
}

/* ---- Services -------------------------------------------------------------------------------- */

static void convert_proxy(struct draft *draft, cJSON *service, const struct section *section)
{
    if (is_on(section, "write-proxy-v1"))
        draft_text(draft, service, "proxy_protocol", "v1");
    if (is_on(section, "write-proxy-v2") || is_on(section, "write-proxy"))
        draft_text(draft, service, "proxy_protocol", "v2");
    if (!is_on(section, "proxy-proxy"))
        return;
    draft_text(draft, service, "proxy_protocol", "v2");
    say(draft, service, section, "proxy-proxy", OPTION_LOST, NULL);
}

static void convert_listen(struct draft *draft, cJSON *service, const char *text,
                           const struct setting_place *place)
{
    struct value_text address = {.text = ""}, v6 = {.text = ""};
    const char *why;
    if (!value_address(text, "0.0.0.0", &address, &why) || !value_address(text, "::", &v6, &why)) {
        draft_error(draft, place, "frontend: expected [HOST]:PORT");
        return;
    }
    if (strcmp(address.text, v6.text) == 0) {
        draft_text(draft, service, "listen", address.text);
        return;
    }
    draft_item(draft, service, "listen", address.text);
    draft_item(draft, service, "listen", v6.text);
}

static void convert_backlog(struct draft *draft, cJSON *service, const struct section *section)
{
    const struct setting *backlog = section_last(section, "backlog");
    unsigned long number = 0;
    if (!backlog)
        return;
    if (!value_number(backlog->value, 65535, &number) || number == 0)
        draft_error(draft, &backlog->place, "backlog: expected a number from 1 to 65535");
    else
        draft_number(draft, draft_object(draft, service, "listen_options"), "backlog",
                     (double)number);
}

static void convert_backend(struct draft *draft, cJSON *service, const struct section *section)
{
    struct value_text address = {.text = ""};
    const char *why;
    const struct setting *backend = section_last(section, "backend");
    if (!backend)
        draft_text(draft, service, "forward", "127.0.0.1:8000");
    else if (value_address(backend->value, "127.0.0.1", &address, &why))
        draft_text(draft, service, "forward", address.text);
    else
        draft_error(draft, &backend->place, "backend: expected [HOST]:PORT or a path");
}

static void convert_service(struct draft *draft, const struct section *global,
                            const struct section *frontend, const char *listen,
                            const struct setting_place *place)
{
    const struct section *section = frontend ? frontend : global;
    cJSON *service = draft_service(draft, name_fit(draft, "hitch").text);
    if (frontend)
        draft_say_all(draft, hitch_options, service, frontend);
    convert_listen(draft, service, listen, place);
    convert_backlog(draft, service, section);
    draft_text(draft, service, "role", "server");
    copy_seconds(draft, service, section, "backend-connect-timeout", "connect_timeout");
    copy_seconds(draft, service, section, "ssl-handshake-timeout", "handshake_timeout");
    if (section_last(section, "keepalive"))
        copy_seconds(draft, draft_object(draft, service, "keepalive"), section, "keepalive",
                     "idle");
    if (is_on(section, "tcp-fastopen"))
        draft_true(draft, service, "tcp_fast_open");
    convert_tls(draft, service, global, frontend);
    convert_proxy(draft, service, section);
    convert_backend(draft, service, section);
}

/* `frontend = "[HOST]:PORT+CERT"`. */
static void convert_line(struct draft *draft, struct section *global,
                         const struct setting *frontend)
{
    struct value_text listen;
    const char *plus = strchr(frontend->value, '+');
    (void)snprintf(listen.text, sizeof(listen.text), "%.*s", (int)strcspn(frontend->value, "+"),
                   frontend->value);
    struct section *own = plus ? section_new("frontend", 8, frontend->place) : NULL;
    if (own) {
        own->defaults = global;
        (void)section_add(own, "pem-file", 8, plus + 1, strlen(plus + 1), frontend->place);
    }
    convert_service(draft, global, own, listen.text, &frontend->place);
    section_free(own);
}

static void convert_block(struct draft *draft, const struct section *global,
                          const struct setting *frontend)
{
    struct value_text listen;
    const struct setting *host = section_own(frontend->inside, "host");
    const struct setting *port = section_own(frontend->inside, "port");
    (void)snprintf(listen.text, sizeof(listen.text), "[%.200s]:%.200s", host ? host->value : "*",
                   port ? port->value : "8443");
    convert_service(draft, global, frontend->inside, listen.text, &frontend->place);
}

void hitch_convert(struct draft *draft, const struct settings *settings)
{
    struct section *global = settings->sections[0];
    convert_global(draft, global);
    if (is_on(global, "client")) {
        draft_error(draft, &section_last(global, "client")->place,
                    "client: hitch as TLS client cannot be converted: write \"listen_plain\" and "
                    "\"dial\"");
        return;
    }
    const struct setting *frontend = section_next(global, "frontend", NULL);
    if (!frontend)
        convert_service(draft, global, NULL, "[*]:8443", &global->place);
    for (; frontend; frontend = section_next(global, "frontend", frontend))
        if (frontend->inside)
            convert_block(draft, global, frontend);
        else
            convert_line(draft, global, frontend);
}
