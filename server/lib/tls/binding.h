/* When both peers sent a ClientHello, one of the two is dropped and is in no transcript. This TLS
 * extension binds the dropped one to the handshake of the other; relay/GLARE.md has the rule. The
 * functions of one SSL object belong to one thread at a time. */
#ifndef ACTPASS_SERVER_TLS_BINDING_H
#define ACTPASS_SERVER_TLS_BINDING_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

/* From the range for private use (RFC 8446 section 11). Other programs may use the number for
 * something else; such an extension is ignored. */
#define BINDING_EXTENSION 65383

/* An answer consists of a mark, which identifies ours, and a digest. */
enum { BINDING_MARK = 8, BINDING_DIGEST = 32 };

/* The state of one SSL object. */
struct binding {
    /* Writes the SHA-256 of the ClientHello that was dropped, as this peer knows it. False: none
     * was. Called during handshakes. */
    bool (*dropped)(void *arg, uint8_t digest[BINDING_DIGEST]);
    void *arg;
    bool offers; /* as client: glare is possible, so our ClientHello says that we know the rule */

    /* Private to binding.c. */
    bool offered;                                  /* as server: by the client, in our form */
    uint8_t answer[BINDING_MARK + BINDING_DIGEST]; /* while it is sent */
    const char *failure; /* why the extension failed the handshake; NULL: it did not */
};

/* Adds the extension to a client's or server's context. False: no memory. */
bool binding_use(SSL_CTX *ctx);

/* The binding must outlive the SSL. An SSL without a binding neither offers nor answers. False: no
 * memory. */
bool binding_attach(SSL *ssl, struct binding *binding);

#endif
