#include "server/lib/base/error.h"

#include <openssl/err.h>

/* Of the first error, or of the one that says that memory was short: OpenSSL queues it before those
 * that come from it, or, older than 3.2, among them. */
bool openssl_take_memory_error(const char **reason)
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

bool error_set_no_memory(struct error_text *error)
{
    return error_set_code(error, ERROR_NO_MEMORY,
                          "out of memory while the peer's certificate was checked");
}

const char *openssl_reason(void)
{
    const char *reason;
    (void)openssl_take_memory_error(&reason);
    return reason;
}
