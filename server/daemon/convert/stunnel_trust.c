/* The options of stunnel that say whom a service trusts. */
#include "server/daemon/convert/pins.h"
#include "server/daemon/convert/stunnel_internal.h"
#include "server/daemon/convert/values.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool stunnel_redirects(const struct section *section)
{
    const char *peer = section_value(section, "verifyPeer");
    const char *chain = section_value(section, "verifyChain");
    return section_last(section, "redirect") && section_last(section, "CAfile") && peer &&
           strcasecmp(peer, "yes") == 0 && (!chain || strcasecmp(chain, "yes") != 0);
}

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
    stunnel_copy(draft, object, section, "CAfile", "ca");
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
        stunnel_copy(draft, object, section, "CRLfile", "crl");
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
