/* What goes with "ocsp". */
#include "config/check.h"
#include "config/internal.h"

static void need(const struct checked_service *checked, const char *name, bool fine,
                 const char *text)
{
    struct place *place = place_find(place_find(checked->tls, "ocsp"), name);
    if (place && !place->bad && !fine)
        messages_error_at_key(checked->messages, place, "%s", text);
}

static void check_staple_key(const struct checked_service *checked, const struct config_tls *tls)
{
    const struct config_ocsp *ocsp = &tls->ocsp;
    if (!ocsp->staple)
        return;
    if (checked->role_known && !checked->may_serve)
        need(checked, "staple", false,
             "is for a TLS server, which this service never is, remove it");
}

static void check_peers_key(const struct checked_service *checked, const struct config_tls *tls)
{
    if (tls->ocsp.peers == CONFIG_OCSP_OFF)
        return;
    if (checked->role_known && !checked->may_connect &&
        config_client_auth(tls) == CONFIG_CLIENT_AUTH_NONE)
        need(checked, "peers", false,
             "has nothing to check, since no client is asked for a certificate: set "
             "\"client_auth\"");
}

void check_ocsp(const struct checked_service *checked)
{
    const struct config_tls *tls = &checked->service->connection.tls;
    const struct config_ocsp *ocsp = &tls->ocsp;
    struct place *place = place_find(checked->tls, "ocsp");
    if (!place)
        return;
    check_staple_key(checked, tls);
    check_peers_key(checked, tls);
    need(checked, "cache", ocsp->staple, "keeps what \"staple\" fetches, and that is not on");
    if (ocsp->cache && ocsp->staple)
        check_folder(checked->messages, place_find(place, "cache"), ocsp->cache);
    if (ocsp->through.credentials_file)
        check_secret(checked->messages, place_find(place, "through_auth"),
                     ocsp->through.credentials_file, "user and password for a proxy",
                     "a file with user:password");
}
