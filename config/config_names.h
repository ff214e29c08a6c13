/* Names that certificates carry, and pins of keys. Part of config.h. */
#ifndef ACTPASS_CONFIG_CONFIG_NAMES_H
#define ACTPASS_CONFIG_CONFIG_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A list of strings; NULL items when count is 0. */
struct config_strings {
    char **items;
    size_t count;
};

/* A name that a peer's certificate may carry. */
enum config_name_kind {
    CONFIG_NAME_DNS,
    CONFIG_NAME_DNS_BELOW, /* "*.": each name of one label below this one */
    CONFIG_NAME_IP,
    CONFIG_NAME_URI,
    CONFIG_NAME_EMAIL,
    CONFIG_NAME_COMMON /* the subject's common name */
};

struct config_peer_name {
    enum config_name_kind kind;
    char *text;          /* without its kind, and DNS_BELOW without "*." */
    uint8_t address[16]; /* IP: in network order */
    size_t address_size; /* IP: 4 or 16 */
};

struct config_peer_names {
    struct config_peer_name *items;
    size_t count;
};

/* SHA-256 of the DER form of a SubjectPublicKeyInfo (RFC 7469 section 2.4). */
struct config_pin {
    uint8_t digest[32];
};

struct config_pins {
    struct config_pin *items;
    size_t count;
};

/* Puts TEXT, which the list takes, before the string of that number. False: out of memory. */
bool config_strings_insert(struct config_strings *strings, size_t at, char *text);

/* Parses a name as the "peer_names" key does: "name", "*.name" or "192.0.2.1", or one with its kind
 * before it: "dns:", "ip:", "uri:", "email:" or "cn:". Returns NULL, or what is wrong (a string
 * that lives for ever). On failure the name is empty. */
const char *config_peer_name_parse(const char *text, struct config_peer_name *name);
bool config_peer_names_copy(const struct config_peer_names *from, struct config_peer_names *to);
void config_peer_names_free(struct config_peer_names *names); /* what they hold, not themselves */

/* Parses "sha256:" and 64 hex digits. Returns NULL, or what is wrong (a static string). */
const char *config_pin_parse(const char *text, struct config_pin *pin);

/* A label of a DNS name: 1 to 63 letters, digits, "-" and "_", with no "-" at its ends. */
bool config_is_dns_label(const char *label, size_t length);

/* Is NAME one of these, or below one? KIND: CONFIG_NAME_DNS, for which DNS_BELOW counts as well, or
 * CONFIG_NAME_COMMON. ASCII case is ignored. */
bool config_names_cover(const struct config_peer_names *names, enum config_name_kind kind,
                        const char *name);

#endif
