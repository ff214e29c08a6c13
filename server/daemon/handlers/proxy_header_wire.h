/* Where the parts of a PROXY header are. For proxy_header.c and proxy_header_encode.c. */
#ifndef ACTPASS_SERVER_HANDLERS_PROXY_HEADER_WIRE_H
#define ACTPASS_SERVER_HANDLERS_PROXY_HEADER_WIRE_H

#include <stdint.h>

enum {
    PROXY_SIGNATURE_SIZE = 12,
    PROXY_AT_COMMAND = 12, /* with the version */
    PROXY_AT_FAMILY = 13,
    PROXY_AT_LENGTH = 14, /* of what follows the first 16 bytes */
    PROXY_PATH_SIZE = 108,
    PROXY_TLV_HEAD = 3, /* type and length */
    PROXY_SSL_HEAD = 5  /* client and verify */
};

/* Families, all of streams. */
enum {
    PROXY_FAMILY_NONE = 0x00,
    PROXY_FAMILY_IPV4 = 0x11,
    PROXY_FAMILY_IPV6 = 0x21,
    PROXY_FAMILY_UNIX = 0x31
};

extern const uint8_t proxy_signature[PROXY_SIGNATURE_SIZE];

#endif
