/* What a ClientHello offers, and what is left of one that is cut off or malformed. */
#include "server/lib/tls/peer_hello.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1
#define RANDOM "01234567890123456789012345678901"

static const char modern[] =
    "\x01\x00\x00\x80\x03\x03" RANDOM "\x04sess"
    "\x00\x0a\x0a\x0a\x13\x02\xc0\x30\xee\xee\x00\xff\x01\x00"
    "\x00\x3d"
    "\x00\x00\x00\x0e\x00\x0c\x00\x00\x09"
    "a.example"                                                /* name */
    "\x00\x2b\x00\x07\x06\x1a\x1a\x03\x04\x03\x03"             /* versions, one of them GREASE */
    "\x00\x0a\x00\x0a\x00\x08\x2a\x2a\x00\x1d\x11\xec\x12\x34" /* groups */
    "\x00\x10\x00\x0e\x00\x0c\x02h2\x08http/1.1";              /* protocols */

struct offer {
    struct name_list versions, new_ciphers, old_ciphers, groups, protocols, server_name;
};

static void read_offer(const uint8_t *bytes, size_t size, struct offer *offer)
{
    struct peer_hello hello = {.bytes = NULL};
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    SSL *ssl = SSL_new(ctx);
    cr_assert(ssl);
    *offer = (struct offer){.versions = {.length = 0}};
    peer_hello_keep(&hello, bytes, size);
    peer_hello_add_versions(&hello, &offer->versions);
    peer_hello_add_ciphers(&hello, ssl, TLS1_3_VERSION, &offer->new_ciphers);
    peer_hello_add_ciphers(&hello, ssl, TLS1_2_VERSION, &offer->old_ciphers);
    peer_hello_add_groups(&hello, ssl, &offer->groups);
    peer_hello_add_protocols(&hello, &offer->protocols);
    peer_hello_add_server_name(&hello, &offer->server_name);
    peer_hello_free(&hello);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

Test(peer_hello, reads_what_a_client_offers)
{
    struct offer offer;
    read_offer(BYTES(modern), &offer);
    cr_assert_str_eq(name_list_end(&offer.versions, ""), "TLSv1.3, TLSv1.2");
    cr_assert_str_eq(name_list_end(&offer.new_ciphers, ""), "TLS_AES_256_GCM_SHA384");
    cr_assert_str_eq(name_list_end(&offer.old_ciphers, ""), "ECDHE-RSA-AES256-GCM-SHA384, 0xeeee");
    cr_assert_str_eq(name_list_end(&offer.groups, ""), "x25519, X25519MLKEM768, 0x1234");
    cr_assert_str_eq(name_list_end(&offer.protocols, ""), "h2, http/1.1");
    cr_assert_str_eq(name_list_end(&offer.server_name, ""), "a.example");
}

Test(peer_hello, reads_an_old_client_by_its_version_alone)
{
    struct offer offer;
    read_offer(BYTES("\x01\x00\x00\x2b\x03\x02" RANDOM "\x00\x00\x02\xc0\x14\x01\x00"), &offer);
    cr_assert_str_eq(name_list_end(&offer.versions, ""), "at most TLSv1.1");
    cr_assert_str_eq(name_list_end(&offer.old_ciphers, ""), "ECDHE-RSA-AES256-SHA");
    cr_assert_str_eq(name_list_end(&offer.groups, "none"), "none");
}

/* Under the address sanitizer: nothing is read behind the end. */
Test(peer_hello, takes_any_part_of_a_hello)
{
    struct offer offer;
    for (size_t size = 1; size < sizeof(modern); size++) {
        uint8_t *part = malloc(size);
        cr_assert(part);
        memcpy(part, modern, size);
        read_offer(part, size, &offer);
        for (size_t at = 0; at < size; at++) { /* and with a length that says more than there is */
            part[at] ^= 0xff;
            if (size % 16 == 0)
                read_offer(part, size, &offer);
            part[at] ^= 0xff;
        }
        free(part);
    }
}

Test(peer_hello, keeps_the_first_one_and_no_other_message)
{
    struct peer_hello hello = {.bytes = NULL};
    uint8_t long_one[PEER_HELLO_MAX + 1] = {SSL3_MT_CLIENT_HELLO};
    peer_hello_keep(&hello, BYTES("\x0b\x00\x00\x00"));
    cr_assert_null(hello.bytes);
    cr_assert_str_eq(peer_hello_chosen_version(&hello), "");
    peer_hello_keep(&hello, BYTES("\x02\x00\x00\x26\x03\x02"));
    peer_hello_keep(&hello, long_one, sizeof(long_one));
    cr_assert_str_eq(peer_hello_chosen_version(&hello), "TLSv1.1");
    peer_hello_free(&hello);
    peer_hello_keep(&hello, long_one, sizeof(long_one));
    cr_assert_eq(hello.size, PEER_HELLO_MAX);
    peer_hello_free(&hello);
}
