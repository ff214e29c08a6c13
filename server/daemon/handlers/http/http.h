/* Files of a folder over HTTP/1.1: GET and HEAD, one request after the other, until an end. Some
 * parts may be for peers with a certificate only, for which they are asked after the request (Linux
 * Journal, October 2001). */
#ifndef ACTPASS_SERVER_SERVICES_HTTP_HTTP_H
#define ACTPASS_SERVER_SERVICES_HTTP_HTTP_H

#include "server/daemon/handlers/service.h"

void http_serve(struct service_job *job);

#endif
