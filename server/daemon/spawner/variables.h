/* The environment variables that say what a connection is. Only these come from the daemon, and
 * their values are from peers: the spawner takes no other name, and no control character. */
#ifndef ACTPASS_SERVER_SPAWNER_VARIABLES_H
#define ACTPASS_SERVER_SPAWNER_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>

enum variable {
    VARIABLE_SERVICE,    /* ACTPASS_SERVICE, and so on: our own names */
    VARIABLE_CONNECTION, /* the number in the log */
    VARIABLE_ROUTE,
    VARIABLE_ROLE,
    VARIABLE_CAUSE,
    VARIABLE_PEER,
    VARIABLE_PEER_NAME,
    VARIABLE_PEER_PIN,
    VARIABLE_VERIFY,
    VARIABLE_PROTOCOL,
    VARIABLE_CIPHER,
    VARIABLE_ALPN,
    VARIABLE_SERVER_NAME,
    VARIABLE_PROTO, /* PROTO, TCP...: those of ucspi-tcp */
    VARIABLE_TCPREMOTEIP,
    VARIABLE_TCPREMOTEPORT,
    VARIABLE_TCPLOCALIP,
    VARIABLE_TCPLOCALPORT,
    VARIABLE_REMOTE_HOST, /* stunnel's */
    VARIABLE_REMOTE_ADDR, /* those of systemd (Accept=yes) */
    VARIABLE_REMOTE_PORT,
    VARIABLE_SSL_PROTOCOL, /* those of Apache's mod_ssl */
    VARIABLE_SSL_CIPHER,
    VARIABLE_SSL_TLS_SNI,
    VARIABLE_SSL_CLIENT_VERIFY,
    VARIABLE_SSL_CLIENT_S_DN,
    VARIABLE_SSL_CLIENT_I_DN,
    VARIABLE_SSL_CLIENT_DN, /* stunnel's name for S_DN */
    VARIABLE_COUNT
};

enum { VARIABLE_VALUE_MAX = 512 };

/* Its name, a constant. */
const char *variable_name(enum variable variable);

/* Adds one to the SIZE bytes at TEXT, which has room for ROOM, in the form of MESSAGE_START: a byte
 * with its number, the value, a NUL. Control characters and bytes beyond ASCII are replaced by "?",
 * and a long value is cut off. One that is empty, or finds no room, is left out. Returns the new
 * size. */
size_t variables_add(char *text, size_t size, size_t room, enum variable variable,
                     const char *value);

/* Takes the next one from the text between *AT and END, and moves *AT behind it. False: there is
 * none, or the text is not in that form. */
bool variables_next(const char **at, const char *end, enum variable *variable, const char **value);

#endif
