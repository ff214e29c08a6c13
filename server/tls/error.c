/* Error sentences. */
#include "server/tls/error.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>

bool tls_fail(struct tls_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    for (char *at = error->text; *at; at++) {
        if ((unsigned char)*at < ' ' || *at == '\x7f')
            *at = '.';
    }
    return false;
}

const char *tls_openssl_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    return reason ? reason : "no reason given";
}
