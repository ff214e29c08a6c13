/* Where both ends sent a ClientHello one of the two is dropped, and is in no transcript. This
 * extension binds it to the handshake of the other one: relay/GLARE.md has the rule. One SSL's
 * functions belong to one thread at a time. */
#ifndef ACTPASS_SERVER_TLS_BINDING_H
#define ACTPASS_SERVER_TLS_BINDING_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

/* Of the range for private use (RFC 8446 section 11): anybody may use it for something else, which
 * is ignored. */
#define BINDING_EXTENSION 65383

/* An answer is a mark, by which ours are known, and a digest. */
enum { BINDING_MARK = 8, BINDING_DIGEST = 32 };

/* One SSL object's share. */
struct binding {
    /* The SHA-256 of the ClientHello that was dropped, as this end knows it; false: none was.
     * Called in handshakes. */
    bool (*dropped)(void *arg, uint8_t digest[BINDING_DIGEST]);
    void *arg;
    bool offers; /* as client: glare may come, so our ClientHello says that we know the rule */

    /* Of this file. */
    bool offered;                                  /* as server: by the client, in our form */
    uint8_t answer[BINDING_MARK + BINDING_DIGEST]; /* while it is sent */
    const char *trouble; /* why it has ended the handshake; NULL: it has not */
};

/* Has the context's SSL objects, client or server, do what their binding says. False: no memory. */
bool binding_use(SSL_CTX *ctx);

/* The binding must outlive the SSL. False: no memory. An SSL without one neither offers nor
 * answers. */
bool binding_attach(SSL *ssl, struct binding *binding);

#endif
