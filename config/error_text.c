#include "config/error_text.h"

#include <stdio.h>

bool error_vset(struct error_text *error, const char *format, va_list arguments)
{
    (void)vsnprintf(error->text, sizeof(error->text), format, arguments);
    for (char *at = error->text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == '\x7f')
            *at = '.';
    error->code = ERROR_OTHER;
    return false;
}

bool error_set(struct error_text *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    error_vset(error, format, arguments);
    va_end(arguments);
    return false;
}

bool error_set_code(struct error_text *error, enum error_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    error_vset(error, format, arguments);
    va_end(arguments);
    error->code = code;
    return false;
}

bool error_is_no_memory(const struct error_text *error)
{
    return error->code == ERROR_NO_MEMORY;
}
