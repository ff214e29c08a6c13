/* Reads any bytes as a peer's ClientHello or ServerHello, to say what it offers. Nothing may be
 * read beyond them, and the lists stay within their bounds. */
#include "server/lib/tls/peer_hello.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct name_list *list)
{
    if (strlen(name_list_end(list, "none")) >= sizeof(list->text))
        abort();
}

static void read_all(const struct peer_hello *hello, SSL *ssl)
{
    struct name_list lists[6];
    memset(lists, 0, sizeof(lists));
    peer_hello_add_versions(hello, &lists[0]);
    peer_hello_add_ciphers(hello, ssl, TLS1_2_VERSION, &lists[1]);
    peer_hello_add_ciphers(hello, ssl, TLS1_3_VERSION, &lists[2]);
    peer_hello_add_groups(hello, ssl, &lists[3]);
    peer_hello_add_protocols(hello, &lists[4]);
    peer_hello_add_server_name(hello, &lists[5]);
    for (size_t i = 0; i < 6; i++)
        check(&lists[i]);
    if (strlen(peer_hello_chosen_version(hello)) > sizeof("TLSv1.3"))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static SSL_CTX *ctx; /* one for all inputs: making it takes far longer than reading */
    static SSL *ssl;
    struct peer_hello hello = {.bytes = NULL};
    if (!ctx)
        ctx = SSL_CTX_new(TLS_method());
    if (ctx && !ssl)
        ssl = SSL_new(ctx);
    if (!ssl)
        abort();
    if (size > 0)
        peer_hello_keep(&hello, data, size);
    read_all(&hello, ssl);
    peer_hello_free(&hello);
    return 0;
}
