/* The options of stunnel that become "tls": certificate, versions, ciphers, sessions. */
#include "server/daemon/convert/stunnel_internal.h"

#include "server/daemon/convert/values.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- Certificate and key -------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), size = strlen(ending);
    return length > size && strcasecmp(text + length - size, ending) == 0;
}

/* The certificate is in a token: we need it in a file. */
static void certificate_of_token(struct draft *draft, cJSON *service, cJSON *object,
                                 const struct section *section, const char *uri)
{
    struct value_text text;
    (void)snprintf(text.text, sizeof(text.text), "%s-certificate.pem",
                   *section->name ? section->name : "stunnel");
    draft_text(draft, object, "certificate", text.text);
    stunnel_say(draft, service, section, "cert", OPTION_LOST,
                "the certificate is read from a file: make it with openssl storeutl -certs, or "
                "pkcs11-tool --read-object --type cert");
    if (!section_value(section, "key") &&
        (size_t)snprintf(text.text, sizeof(text.text), "store:%s", uri) < sizeof(text.text))
        draft_text(draft, object, "key", text.text);
}

static void convert_key(struct draft *draft, cJSON *object, const char *key)
{
    struct value_text text;
    if (!value_is_pkcs11(key))
        draft_text(draft, object, "key", key);
    else if ((size_t)snprintf(text.text, sizeof(text.text), "store:%s", key) < sizeof(text.text))
        draft_text(draft, object, "key", text.text);
}

void stunnel_identity(struct draft *draft, cJSON *service, cJSON *object,
                      const struct section *section)
{
    const char *certificate = section_value(section, "cert");
    const char *key = section_value(section, "key");
    if (value_is_pkcs11(certificate))
        certificate_of_token(draft, service, object, section, certificate);
    else if (certificate)
        draft_text(draft, object, "certificate", certificate);
    if (certificate && (ends_with(certificate, ".p12") || ends_with(certificate, ".pfx")))
        stunnel_say(draft, service, section, "cert", OPTION_LOST,
                    "it must be PEM: openssl pkcs12 -in FILE -nodes -out FILE.pem");
    if (key && certificate && strcmp(key, certificate) != 0)
        convert_key(draft, object, key);
    stunnel_engine(draft, service, section);
}

/* ---- Versions, ciphers, groups -------------------------------------------------------------- */

/* 0: "all"; 10 to 13 for TLS 1.0 to 1.3; 1 for SSL. -1: unknown. */
static int version_of(const char *text)
{
    static const struct {
        const char *name;
        int version;
    } versions[] = {{"all", 0},      {"SSLv2", 1},    {"SSLv3", 1},    {"TLSv1", 10},
                    {"TLSv1.0", 10}, {"TLSv1.1", 11}, {"TLSv1.2", 12}, {"TLSv1.3", 13}};
    for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++)
        if (strcasecmp(text, versions[i].name) == 0)
            return versions[i].version;
    return -1;
}

static void set_min(struct draft *draft, cJSON *object, const struct section *section,
                    const char *option, int version)
{
    if (version == 13)
        draft_text(draft, object, "min_version", "1.3");
    else if (version < 12)
        stunnel_say(draft, object, section, option, OPTION_OTHER, "TLS 1.2 is the oldest version");
}

static void set_max(struct draft *draft, cJSON *object, const struct section *section,
                    const char *option, int version)
{
    if (version != 0 && version != 13)
        stunnel_say(draft, object, section, option, OPTION_LOST, "TLS 1.3 is always on");
}

static void convert_versions(struct draft *draft, cJSON *object, const struct section *section)
{
    static const char *const options[] = {"sslVersion", "sslVersionMin", "sslVersionMax"};
    for (size_t i = 0; i < 3; i++) {
        const struct setting *setting = section_last(section, options[i]);
        int version = setting ? version_of(setting->value) : 0;
        if (setting && version < 0)
            draft_error(draft, &setting->place, "%s: unknown version %s", options[i],
                        setting->value);
        if (!setting || version < 0)
            continue;
        if (i != 2)
            set_min(draft, object, section, options[i], version == 0 ? 12 : version);
        if (i != 1)
            set_max(draft, object, section, options[i], version);
    }
}

static void convert_level(struct draft *draft, cJSON *object, const struct section *section)
{
    const struct setting *setting = section_last(section, "securityLevel");
    unsigned long level = 0;
    struct value_text list;
    if (!setting)
        return;
    if (!value_number(setting->value, 5, &level)) {
        draft_error(draft, &setting->place, "securityLevel: expected a number from 0 to 5");
        return;
    }
    const char *ciphers = section_value(section, "ciphers");
    int length = snprintf(list.text, sizeof(list.text), "%s:@SECLEVEL=%lu",
                          ciphers ? ciphers : "HIGH:!aNULL:!kRSA", level);
    if (level != 2 && length > 0 && (size_t)length < sizeof(list.text))
        draft_text(draft, object, "ciphers", list.text);
}

/* One `config = COMMAND:VALUE`. */
static void convert_command(struct draft *draft, cJSON *object, const struct setting *setting)
{
    static const struct {
        const char *command, *key;
    } commands[] = {{"CipherString", "ciphers"},
                    {"Ciphersuites", "ciphersuites"},
                    {"Curves", "groups"},
                    {"Groups", "groups"}};
    const char *colon = strchr(setting->value, ':');
    size_t length = colon ? (size_t)(colon - setting->value) : 0;
    for (size_t i = 0; colon && i < sizeof(commands) / sizeof(*commands); i++)
        if (strlen(commands[i].command) == length &&
            strncasecmp(setting->value, commands[i].command, length) == 0) {
            draft_text(draft, object, commands[i].key, colon + 1);
            return;
        }
    if (colon && length == 11 && strncasecmp(setting->value, "MinProtocol", 11) == 0) {
        if (version_of(colon + 1) == 13)
            draft_text(draft, object, "min_version", "1.3");
        return;
    }
    draft_remark(draft, object, option_find(stunnel_options, "config"), setting, OPTION_LOST,
                 "this command of OpenSSL has no counterpart");
}

static void convert_option(struct draft *draft, cJSON *object, const struct setting *setting)
{
    static const char *const needless[] = {"NO_SSLv2",
                                           "NO_SSLv3",
                                           "NO_TLSv1",
                                           "NO_TLSv1.1",
                                           "NO_COMPRESSION",
                                           "CIPHER_SERVER_PREFERENCE",
                                           "NO_RENEGOTIATION",
                                           "SINGLE_DH_USE",
                                           "SINGLE_ECDH_USE",
                                           "-NO_SSLv3",
                                           "NO_ENCRYPT_THEN_MAC",
                                           "-NO_TICKET",
                                           "ENABLE_MIDDLEBOX_COMPAT",
                                           "-NO_SSLv2",
                                           "CLEANSE_PLAINTEXT"};
    const char *value = setting->value;
    for (size_t i = 0; i < sizeof(needless) / sizeof(*needless); i++)
        if (strcasecmp(value, needless[i]) == 0)
            return;
    if (strcasecmp(value, "NO_TLSv1.2") == 0)
        draft_text(draft, object, "min_version", "1.3");
    else if (strcasecmp(value, "NO_TICKET") == 0)
        draft_remark(draft, object, option_find(stunnel_options, "options"), setting, OPTION_OTHER,
                     "sessions are kept in memory by default, and tickets hold only their number");
    else
        draft_remark(draft, object, option_find(stunnel_options, "options"), setting, OPTION_LOST,
                     "this option of OpenSSL cannot be set");
}

static void convert_each(struct draft *draft, cJSON *object, const struct section *section,
                         const char *name,
                         void (*convert)(struct draft *, cJSON *, const struct setting *))
{
    const struct setting *setting = section_next(section, name, NULL);
    for (; setting; setting = section_next(section, name, setting))
        convert(draft, object, setting);
}

/* ---- Sessions ------------------------------------------------------------------------------- */

static void convert_sessions(struct draft *draft, cJSON *object, const struct section *section)
{
    const struct setting *timeout = section_last(section, "sessionCacheTimeout");
    struct value_text duration;
    unsigned long seconds = 0;
    if (!stunnel_yes(draft, section, "sessionResume", true))
        draft_text(draft, object, "sessions", "off");
    if (timeout && !value_number(timeout->value, 86400, &seconds))
        stunnel_say(draft, object, section, "sessionCacheTimeout", OPTION_LOST,
                    "it is a number of seconds from 1 to 86400");
    else if (seconds > 0 && value_seconds(timeout->value, &duration))
        draft_text(draft, object, "session_timeout", duration.text);
    stunnel_say(draft, object, section, "ticketKeySecret", OPTION_LOST, NULL);
}

static void convert_negotiation(struct draft *draft, cJSON *object, const struct section *section)
{
    stunnel_copy(draft, object, section, "ciphers", "ciphers");
    stunnel_copy(draft, object, section, "ciphersuites", "ciphersuites");
    stunnel_copy(draft, object, section, "curve", "groups");
    stunnel_copy(draft, object, section, "curves", "groups");
    convert_versions(draft, object, section);
    convert_level(draft, object, section);
    convert_each(draft, object, section, "config", convert_command);
    convert_each(draft, object, section, "options", convert_option);
    convert_sessions(draft, object, section);
}

/* ---- All ------------------------------------------------------------------------------------ */

/* The server name that a client sends: that of sni, or the host that it connects to. */
static void convert_sent_name(struct draft *draft, cJSON *tls, const struct section *section)
{
    struct value_text address = {.text = ""};
    const char *why;
    const char *sni = section_value(section, "sni");
    const char *connect = section_value(
        section, stunnel_has_protocol(section, "connect") ? "protocolHost" : "connect");
    if (sni && *sni)
        draft_text(draft, tls, "server_name", sni);
    if (sni || !connect || !value_address(connect, "127.0.0.1", &address, &why))
        return;
    struct value_text host = value_host(address.text);
    if (*host.text && !value_is_ip(host.text) && strchr(host.text, '.'))
        draft_text(draft, tls, "server_name", host.text);
}

void stunnel_tls(struct draft *draft, cJSON *service, const struct section *section,
                 enum stunnel_side side)
{
    cJSON *tls = draft_object(draft, service, "tls");
    stunnel_identity(draft, service, tls, section);
    stunnel_trust(draft, service, tls, section, side);
    convert_negotiation(draft, tls, section);
    if (side == STUNNEL_CLIENT)
        convert_sent_name(draft, tls, section);
}
