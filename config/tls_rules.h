/* The rules about several values of "tls", in one table: for the check of JSON, which reports each
 * at its place, and for settings of the C API. Saying nothing must never mean to trust everybody.
 */
#ifndef ACTPASS_CONFIG_TLS_RULES_H
#define ACTPASS_CONFIG_TLS_RULES_H

#include "config/config.h"

/* What the rules look at. */
struct tls_facts {
    bool may_serve, may_connect; /* the roles that can occur; neither: not known */
    bool certificate, key, ca, names, pins, crl, alpn, certificates; /* which keys are there */
    bool ocsp_peers, ocsp_staple, ocsp_response;
    bool require_alpn, refuse_unknown_name, any_peer;
    enum config_client_auth client_auth; /* never UNSET */
    struct session_facts {
        bool leave;          /* they are kept outside of this process */
        bool keys;           /* to seal them with */
        bool user, password; /* of Redis */
        bool over_tls, ca;   /* of Redis */
    } sessions;
};

struct tls_facts tls_facts_of(const struct config_tls *tls, enum config_role role);

enum tls_rule_about {
    RULE_ABOUT_KEY,  /* the key must not be there */
    RULE_ABOUT_VALUE /* the key's value is wrong, or that of "tls" */
};

struct tls_rule {
    const char *key; /* NULL: "tls" itself */
    enum tls_rule_about about;
    bool (*broken)(const struct tls_facts *facts);
    const char *wrong;
};

extern const struct tls_rule tls_rules[]; /* ends with a NULL wrong */

#endif
