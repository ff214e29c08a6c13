#include "server/lib/dial/http_connect.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MINOR_AT = 7, CODE_AT = 9, CODE_SIZE = 3, REASON_AT = 13, AUTHORITY = 272 };

static const char version[] = "HTTP/1.";

/* ---- The request --------------------------------------------------------------------------- */

/* Its buffer has room for the longest: names, users and passwords have at most 255 bytes. */
static void append(struct proxy_request *request, const char *text)
{
    size_t size = strlen(text);
    if (size > sizeof(request->bytes) - request->size)
        abort();
    memcpy(request->bytes + request->size, text, size);
    request->size += size;
}

static void append_credentials(struct proxy_request *request, const struct credentials *credentials)
{
    unsigned char base64[4 * (SECRET_MAX + 2) / 3 + 4];
    const struct secret *both = &credentials->both;
    if (both->size == 0)
        return;
    (void)EVP_EncodeBlock(base64, (const unsigned char *)both->text, (int)both->size);
    append(request, "Proxy-Authorization: Basic ");
    append(request, (const char *)base64);
    append(request, "\r\n");
    OPENSSL_cleanse(base64, sizeof(base64));
}

void http_connect_begin(struct http_connect *http, const struct config_address *to,
                        const struct credentials *credentials, struct proxy_request *request)
{
    char authority[AUTHORITY];
    bool ipv6 = strchr(to->host, ':');
    (void)snprintf(authority, sizeof(authority), ipv6 ? "[%s]:%u" : "%s:%u", to->host,
                   (unsigned)to->port);
    *http = (struct http_connect){.authenticated = credentials->both.size > 0};
    request->size = 0;
    append(request, "CONNECT ");
    append(request, authority);
    append(request, " HTTP/1.1\r\nHost: ");
    append(request, authority);
    append(request, "\r\n");
    append_credentials(request, credentials);
    append(request, "\r\n");
}

void http_connect_add(struct proxy_request *request, const char *field)
{
    request->size -= strlen("\r\n"); /* the empty line */
    append(request, field);
    append(request, "\r\n\r\n");
}

/* ---- The answer ---------------------------------------------------------------------------- */

static enum proxy_answer not_http(struct error_text *why)
{
    (void)error_set(why, "answers something that is not HTTP: is it a proxy of another kind?");
    return PROXY_REFUSES;
}

static int code_of(const struct http_connect *http)
{
    int code = 0;
    for (size_t i = CODE_AT; i < CODE_AT + CODE_SIZE; i++)
        code = 10 * code + (http->status[i] - '0');
    return code;
}

int http_connect_code(const struct http_connect *http)
{
    return http->status_size < CODE_AT + CODE_SIZE ? 0 : code_of(http);
}

static const char *advice(const struct http_connect *http, int code)
{
    if (code == 407 || code == 401)
        return http->authenticated
                   ? "; does it take Basic authentication, with what is in dial_through_auth?"
                   : "; it wants a user and a password: add dial_through_auth";
    return code == 403 || code == 405 ? "; does it allow CONNECT to this port?" : "";
}

static enum proxy_answer refuse(const struct http_connect *http, struct error_text *why)
{
    (void)error_set(why, "refused: %.*s%s", (int)(http->status_size - CODE_AT),
                    http->status + CODE_AT, advice(http, code_of(http)));
    return PROXY_REFUSES;
}

/* "HTTP/1.1 200 Reason", of which " Reason" may be missing. */
static bool may_continue_status(const struct http_connect *http, char next)
{
    size_t at = http->status_size;
    bool digit = next >= '0' && next <= '9';
    if (at < sizeof(version) - 1)
        return next == version[at];
    if (at == MINOR_AT)
        return digit;
    if (at == CODE_AT - 1 || at == REASON_AT - 1)
        return next == ' ';
    if (at == CODE_AT)
        return next >= '1' && next <= '5';
    return at < CODE_AT + CODE_SIZE ? digit : at < sizeof(http->status);
}

static bool is_control(unsigned char byte)
{
    return (byte < ' ' && byte != '\t') || byte == 0x7f;
}

static enum proxy_answer end_head(struct http_connect *http, struct error_text *why)
{
    int code = code_of(http);
    if (code >= 200 && code < 300)
        return PROXY_UP;
    if (code >= 200 || code == 101)
        return refuse(http, why);
    http->in_fields = false;
    http->status_size = 0;
    return PROXY_MORE;
}

static enum proxy_answer end_line(struct http_connect *http, struct error_text *why)
{
    size_t line = http->line;
    http->line = 0;
    http->after_cr = false;
    if (http->in_fields)
        return line == 0 ? end_head(http, why) : PROXY_MORE;
    http->in_fields = true;
    return http->status_size >= CODE_AT + CODE_SIZE ? PROXY_MORE : not_http(why);
}

static enum proxy_answer take_byte(struct http_connect *http, unsigned char byte,
                                   struct error_text *why)
{
    if (++http->head > HTTP_CONNECT_HEAD_MAX) {
        (void)error_set(why, "answers with a head of more than %d bytes", HTTP_CONNECT_HEAD_MAX);
        return PROXY_REFUSES;
    }
    if (http->after_cr)
        return byte == '\n' ? end_line(http, why) : not_http(why);
    http->after_cr = byte == '\r';
    if (http->after_cr)
        return PROXY_MORE;
    if (is_control(byte) || (!http->in_fields && !may_continue_status(http, (char)byte)))
        return not_http(why);
    if (!http->in_fields)
        http->status[http->status_size++] = (char)byte;
    http->line++;
    return PROXY_MORE;
}

enum proxy_answer http_connect_take(struct http_connect *http, const unsigned char *bytes,
                                    size_t size, size_t *used, struct error_text *why)
{
    enum proxy_answer answer = PROXY_MORE;
    for (*used = 0; *used < size && answer == PROXY_MORE; ++*used)
        answer = take_byte(http, bytes[*used], why);
    return answer;
}
