#include "server/lib/base/not_tls.h"

#include <stdio.h>
#include <string.h>

enum { RECORD_HEADER = 5, MAJOR = 3, V2_CLIENT_HELLO = 1 };

/* A header of SSLv2 has the type of the message in its third byte (RFC 5246 appendix E.2). */
bool not_tls_is(const uint8_t *bytes, size_t size)
{
    if (size < RECORD_HEADER || bytes[1] == MAJOR)
        return false;
    return !((bytes[0] & 0x80) && bytes[2] == V2_CLIENT_HELLO);
}

struct beginning {
    const char *bytes;
    const char *meaning;
};

static bool begins(const uint8_t *bytes, size_t size, const char *with)
{
    size_t length = strlen(with);
    return size >= length && memcmp(bytes, with, length) == 0;
}

/* OpenSSL shows the five bytes of a record header only, so these are no longer. */
static const char *const methods[] = {"GET ",  "HEAD ", "POST ", "PUT ",  "DELET",
                                      "OPTIO", "PATCH", "CONNE", "TRACE", "PRI *"};

bool not_tls_is_http_request(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (begins(bytes, size, methods[i]))
            return true;
    return false;
}

static const char *meaning_of(const uint8_t *bytes, size_t size)
{
    static const struct beginning known[] = {{"HTTP/", "a plain HTTP answer"},
                                             {"SSH-", "SSH"},
                                             {"EHLO", "SMTP"},
                                             {"HELO", "SMTP"},
                                             {"220 ", "SMTP or FTP"},
                                             {"220-", "SMTP or FTP"},
                                             {"* OK", "IMAP"},
                                             {"+OK", "POP3"},
                                             {"PROXY", "a PROXY protocol header"},
                                             {"\r\n\r\n", "a PROXY protocol header"},
                                             {"<?xml", "XML"},
                                             {"<hell", "NETCONF without TLS"},
                                             {"RFB ", "VNC"}};
    if (not_tls_is_http_request(bytes, size))
        return "a plain HTTP request";
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (begins(bytes, size, known[i].bytes))
            return known[i].meaning;
    return NULL;
}

static void show(const uint8_t *bytes, size_t size, char *text)
{
    for (size_t i = 0; i < size; i++) {
        bool plain = bytes[i] >= ' ' && bytes[i] < 0x7f && bytes[i] != '\\' && bytes[i] != '"';
        text += sprintf(text, plain ? "%c" : "\\x%02x", bytes[i]);
    }
    *text = '\0';
}

void not_tls_describe(const uint8_t *bytes, size_t size, struct error_text *error)
{
    char shown[4 * NOT_TLS_SHOWN + 1];
    const char *meaning = meaning_of(bytes, size);
    show(bytes, size < NOT_TLS_SHOWN ? size : NOT_TLS_SHOWN, shown);
    error_set(error, "what the peer sent first is not TLS%s%s: it begins with \"%s\"",
              meaning ? ", but " : "", meaning ? meaning : "", shown);
}

const char *not_tls_http_answer(void)
{
    return "HTTP/1.1 400 Bad Request\r\n"
           "Content-Type: text/plain\r\n"
           "Content-Length: 52\r\n"
           "Connection: close\r\n"
           "\r\n"
           "400 a plain HTTP request on a TLS port: use https://";
}
