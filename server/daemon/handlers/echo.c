/* Echo: writes back what it reads, until the peer's close_notify. */
#include "server/daemon/handlers/handler.h"

enum { RECORD = 16384 };

static void echo(struct handler_job *job)
{
    unsigned char buffer[RECORD];
    int64_t length;
    do {
        length = actpass_read(job->conn, buffer, sizeof(buffer));
    } while (length > 0 && actpass_write(job->conn, buffer, (size_t)length) == 0);
}

const struct handler echo_handler = {.name = "echo", .run = echo};
