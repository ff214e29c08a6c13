#include "server/daemon/handlers/echo.h"

enum { RECORD = 16384 };

void echo_serve(struct service_job *job)
{
    unsigned char buffer[RECORD];
    int64_t length;
    do {
        length = actpass_read(job->conn, buffer, sizeof(buffer));
    } while (length > 0 && actpass_write(job->conn, buffer, (size_t)length) == 0);
}
