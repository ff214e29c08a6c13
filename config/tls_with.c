/* "tls" of a route beside that of its service. */
#include "config/config.h"

static bool has_trust(const struct config_tls *tls)
{
    return tls->ca || tls->ca_system || tls->peer_names.count > 0 || tls->peer_pins.count > 0 ||
           tls->crl || tls->insecure_any_peer;
}

/* What goes with the other certificate does not go with this one. */
static void take_identity(struct config_tls *tls, const struct config_tls *own)
{
    tls->certificate = own->certificate;
    tls->key = own->key;
    tls->key_passphrase_file = own->key_passphrase_file;
    tls->own_in_memory = own->own_in_memory;
    tls->certificates = NULL;
    tls->certificate_count = 0;
    tls->ocsp_response = NULL;
}

static void take_trust(struct config_tls *tls, const struct config_tls *own)
{
    tls->ca = own->ca;
    tls->ca_system = own->ca_system;
    tls->ca_in_memory = own->ca_in_memory;
    tls->peer_names = own->peer_names;
    tls->peer_pins = own->peer_pins;
    tls->crl = own->crl;
    tls->insecure_any_peer = own->insecure_any_peer;
}

struct config_tls config_tls_with(const struct config_tls *tls, const struct config_tls *own)
{
    struct config_tls all = *tls;
    if (own->certificate)
        take_identity(&all, own);
    if (has_trust(own))
        take_trust(&all, own);
    if (own->client_auth != CONFIG_CLIENT_AUTH_UNSET)
        all.client_auth = own->client_auth;
    all.unknown_server_name = CONFIG_UNKNOWN_NAME_DEFAULT; /* it is known: that has chosen OWN */
    all.insecure_key_log = NULL;                           /* the whole service has one */
    return all;
}
