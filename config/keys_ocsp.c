/* The keys of "ocsp" of "tls". */
#include "config/config.h"
#include "config/internal.h"
#include "config/keys.h"

static const char *const config_ocsp_peers[] = {"off", "soft", "hard", NULL};

_Static_assert(CONFIG_OCSP_HARD == 2, "order of the names");

static const struct key ocsp_keys[] = {
    {.name = "staple",
     .help = "Fetch OCSP responses for our certificates in the background, from the responder that "
             "each certificate names, and send them to clients that ask (stapling).",
     .type = KEY_BOOL,
     KEY_STORED_IN(config_ocsp, staple)},
    {.name = "peers",
     .help = "Whether peers' certificates are checked by OCSP: not (off); revoked ones are refused "
             "(soft); and all of which it cannot be found out as well (hard). A server's stapled "
             "response is used, else one is fetched.",
     .type = KEY_ENUM,
     .names = config_ocsp_peers,
     KEY_STORED_IN(config_ocsp, peers)},
    {.name = "responder",
     .help = "The responder to ask, http://host:port/path, in place of those that certificates "
             "name.",
     .type = KEY_STRING,
     .wrong = names_wrong_http_url,
     KEY_STORED_IN(config_ocsp, responder)},
    {.name = "through",
     .help = "The proxy to reach responders through, as in dial_through, which is the default. It "
             "is asked for a connection with CONNECT, or by SOCKS5.",
     .type = KEY_PROXY,
     KEY_STORED_IN(config_ocsp, through.proxy)},
    {.name = "through_auth",
     .help = "File with user:password for the proxy, as dial_through_auth.",
     .type = KEY_PATH,
     .scheme = CONFIG_CREDENTIAL,
     .needs = "through",
     KEY_STORED_IN(config_ocsp, through.credentials_file)},
    {.name = "cache",
     .help = "Folder in which responses for our certificates are kept over a restart.",
     .type = KEY_PATH,
     .written = true,
     KEY_STORED_IN(config_ocsp, cache)},
    {.name = "timeout",
     .help = "How long a responder has for its answer. A handshake waits as long for that about a "
             "peer.",
     .type = KEY_DURATION,
     .fallback = CONFIG_OCSP_TIMEOUT_MS,
     KEY_LIMITS(100, 60000),
     KEY_STORED_IN(config_ocsp, timeout_ms)},
    {0}};

const struct key_object ocsp_object = {.keys = ocsp_keys, .outer = &tls_object};
