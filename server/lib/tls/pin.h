/* Pins: public keys that are known beforehand, by their SHA-256. Pure functions; any thread. */
#ifndef ACTPASS_SERVER_TLS_PIN_H
#define ACTPASS_SERVER_TLS_PIN_H

#include "config/config.h"

#include <openssl/x509.h>

/* The pin of a certificate's key. False: no memory. */
bool pin_of(const X509 *certificate, struct config_pin *pin);

bool pin_equal(const struct config_pin *one, const struct config_pin *other);

#endif
