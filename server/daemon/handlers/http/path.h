/* The path of a request's target: decoded once, in one form, or refused. Pure functions. */
#ifndef ACTPASS_SERVER_HANDLERS_HTTP_PATH_H
#define ACTPASS_SERVER_HANDLERS_HTTP_PATH_H

#include "server/daemon/handlers/http/parse.h"

enum { HTTP_PATH_MAX = HTTP_REQUEST_LINE_MAX + 2 };

/* Decodes percent signs, and takes out empty parts and ".": "/a//./b%20c" becomes "/a/b c". It
 * begins with "/", and ends with it exactly where the target names a folder. False (400): "..", a
 * control character, a backslash or an encoded slash, a percent sign without two digits. */
bool http_path_read(struct http_text text, char path[HTTP_PATH_MAX]);

/* The path in the form of a URI, followed by AFTER. False: it does not fit. */
bool http_path_encode(const char *path, const char *after, char *text, size_t size);

#endif
