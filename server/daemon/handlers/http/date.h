/* HTTP dates (RFC 9110 section 5.6.7), in the form that is not obsolete: "Sun, 06 Nov 1994 08:49:37
 * GMT". */
#ifndef ACTPASS_SERVER_HANDLERS_HTTP_DATE_H
#define ACTPASS_SERVER_HANDLERS_HTTP_DATE_H

#include "server/daemon/handlers/http/parse.h"

#include <time.h>

enum { HTTP_DATE_SIZE = 80 };

void http_date_write(time_t time, char text[HTTP_DATE_SIZE]);

/* False: the text is not such a date. */
bool http_date_read(struct http_text text, time_t *time);

#endif
