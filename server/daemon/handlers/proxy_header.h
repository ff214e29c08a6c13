/* The header of the PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): the bytes that
 * a proxy sends before those of its client, and that say whose they are. Encoder and strict
 * decoder; pure functions, which allocate nothing. Any thread. */
#ifndef ACTPASS_SERVER_HANDLERS_PROXY_HEADER_H
#define ACTPASS_SERVER_HANDLERS_PROXY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    PROXY_HEADER_MIN = 16,   /* what every header has: signature, command, family, length */
    PROXY_HEADER_MAX = 4096, /* a longer one is refused; some hold a certificate */
    PROXY_TLVS_MAX = 16,     /* of a header, without those inside "ssl" */
    PROXY_UNIQUE_ID_MAX = 128
};

enum proxy_command {
    PROXY_LOCAL, /* the proxy speaks for itself, such as to check health: there are no addresses */
    PROXY_PROXY
};

enum proxy_type {
    PROXY_ALPN = 0x01,      /* the protocol, without a length byte */
    PROXY_AUTHORITY = 0x02, /* a host name in UTF-8, without NUL; such as the server name of TLS */
    PROXY_CRC32C = 0x03,    /* the decoder checks it, the encoder does not write it */
    PROXY_NOOP = 0x04,      /* the decoder leaves it out */
    PROXY_UNIQUE_ID = 0x05, /* any bytes, at most PROXY_UNIQUE_ID_MAX */
    PROXY_SSL = 0x20,       /* struct proxy_ssl */
    PROXY_SSL_VERSION = 0x21,
    PROXY_SSL_CN = 0x22,
    PROXY_SSL_CIPHER = 0x23,
    PROXY_SSL_CLIENT_CERT = 0x28, /* in DER */
    PROXY_CUSTOM_MIN = 0xE0,      /* to 0xEF: the meaning is an agreement between both ends */
    PROXY_CUSTOM_MAX = 0xEF,
    PROXY_OUT_ROLE = PROXY_CUSTOM_MIN /* our TLS role, a space, and its cause, as in the log */
};

/* Bytes that belong to somebody else: the decoder's input, the encoder's caller. No terminator, and
 * NUL bytes may be inside: compare by length. */
struct proxy_bytes {
    const void *at; /* NULL: absent */
    size_t length;
};

struct proxy_tlv {
    uint8_t type;
    struct proxy_bytes value;
};

enum { PROXY_CLIENT_SSL = 1, PROXY_CLIENT_CERT_CONN = 2, PROXY_CLIENT_CERT_SESS = 4 };

struct proxy_ssl {
    uint8_t client;  /* PROXY_CLIENT_ bits */
    uint32_t verify; /* 0: the client has shown a certificate, and it was accepted */
    struct proxy_bytes version, cn, cipher; /* text, such as "TLSv1.3"; each may be absent */
    struct proxy_bytes certificate;         /* of the client, in DER; may be absent */
};

struct proxy_header {
    enum proxy_command command;
    /* Both of the family AF_INET, AF_INET6, AF_UNIX, or AF_UNSPEC: not known. A path of AF_UNIX has
     * up to 108 bytes, and no NUL behind it then. */
    struct sockaddr_storage source, destination;
    bool has_ssl;
    struct proxy_ssl ssl;
    struct proxy_tlv tlvs[PROXY_TLVS_MAX]; /* all but "ssl", CRC32C and NOOP, in their order */
    size_t tlv_count;
};

enum proxy_result { PROXY_MORE, PROXY_DONE, PROXY_WRONG };

/* Decodes the header that DATA begins with. The first byte that cannot be right makes it
 * PROXY_WRONG, so a peer that sends something else is not waited for.
 *   PROXY_MORE   *LENGTH is how many bytes the header has at least, more than SIZE: whoever reads
 *                only that many reads no byte behind the header.
 *   PROXY_DONE   *HEADER is set, and points into DATA; *LENGTH is the length of the header.
 *   PROXY_WRONG  *WHY is what is wrong, a static string: "the version is not 2".
 * What is not set is left as it was, but *HEADER may have any content. */
enum proxy_result proxy_header_decode(const void *data, size_t size, struct proxy_header *header,
                                      size_t *length, const char **why);

/* The same for version 1, one line of text, which has no TLVs. *HEADER of "UNKNOWN" has no
 * addresses. */
enum proxy_result proxy_header_decode_v1(const void *data, size_t size, struct proxy_header *header,
                                         size_t *length, const char **why);

/* The same for either version. */
enum proxy_result proxy_header_decode_any(const void *data, size_t size,
                                          struct proxy_header *header, size_t *length,
                                          const char **why);

/* Writes HEADER to OUT, which has SIZE bytes. Returns its length; 0 if that does not fit, is longer
 * than PROXY_HEADER_MAX, or if HEADER is none: families that differ, a PROXY_LOCAL with addresses,
 * TLVs of a type that the encoder writes itself. OUT has any content then. */
size_t proxy_header_encode(const struct proxy_header *header, void *out, size_t size);

/* The value of the first TLV of this type; absent if there is none. */
struct proxy_bytes proxy_header_find(const struct proxy_header *header, uint8_t type);

#endif
