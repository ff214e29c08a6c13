/* The media type of a file, by its name's extension. */
#ifndef ACTPASS_SERVER_HANDLERS_HTTP_TYPE_H
#define ACTPASS_SERVER_HANDLERS_HTTP_TYPE_H

const char *http_type(const char *path);

#endif
