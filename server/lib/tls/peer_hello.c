#include "server/lib/tls/peer_hello.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_HEADER = 4, RANDOM = 32 };

/* ---- Keeping it ------------------------------------------------------------------------------ */

void peer_hello_keep(struct peer_hello *hello, const uint8_t *message, size_t size)
{
    size_t kept = size < PEER_HELLO_MAX ? size : PEER_HELLO_MAX;
    bool is_hello = message[0] == SSL3_MT_CLIENT_HELLO || message[0] == SSL3_MT_SERVER_HELLO;
    if (hello->bytes || !is_hello)
        return;
    hello->bytes = malloc(kept);
    if (!hello->bytes)
        return;
    memcpy(hello->bytes, message, kept);
    hello->size = kept;
}

void peer_hello_free(struct peer_hello *hello)
{
    free(hello->bytes);
    *hello = (struct peer_hello){.bytes = NULL};
}

/* ---- Reading it ------------------------------------------------------------------------------ */

struct part {
    const uint8_t *at;
    size_t left;
};

/* Takes SIZE bytes, or all that are left. */
static struct part take(struct part *from, size_t size)
{
    struct part taken = {from->at, size < from->left ? size : from->left};
    if (taken.left > 0) /* otherwise it may be NULL */
        from->at += taken.left;
    from->left -= taken.left;
    return taken;
}

static unsigned take_number(struct part *from, size_t bytes)
{
    unsigned number = 0;
    struct part taken = take(from, bytes);
    for (size_t i = 0; i < taken.left; i++)
        number = number << 8 | taken.at[i];
    return number;
}

/* Takes a vector, whose length comes first, in LENGTH_BYTES. */
static struct part take_vector(struct part *from, size_t length_bytes)
{
    return take(from, take_number(from, length_bytes));
}

static struct part all_of(const struct peer_hello *hello)
{
    struct part all = {hello->bytes, hello->size};
    (void)take(&all, MESSAGE_HEADER);
    return all;
}

/* The list of ciphers; then REST begins with the compression methods. */
static struct part ciphers_of(const struct peer_hello *hello, struct part *rest)
{
    *rest = all_of(hello);
    if (hello->size == 0 || hello->bytes[0] != SSL3_MT_CLIENT_HELLO)
        rest->left = 0;
    (void)take(rest, 2 + RANDOM);
    (void)take_vector(rest, 1); /* the session's ID */
    return take_vector(rest, 2);
}

/* An extension's data; empty if there is none. */
static struct part extension_of(const struct peer_hello *hello, unsigned wanted)
{
    struct part rest;
    (void)ciphers_of(hello, &rest);
    (void)take_vector(&rest, 1);
    struct part extensions = take_vector(&rest, 2);
    while (extensions.left > 0) {
        unsigned type = take_number(&extensions, 2);
        struct part data = take_vector(&extensions, 2);
        if (type == wanted)
            return data;
    }
    return (struct part){NULL, 0};
}

/* ---- Names ----------------------------------------------------------------------------------- */

static bool is_grease(unsigned number)
{
    return (number & 0x0f0f) == 0x0a0a && number >> 8 == (number & 0xff);
}

static void add_number(struct name_list *list, const char *name, unsigned number)
{
    char text[8];
    if (!name)
        (void)snprintf(text, sizeof(text), "0x%04x", number & 0xffff);
    name = name ? name : text;
    name_list_add(list, name, strlen(name));
}

static const char *version_name(unsigned version)
{
    switch (version) {
    case SSL3_VERSION:
        return "SSLv3";
    case TLS1_VERSION:
        return "TLSv1";
    case TLS1_1_VERSION:
        return "TLSv1.1";
    case TLS1_2_VERSION:
        return "TLSv1.2";
    case TLS1_3_VERSION:
        return "TLSv1.3";
    default:
        return NULL;
    }
}

static unsigned legacy_version(const struct peer_hello *hello)
{
    struct part all = all_of(hello);
    return take_number(&all, 2);
}

static void add_legacy_version(const struct peer_hello *hello, struct name_list *list)
{
    char text[32];
    const char *name = version_name(legacy_version(hello));
    (void)snprintf(text, sizeof(text), "at most %s", name ? name : "an unknown version");
    name_list_add(list, text, strlen(text));
}

void peer_hello_add_versions(const struct peer_hello *hello, struct name_list *list)
{
    struct part data = extension_of(hello, TLSEXT_TYPE_supported_versions);
    struct part versions = take_vector(&data, 1);
    if (versions.left == 0 && hello->size > 0)
        add_legacy_version(hello, list);
    while (versions.left > 0) {
        unsigned version = take_number(&versions, 2);
        if (!is_grease(version))
            add_number(list, version_name(version), version);
    }
}

const char *peer_hello_chosen_version(const struct peer_hello *hello)
{
    bool chosen = hello->size > 0 && hello->bytes[0] == SSL3_MT_SERVER_HELLO;
    const char *name = chosen ? version_name(legacy_version(hello)) : NULL;
    return name ? name : "";
}

static bool is_signal(unsigned cipher)
{
    enum { EMPTY_RENEGOTIATION_INFO = 0x00ff, FALLBACK = 0x5600 };
    return cipher == EMPTY_RENEGOTIATION_INFO || cipher == FALLBACK || is_grease(cipher);
}

void peer_hello_add_ciphers(const struct peer_hello *hello, SSL *ssl, int version,
                            struct name_list *list)
{
    struct part rest;
    struct part ciphers = ciphers_of(hello, &rest);
    while (ciphers.left >= 2) {
        const SSL_CIPHER *known = SSL_CIPHER_find(ssl, ciphers.at);
        unsigned cipher = take_number(&ciphers, 2);
        bool of_1_3 = cipher >> 8 == 0x13;
        if (!is_signal(cipher) && of_1_3 == (version == TLS1_3_VERSION))
            add_number(list, known ? SSL_CIPHER_get_name(known) : NULL, cipher);
    }
}

void peer_hello_add_groups(const struct peer_hello *hello, SSL *ssl, struct name_list *list)
{
    enum { X25519MLKEM768 = 0x11ec }; /* OpenSSL before 3.5 does not know it */
    struct part data = extension_of(hello, TLSEXT_TYPE_supported_groups);
    struct part groups = take_vector(&data, 2);
    while (groups.left > 0) {
        unsigned group = take_number(&groups, 2);
        const char *name = SSL_group_to_name(ssl, (int)(TLSEXT_nid_unknown | group));
        if (!name && group == X25519MLKEM768)
            name = "X25519MLKEM768";
        if (!is_grease(group))
            add_number(list, name, group);
    }
}

void peer_hello_add_protocols(const struct peer_hello *hello, struct name_list *list)
{
    struct part data = extension_of(hello, TLSEXT_TYPE_application_layer_protocol_negotiation);
    struct part protocols = take_vector(&data, 2);
    while (protocols.left > 0) {
        struct part name = take_vector(&protocols, 1);
        bool grease = name.left == 2 && is_grease((unsigned)name.at[0] << 8 | name.at[1]);
        if (!grease)
            name_list_add(list, (const char *)name.at, name.left);
    }
}

void peer_hello_add_server_name(const struct peer_hello *hello, struct name_list *list)
{
    struct part data = extension_of(hello, TLSEXT_TYPE_server_name);
    struct part names = take_vector(&data, 2);
    unsigned type = take_number(&names, 1);
    struct part name = take_vector(&names, 2);
    if (type == TLSEXT_NAMETYPE_host_name && name.left > 0)
        name_list_add(list, (const char *)name.at, name.left);
}
