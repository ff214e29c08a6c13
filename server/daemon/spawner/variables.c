#include "server/daemon/spawner/variables.h"

#include <string.h>

static const char *const names[] = {
    [VARIABLE_SERVICE] = "ACTPASS_SERVICE",
    [VARIABLE_CONNECTION] = "ACTPASS_CONNECTION",
    [VARIABLE_ROUTE] = "ACTPASS_ROUTE",
    [VARIABLE_ROLE] = "ACTPASS_ROLE",
    [VARIABLE_CAUSE] = "ACTPASS_CAUSE",
    [VARIABLE_PEER] = "ACTPASS_PEER",
    [VARIABLE_PEER_NAME] = "ACTPASS_PEER_NAME",
    [VARIABLE_PEER_PIN] = "ACTPASS_PEER_PIN",
    [VARIABLE_VERIFY] = "ACTPASS_VERIFY",
    [VARIABLE_PROTOCOL] = "ACTPASS_PROTOCOL",
    [VARIABLE_CIPHER] = "ACTPASS_CIPHER",
    [VARIABLE_ALPN] = "ACTPASS_ALPN",
    [VARIABLE_SERVER_NAME] = "ACTPASS_SERVER_NAME",
    [VARIABLE_PROTO] = "PROTO",
    [VARIABLE_TCPREMOTEIP] = "TCPREMOTEIP",
    [VARIABLE_TCPREMOTEPORT] = "TCPREMOTEPORT",
    [VARIABLE_TCPLOCALIP] = "TCPLOCALIP",
    [VARIABLE_TCPLOCALPORT] = "TCPLOCALPORT",
    [VARIABLE_REMOTE_HOST] = "REMOTE_HOST",
    [VARIABLE_REMOTE_ADDR] = "REMOTE_ADDR",
    [VARIABLE_REMOTE_PORT] = "REMOTE_PORT",
    [VARIABLE_SSL_PROTOCOL] = "SSL_PROTOCOL",
    [VARIABLE_SSL_CIPHER] = "SSL_CIPHER",
    [VARIABLE_SSL_TLS_SNI] = "SSL_TLS_SNI",
    [VARIABLE_SSL_CLIENT_VERIFY] = "SSL_CLIENT_VERIFY",
    [VARIABLE_SSL_CLIENT_S_DN] = "SSL_CLIENT_S_DN",
    [VARIABLE_SSL_CLIENT_I_DN] = "SSL_CLIENT_I_DN",
    [VARIABLE_SSL_CLIENT_DN] = "SSL_CLIENT_DN",
};

_Static_assert(sizeof(names) / sizeof(names[0]) == VARIABLE_COUNT, "each has a name");

const char *variable_name(enum variable variable)
{
    return names[variable];
}

/* Of C0, DEL, and what may be C1 or no UTF-8: a program may print it to a terminal. */
static bool is_plain(char character)
{
    return character >= ' ' && character <= '~';
}

size_t variables_add(char *text, size_t size, size_t room, enum variable variable,
                     const char *value)
{
    size_t length = strnlen(value, VARIABLE_VALUE_MAX);
    if (length == 0 || size + length + 2 > room)
        return size;
    text[size++] = (char)(variable + 1);
    for (size_t i = 0; i < length; i++)
        text[size++] = (char)(is_plain(value[i]) ? value[i] : '?');
    text[size++] = '\0';
    return size;
}

bool variables_next(const char **at, const char *end, enum variable *variable, const char **value)
{
    const char *nul = end - *at > 1 ? memchr(*at + 1, '\0', (size_t)(end - *at - 1)) : NULL;
    unsigned number = nul ? (unsigned char)**at : 0;
    if (number == 0 || number > VARIABLE_COUNT)
        return false;
    *variable = (enum variable)(number - 1);
    *value = *at + 1;
    *at = nul + 1;
    for (const char *byte = *value; byte < nul; byte++)
        if (!is_plain(*byte))
            return false;
    return true;
}
