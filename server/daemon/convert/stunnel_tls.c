/* The options of stunnel that become "tls": certificates, trust, versions, ciphers, sessions. */
#include "server/daemon/convert/pins.h"
#include "server/daemon/convert/stunnel.h"
#include "server/daemon/convert/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TRUSTED_HERE "and is used with verifyChain and verifyPeer only, as in stunnel"

/* ---- Certificate and key -------------------------------------------------------------------- */

static void copy(struct draft *draft, cJSON *object, const struct section *section,
                 const char *name, const char *key)
{
    const char *value = section_value(section, name);
    if (value && *value)
        draft_text(draft, object, key, value);
}

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

bool stunnel_redirects(const struct section *section)
{
    const char *peer = section_value(section, "verifyPeer");
    const char *chain = section_value(section, "verifyChain");
    return section_last(section, "redirect") && section_last(section, "CAfile") && peer &&
           strcasecmp(peer, "yes") == 0 && (!chain || strcasecmp(chain, "yes") != 0);
}

/* ---- Whom to trust -------------------------------------------------------------------------- */

enum request { REQUEST_NONE, REQUEST_MAY, REQUEST_MUST };

struct trust {
    bool chain, peer;
    enum request request;
};

static bool is_yes(const struct setting *setting)
{
    return setting && strcasecmp(setting->value, "yes") == 0;
}

static bool read_level(struct draft *draft, const struct setting *verify, struct trust *trust)
{
    unsigned long level = 0;
    if (!verify)
        return true;
    if (!value_number(verify->value, 4, &level))
        return draft_error(draft, &verify->place, "verify: expected a level from 0 to 4");
    trust->chain = level >= 1 && level <= 3;
    trust->peer = level >= 3;
    trust->request = level >= 2 ? REQUEST_MUST : REQUEST_MAY;
    return true;
}

/* Is the later of the two "no"? A line of the section comes after those of the defaults. */
static bool waives(const struct section *section, const struct setting *require,
                   const struct setting *verify)
{
    if (!require || strcasecmp(require->value, "no") != 0 || !verify)
        return false;
    bool both_own = section_own(section, "requireCert") == require;
    return both_own && require > verify;
}

static struct trust read_trust(struct draft *draft, const struct section *section)
{
    struct trust trust = {.request = REQUEST_NONE};
    const struct setting *chain = section_last(section, "verifyChain");
    const struct setting *peer = section_last(section, "verifyPeer");
    const struct setting *require = section_last(section, "requireCert");
    (void)read_level(draft, section_last(section, "verify"), &trust);
    (void)stunnel_yes(draft, section, "verifyChain", false);
    (void)stunnel_yes(draft, section, "verifyPeer", false);
    (void)stunnel_yes(draft, section, "requireCert", false);
    if (chain)
        trust.chain = is_yes(chain);
    if (peer)
        trust.peer = is_yes(peer);
    if (is_yes(chain) || is_yes(peer) || is_yes(require))
        trust.request = REQUEST_MUST;
    if (waives(section, require, is_yes(peer) ? peer : chain))
        trust.request = REQUEST_MAY;
    return trust;
}

static void add_names(struct draft *draft, cJSON *object, const struct section *section)
{
    static const struct {
        const char *option, *kind;
    } kinds[] = {{"checkHost", "dns:"}, {"checkIP", "ip:"}, {"checkEmail", "email:"}};
    struct value_text name;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        const struct setting *check = section_next(section, kinds[i].option, NULL);
        for (; check; check = section_next(section, kinds[i].option, check)) {
            (void)snprintf(name.text, sizeof(name.text), "%s%s", kinds[i].kind, check->value);
            draft_item(draft, object, "peer_names", name.text);
        }
    }
    if (section_last(section, "checkHost"))
        stunnel_say(draft, object, section, "checkHost", OPTION_OTHER, NULL);
}

/* As TLS client we want to know whom we have reached: CAs alone are not enough for us. */
static void add_own_names(struct draft *draft, cJSON *object, const struct section *section)
{
    struct value_text address = {.text = ""}, name;
    const char *why;
    bool said = false;
    const struct setting *connect = section_next(section, "connect", NULL);
    for (; connect; connect = section_next(section, "connect", connect)) {
        if (!value_address(connect->value, "127.0.0.1", &address, &why))
            continue;
        struct value_text host = value_host(address.text);
        (void)snprintf(name.text, sizeof(name.text), "%s%.500s",
                       value_is_ip(host.text) ? "ip:" : "dns:", host.text);
        if (!said)
            draft_comment(draft, object,
                          "stunnel accepts any certificate of this CA. Here the server must have "
                          "one of these names:");
        draft_item(draft, object, "peer_names", name.text);
        said = true;
    }
}

void stunnel_pins(struct draft *draft, cJSON *object, const struct section *section,
                  const char *key)
{
    const struct setting *file = section_last(section, "CAfile");
    stunnel_say(draft, object, section, "verifyPeer", OPTION_OTHER, NULL);
    if (!file)
        stunnel_say(draft, object, section, "verifyPeer", OPTION_LOST,
                    "write the pin of each certificate of CApath into peer_pins");
    else if (draft->files == DRAFT_FILES && pins_add(draft, object, key, file->value) == 0)
        draft_error(draft, &file->place,
                    "CAfile: cannot read a certificate in %s, whose public key is to be pinned "
                    "(verifyPeer): convert where the file is",
                    file->value);
}

static void add_ca(struct draft *draft, cJSON *object, const struct section *section)
{
    const char *folder = section_value(section, "CApath");
    copy(draft, object, section, "CAfile", "ca");
    if (section_value(section, "CAfile") || !folder)
        return;
    bool is_system =
        strcmp(folder, "/etc/ssl/certs") == 0 || strcmp(folder, "/etc/ssl/certs/") == 0;
    if (is_system)
        draft_text(draft, object, "ca", "system");
    else
        stunnel_say(draft, object, section, "CApath", OPTION_LOST, NULL);
}

static void ask_client(struct draft *draft, cJSON *object, enum request request)
{
    if (request != REQUEST_NONE)
        draft_text(draft, object, "client_auth", request == REQUEST_MUST ? "require" : "request");
}

/* Nobody is verified. A client may have to show a certificate all the same. */
static void trust_anybody(struct draft *draft, cJSON *service, cJSON *object,
                          const struct section *section, enum stunnel_side side,
                          enum request request)
{
    static const char *const unused[] = {"CAfile", "CApath", "CRLfile", "OCSP", "OCSPaia"};
    for (size_t i = 0; i < sizeof(unused) / sizeof(*unused); i++)
        if (section_own(section, unused[i]))
            stunnel_say(draft, service, section, unused[i], OPTION_NEEDLESS,
                        "without verifyChain or verifyPeer stunnel does not use it");
    if (side == STUNNEL_SERVER && request != REQUEST_MUST)
        return;
    if (side == STUNNEL_SERVER) {
        ask_client(draft, object, request);
        stunnel_say(draft, object, section, "requireCert", OPTION_OTHER,
                    "as in stunnel, any certificate will do without verifyChain or verifyPeer");
        draft_true(draft, object, "insecure_any_peer");
        return;
    }
    draft_comment(draft, object,
                  "As in stunnel, the server is not verified, so that anybody between can read "
                  "all. Better: \"ca\" and \"peer_names\"");
    draft_true(draft, object, "insecure_any_peer");
}

/* Is a peer's certificate revoked? */
static void ask_responder(struct draft *draft, cJSON *object, const struct section *section)
{
    struct value_text timeout;
    unsigned long seconds = 0;
    const char *url = section_value(section, "OCSP");
    bool by_certificate = stunnel_yes(draft, section, "OCSPaia", false);
    bool is_http = url && strncasecmp(url, "http://", 7) == 0;
    if (url && !is_http)
        stunnel_say(draft, object, section, "OCSP", OPTION_LOST, NULL);
    if (!is_http && !by_certificate)
        return;
    cJSON *ocsp = draft_object(draft, object, "ocsp");
    bool is_hard = stunnel_yes(draft, section, "OCSPrequire", true);
    draft_text(draft, ocsp, "peers", is_hard ? "hard" : "soft");
    if (is_http)
        draft_text(draft, ocsp, "responder", url);
    const char *written = section_value(section, "TIMEOUTocsp");
    if (written && value_number(written, 60, &seconds) && seconds > 0 &&
        value_seconds(written, &timeout))
        draft_text(draft, ocsp, "timeout", timeout.text);
    else if (written)
        stunnel_say(draft, object, section, "TIMEOUTocsp", OPTION_LOST,
                    "it is a number of seconds from 1 to 60");
}

void stunnel_trust(struct draft *draft, cJSON *service, cJSON *object,
                   const struct section *section, enum stunnel_side side)
{
    struct trust trust = read_trust(draft, section);
    if (stunnel_redirects(section)) {
        draft_comment(draft, object,
                      "Any client is let in: the route for peer_pin has those that verifyPeer "
                      "accepts, and the others are redirected");
        draft_text(draft, object, "client_auth", "request");
        draft_true(draft, object, "insecure_any_peer");
        return;
    }
    if (!trust.chain && !trust.peer) {
        trust_anybody(draft, service, object, section, side, trust.request);
        return;
    }
    if (side == STUNNEL_SERVER)
        ask_client(draft, object, trust.request);
    if (trust.chain) {
        add_ca(draft, object, section);
        copy(draft, object, section, "CRLfile", "crl");
        ask_responder(draft, object, section);
    }
    if (!trust.chain && (section_last(section, "OCSP") || section_last(section, "OCSPaia")))
        stunnel_say(draft, object, section, section_last(section, "OCSP") ? "OCSP" : "OCSPaia",
                    OPTION_LOST, "a pinned key has no issuer that a responder could be asked for");
    if (trust.peer)
        stunnel_pins(draft, object, section, "peer_pins");
    add_names(draft, object, section);
    bool named = cJSON_HasObjectItem(object, "peer_names") || trust.peer;
    if (side == STUNNEL_CLIENT && !named)
        add_own_names(draft, object, section);
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

void stunnel_negotiation(struct draft *draft, cJSON *service, cJSON *object,
                         const struct section *section)
{
    (void)service;
    copy(draft, object, section, "ciphers", "ciphers");
    copy(draft, object, section, "ciphersuites", "ciphersuites");
    copy(draft, object, section, "curve", "groups");
    copy(draft, object, section, "curves", "groups");
    convert_versions(draft, object, section);
    convert_level(draft, object, section);
    convert_each(draft, object, section, "config", convert_command);
    convert_each(draft, object, section, "options", convert_option);
    convert_sessions(draft, object, section);
}
