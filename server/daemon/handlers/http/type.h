/* The media type of a file, by the ending of its name. */
#ifndef ACTPASS_SERVER_HANDLERS_HTTP_TYPE_H
#define ACTPASS_SERVER_HANDLERS_HTTP_TYPE_H

const char *http_type(const char *path);

#endif
