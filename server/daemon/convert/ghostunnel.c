#include "server/daemon/convert/ghostunnel.h"

#include "config/internal.h"
#include "server/daemon/convert/names.h"
#include "server/daemon/convert/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Reading --------------------------------------------------------------------------------- */

/* One flag, and its value, which may be the next argument. Returns how many arguments it took, 0
 * after an error. */
static size_t read_flag(struct reader *reader, char **arguments, size_t left)
{
    const char *name = arguments[0] + 2;
    size_t length = strcspn(name, "=");
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    char known[64] = "";
    if (length < sizeof(known))
        memcpy(known, name, length);
    const struct convert_option *option = option_find(reader->options, known);
    bool takes_next = option && !option->flag && !value;
    if (takes_next && left < 2) {
        draft_error(reader->draft, &reader->place, "--%s needs a value", known);
        return 0;
    }
    if (takes_next)
        value = arguments[1];
    if (!reader_add(reader, name, length, value ? value : "", value ? strlen(value) : 0))
        return 0;
    return takes_next ? 2 : 1;
}

/* The word that is no flag. */
static bool read_command(struct reader *reader, const char *word)
{
    bool is_command = strcmp(word, "server") == 0 || strcmp(word, "client") == 0;
    if (!is_command || *reader->section->name)
        return draft_error(reader->draft, &reader->place,
                           "expected server or client, and flags that begin with --");
    char *name = strdup(word);
    reader->draft->no_memory = reader->draft->no_memory || !name;
    if (!name)
        return false;
    free(reader->section->name);
    reader->section->name = name;
    return true;
}

bool ghostunnel_read(struct reader *reader, char **arguments, size_t count)
{
    reader->options = ghostunnel_options;
    reader->section = settings_add(reader->settings, "", 0, reader->place);
    reader->draft->no_memory = reader->draft->no_memory || !reader->section;
    for (size_t at = 0, taken = 1; reader->section && at < count; at += taken) {
        bool is_flag = strncmp(arguments[at], "--", 2) == 0;
        taken = is_flag ? read_flag(reader, arguments + at, count - at)
                        : read_command(reader, arguments[at]);
        if (taken == 0)
            return false;
    }
    if (!reader->section || *reader->section->name)
        return reader->section;
    return draft_error(reader->draft, &reader->place, "expected server or client among the flags");
}

/* ---- Values ---------------------------------------------------------------------------------- */

static void say(struct draft *draft, cJSON *object, const struct section *section, const char *name,
                enum option_fate fate, const char *text)
{
    draft_say(draft, ghostunnel_options, object, section, name, fate, text);
}

static bool copy(struct draft *draft, cJSON *object, const struct section *section,
                 const char *name, const char *key)
{
    const char *value = section_value(section, name);
    if (value)
        draft_text(draft, object, key, value);
    return value;
}

/* Go's durations: "1m30s", "300s". */
static bool read_duration(const char *text, struct value_text *duration)
{
    int64_t total = 0;
    while (*text) {
        struct value_text part;
        int64_t ms = 0;
        size_t digits = strspn(text, "0123456789");
        size_t length = digits + strspn(text + digits, "hms");
        if (text[digits] == 'm' && text[digits + 1] != 's')
            length = digits + 1;
        (void)snprintf(part.text, sizeof(part.text), "%.*s", (int)(length < 32 ? length : 32),
                       text);
        if (length == 0 || !duration_parse(part.text, &ms) || ms > DURATION_MAX ||
            total > DURATION_MAX)
            return false;
        total += ms;
        text += length;
    }
    (void)snprintf(duration->text, sizeof(duration->text), "%s", duration_print(total).text);
    return total <= DURATION_MAX;
}

static void copy_duration(struct draft *draft, cJSON *object, const struct section *section,
                          const char *name, const char *key)
{
    const struct setting *setting = section_last(section, name);
    struct value_text duration;
    if (!setting)
        return;
    if (read_duration(setting->value, &duration))
        draft_text(draft, object, key, duration.text);
    else
        draft_error(draft, &setting->place, "--%s: expected a duration such as 30s", name);
}

static void copy_address(struct draft *draft, cJSON *object, const struct section *section,
                         const char *name, const char *key)
{
    struct value_text address = {.text = ""};
    const char *why;
    const struct setting *setting = section_last(section, name);
    if (!setting)
        draft_error(draft, &section->place, "--%s is missing", name);
    else if (strncmp(setting->value, "systemd:", 8) == 0 ||
             strncmp(setting->value, "launchd:", 8) == 0)
        draft_error(draft, &setting->place,
                    "--%s: write the address of the socket; a socket that systemd has opened there "
                    "is used",
                    name);
    else if (value_address(setting->value, "0.0.0.0", &address, &why))
        draft_text(draft, object, key, address.text);
    else
        draft_error(draft, &setting->place, "--%s: expected HOST:PORT or unix:PATH", name);
}

/* ---- TLS ------------------------------------------------------------------------------------- */

struct names {
    const char *option, *kind;
};

static const struct names server_names[] = {
    {"allow-cn", "cn:"},     {"allow-dns", "dns:"}, {"allow-dns-san", "dns:"}, {"allow-ip", "ip:"},
    {"allow-ip-san", "ip:"}, {"allow-uri", "uri:"}, {"allow-uri-san", "uri:"}, {NULL, NULL}};
static const struct names client_names[] = {{"verify-cn", "cn:"},       {"verify-dns", "dns:"},
                                            {"verify-dns-san", "dns:"}, {"verify-ip", "ip:"},
                                            {"verify-ip-san", "ip:"},   {"verify-uri", "uri:"},
                                            {"verify-uri-san", "uri:"}, {NULL, NULL}};

/* Returns how many names there are. */
static size_t add_names(struct draft *draft, cJSON *tls, const struct section *section,
                        const struct names *names)
{
    size_t count = 0;
    struct value_text name;
    for (; names->option; names++) {
        const struct setting *setting = section_next(section, names->option, NULL);
        for (; setting; setting = section_next(section, names->option, setting)) {
            if (strcmp(names->kind, "uri:") == 0 && strchr(setting->value, '*'))
                draft_remark(draft, tls, option_find(ghostunnel_options, names->option), setting,
                             OPTION_LOST, "there are no wildcards in URIs");
            (void)snprintf(name.text, sizeof(name.text), "%s%.500s", names->kind, setting->value);
            draft_item(draft, tls, "peer_names", name.text);
            count++;
        }
    }
    return count;
}

static bool is_pkcs12(const char *path)
{
    size_t length = strlen(path);
    return length > 4 && (strcasecmp(path + length - 4, ".p12") == 0 ||
                          strcasecmp(path + length - 4, ".pfx") == 0);
}

static void convert_identity(struct draft *draft, cJSON *service, cJSON *tls,
                             const struct section *section)
{
    const char *store = section_value(section, "keystore");
    (void)copy(draft, tls, section, "keystore", "certificate");
    (void)copy(draft, tls, section, "cert", "certificate");
    (void)copy(draft, tls, section, "key", "key");
    if (store && is_pkcs12(store))
        say(draft, service, section, "keystore", OPTION_LOST, NULL);
}

static void convert_trust(struct draft *draft, cJSON *tls, const struct section *section)
{
    if (!copy(draft, tls, section, "cacert", "ca"))
        draft_text(draft, tls, "ca", "system");
    if (section_last(section, "max-tls-version"))
        say(draft, tls, section, "max-tls-version", OPTION_LOST, NULL);
}

/* Without a name, all clients of the CA would be let in, whom a flag keeps out. */
static void say_restricted(struct draft *draft, cJSON *tls, const struct section *section,
                           const char *const *options, size_t names)
{
    for (; *options; options++) {
        const struct setting *setting = section_last(section, *options);
        if (setting && names == 0)
            draft_error(draft, &setting->place,
                        "--%s has no counterpart, and there is no other flag that says which peers "
                        "are accepted: add one for names",
                        *options);
        else if (setting)
            say(draft, tls, section, *options, OPTION_LOST, NULL);
    }
}

static void convert_clients(struct draft *draft, cJSON *service, const struct section *section)
{
    static const char *const restricted[] = {"allow-ou", "allow-policy", "allow-query", NULL};
    cJSON *tls = draft_object(draft, service, "tls");
    convert_identity(draft, service, tls, section);
    if (section_last(section, "disable-authentication")) {
        draft_text(draft, tls, "client_auth", "none");
        return;
    }
    draft_text(draft, tls, "client_auth", "require");
    convert_trust(draft, tls, section);
    bool all = section_last(section, "allow-all");
    size_t names = all ? 1 : add_names(draft, tls, section, server_names);
    say_restricted(draft, tls, section, restricted, names);
    if (names == 0 && draft->errors == 0)
        draft_error(draft, &section->place,
                    "one of --allow-all, --allow-cn, --allow-dns, --allow-uri or "
                    "--disable-authentication is missing");
}

/* The name that the server must have: that of the flag, or the host of --target. */
static void add_host(struct draft *draft, cJSON *tls, const struct section *section)
{
    struct value_text address = {.text = ""}, name;
    const char *why;
    const char *host = section_value(section, "override-server-name");
    const char *target = section_value(section, "target");
    struct value_text of_target = {.text = ""};
    if (target && value_address(target, "127.0.0.1", &address, &why))
        of_target = value_host(address.text);
    host = host ? host : of_target.text;
    (void)snprintf(name.text, sizeof(name.text), "%s%.500s",
                   value_is_ip(host) ? "ip:" : "dns:", host);
    draft_item(draft, tls, "peer_names", name.text);
    if (!value_is_ip(host) && strchr(host, '.'))
        draft_text(draft, tls, "server_name", host);
}

static void convert_servers(struct draft *draft, cJSON *service, const struct section *section)
{
    static const char *const restricted[] = {"verify-ou", "verify-policy", "verify-query", NULL};
    cJSON *tls = draft_object(draft, service, "tls");
    if (!section_last(section, "disable-authentication"))
        convert_identity(draft, service, tls, section);
    convert_trust(draft, tls, section);
    size_t names = add_names(draft, tls, section, client_names);
    say_restricted(draft, tls, section, restricted, 1);
    if (names == 0)
        add_host(draft, tls, section);
    else
        draft_comment(draft, tls,
                      "ghostunnel also wants the name of its target; here one of peer_names is "
                      "enough");
}

/* ---- The service ----------------------------------------------------------------------------- */

static void convert_status(struct draft *draft, const struct section *section)
{
    const char *status = section_value(section, "status");
    struct value_text address = {.text = ""};
    const char *why;
    if (!status)
        return;
    if (strncmp(status, "http://", 7) == 0)
        status += 7;
    if (value_address(status, "127.0.0.1", &address, &why))
        draft_text(draft, draft_object(draft, draft->root, "admin"), "listen", address.text);
}

static void convert_limits(struct draft *draft, cJSON *service, const struct section *section)
{
    const struct setting *most = section_last(section, "max-concurrent-conns");
    unsigned long number = 0;
    copy_duration(draft, draft->root, section, "shutdown-timeout", "shutdown_timeout");
    copy_duration(draft, service, section, "connect-timeout", "connect_timeout");
    copy_duration(draft, service, section, "connect-timeout", "handshake_timeout");
    copy_duration(draft, service, section, "close-timeout", "close_timeout");
    if (most && !value_number(most->value, 1000000, &number))
        draft_error(draft, &most->place, "--max-concurrent-conns: expected a number up to 1000000");
    else if (number > 0)
        draft_number(draft, service, "max_connections", (double)number);
}

void ghostunnel_convert(struct draft *draft, const struct settings *settings)
{
    const struct section *section = settings->sections[0];
    bool is_client = strcmp(section->name, "client") == 0;
    draft_say_all(draft, ghostunnel_options, draft->root, section);
    convert_status(draft, section);
    cJSON *service = draft_service(draft, "ghostunnel");
    copy_address(draft, service, section, "listen", is_client ? "listen_plain" : "listen");
    if (is_client) {
        copy_address(draft, service, section, "target", "dial");
        (void)copy(draft, service, section, "proxy", "dial_through");
        (void)copy(draft, service, section, "connect-proxy", "dial_through");
    } else {
        draft_text(draft, service, "role", "server");
    }
    convert_limits(draft, service, section);
    if (is_client)
        convert_servers(draft, service, section);
    else
        convert_clients(draft, service, section);
    if (!is_client && section_last(section, "proxy-protocol"))
        draft_text(draft, service, "proxy_protocol", "v2");
    if (!is_client)
        copy_address(draft, service, section, "target", "forward");
}
