/* Engines of stunnel. A key that an engine finds by a URI of PKCS#11 becomes "store:URI"
 * (stunnel_tls.c). What any other engine does is lost, and is said to be. */
#include "server/daemon/convert/stunnel_internal.h"
#include "server/daemon/convert/values.h"

#include <strings.h>

#define PKCS11 "pkcs11"

void stunnel_engines(struct draft *draft, const struct section *global)
{
    const struct setting *engine = section_next(global, "engine", NULL);
    for (; engine; engine = section_next(global, "engine", engine))
        if (strcasecmp(engine->value, PKCS11) != 0)
            draft_remark(draft, draft->root, option_find(stunnel_options, "engine"), engine,
                         OPTION_LOST,
                         "engines are not loaded: set up a provider of OpenSSL 3 in openssl.cnf");
}

static const char *remedy(const char *engine)
{
    if (strcasecmp(engine, "capi") == 0)
        return "the certificate store of Windows is not available here: export certificate and key "
               "as PEM, and write \"certificate\" and \"key\"";
    return "engines are not loaded: set up a provider of OpenSSL 3 in openssl.cnf, and write "
           "\"certificate\" and \"key\": \"store:URI\"";
}

void stunnel_engine(struct draft *draft, cJSON *object, const struct section *section)
{
    static const char *const options[] = {"engineId", "engineNum"};
    const char *key = section_value(section, "key");
    if (value_is_pkcs11(key ? key : section_value(section, "cert")))
        return;
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
        const char *engine = section_value(section, options[i]);
        if (engine)
            stunnel_say(draft, object, section, options[i], OPTION_LOST, remedy(engine));
    }
}
