/* An answer on its way to the peer: what is in the output buffer, then a part of a file. */
#ifndef ACTPASS_SERVER_HANDLERS_HTTP_SEND_H
#define ACTPASS_SERVER_HANDLERS_HTTP_SEND_H

#include "server/include/actpass.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_OUTPUT_SIZE = 65536 };

struct http_output {
    size_t start, length; /* of the buffer: what is not taken yet, and all */
    int file;             /* owned; -1: none */
    uint64_t at, end;     /* what is left of the file */
};

/* The result of http_send. */
enum http_sent {
    HTTP_SENT_ALL,
    HTTP_SENT_SOME, /* the peer takes no more now */
    HTTP_SENT_MUCH, /* other connections should have their turn */
    HTTP_SENT_FAILED
};

/* Nothing to send. */
#define HTTP_NO_OUTPUT ((struct http_output){.file = -1})

/* Moves bytes of the file behind those in BUFFER. False: the file has become shorter than what was
 * promised, or cannot be read; the connection knows the reason. May wait for the disk. */
bool http_send_fill(struct http_output *output, char *buffer, actpass_conn *conn);

/* Sends what the connection takes at once. */
enum http_sent http_send(struct http_output *output, char *buffer, actpass_conn *conn);

/* Closes the file, if there is one. */
void http_send_end(struct http_output *output);

#endif
