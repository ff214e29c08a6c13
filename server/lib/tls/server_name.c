#include "server/lib/tls/server_name.h"

#include "server/lib/base/ssl_data.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static unsigned read_two(const unsigned char *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

/* The extension is a list of one. */
bool server_name_read(SSL *ssl, struct server_name *name)
{
    enum { LIST = 2, TYPE = 1, LENGTH = 2, HEAD = LIST + TYPE + LENGTH };
    const unsigned char *data;
    size_t size;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1 ||
        size <= HEAD || read_two(data) != size - LIST || data[LIST] != TLSEXT_NAMETYPE_host_name ||
        read_two(data + LIST + TYPE) != size - HEAD)
        return false;
    *name = (struct server_name){(const char *)data + HEAD, size - HEAD};
    return true;
}

/* A name that OpenSSL will refuse, as it is too long or holds NUL, counts as none. */
static bool is_sound(struct server_name name)
{
    return name.size <= TLSEXT_MAXLEN_host_name && !memchr(name.text, '\0', name.size);
}

static bool fail(int reason, int with, int *alert)
{
    ERR_raise(ERR_LIB_SSL, reason);
    *alert = with;
    return false;
}

/* "" stands for none. */
bool server_name_keep(SSL *ssl, int *alert)
{
    struct server_name name = {.text = ""};
    const char *first = ssl_data_get(ssl, SSL_PART_SERVER_NAME);
    if (!server_name_read(ssl, &name) || !is_sound(name))
        name = (struct server_name){.text = ""};
    if (first)
        return (strlen(first) == name.size && memcmp(first, name.text, name.size) == 0) ||
               fail(SSL_R_BAD_EXTENSION, SSL_AD_ILLEGAL_PARAMETER, alert);
    char *copy = strndup(name.text, name.size);
    return (copy && ssl_data_set(ssl, SSL_PART_SERVER_NAME, copy, free)) ||
           fail(ERR_R_MALLOC_FAILURE, SSL_AD_INTERNAL_ERROR, alert);
}

const char *server_name_of(const SSL *ssl)
{
    const char *kept = ssl_data_get(ssl, SSL_PART_SERVER_NAME);
    if (!SSL_is_server(ssl))
        return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    return kept && *kept ? kept : NULL;
}

bool server_name_equals(struct server_name name, const char *text)
{
    return strlen(text) == name.size && strncasecmp(text, name.text, name.size) == 0;
}

bool server_name_is_below(struct server_name name, const char *text)
{
    const char *dot = memchr(name.text, '.', name.size);
    if (strncmp(text, "*.", 2) != 0 || !dot || dot == name.text)
        return false;
    size_t label = (size_t)(dot - name.text);
    return server_name_equals((struct server_name){dot, name.size - label}, text + 1);
}
