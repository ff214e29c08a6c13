#include "server/lib/base/error.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

bool tls_vfail(struct tls_error *error, const char *format, va_list arguments)
{
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    for (char *at = error->text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == '\x7f')
            *at = '.';
    return false;
}

bool tls_fail(struct tls_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tls_vfail(error, format, arguments);
    va_end(arguments);
    return false;
}

/* Of the first error, or of the one that says that memory was short: OpenSSL queues it before those
 * that come from it, or, older than 3.2, among them. */
bool tls_memory_was_short(const char **reason)
{
    bool was_short = false;
    unsigned long first = ERR_get_error();
    for (unsigned long error = first; error; error = ERR_get_error())
        was_short = was_short || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
    const char *said = was_short ? "out of memory" : ERR_reason_error_string(first);
    if (reason)
        *reason = said ? said : "no reason given";
    return was_short;
}

static const char no_memory[] = "out of memory while the peer's certificate was checked";

bool tls_fail_for_memory(struct tls_error *error)
{
    return tls_fail(error, "%s", no_memory);
}

bool tls_failed_for_memory(const struct tls_error *error)
{
    return strcmp(error->text, no_memory) == 0;
}

const char *tls_openssl_reason(void)
{
    const char *reason;
    (void)tls_memory_was_short(&reason);
    return reason;
}
