#include "server/daemon/handlers/http/answer.h"

#include "server/daemon/handlers/http/date.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int status;
    const char *reason, *sentence;
} statuses[] = {
    {200, "OK", ""},
    {206, "Partial Content", ""},
    {301, "Moved Permanently", "The folder's address ends with a slash."},
    {304, "Not Modified", ""},
    {400, "Bad Request", "The request is malformed or ambiguous."},
    {403, "Forbidden", "The file may not be read."},
    {404, "Not Found", "There is no such file."},
    {405, "Method Not Allowed", "Only GET and HEAD are served."},
    {408, "Request Timeout", "The request did not arrive in time."},
    {412, "Precondition Failed", "The file does not meet the conditions of the request."},
    {413, "Content Too Large", "Requests must not have a body."},
    {414, "URI Too Long", "The request line is too long."},
    {416, "Range Not Satisfiable", "The file has no such range."},
    {431, "Request Header Fields Too Large", "The header fields are too many or too long."},
    {500, "Internal Server Error", "The file could not be read."},
    {501, "Not Implemented", "This method is not implemented."},
    {503, "Service Unavailable", "The server is short of memory or descriptors."},
    {505, "HTTP Version Not Supported", "This server speaks HTTP/1.1."},
};
enum { STATUSES = sizeof(statuses) / sizeof(statuses[0]) };

static size_t find(int status)
{
    size_t i = 0;
    while (i + 1 < STATUSES && statuses[i].status != status)
        i++;
    return i;
}

const char *http_sentence(int status)
{
    return statuses[find(status)].sentence;
}

void http_answer_add(struct http_answer *answer, const char *format, ...)
{
    va_list arguments;
    size_t room = answer->size - answer->length;
    va_start(arguments, format);
    int length = vsnprintf(answer->at + answer->length, room, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length < room)
        answer->length += (size_t)length;
}

void http_answer_begin(struct http_answer *answer, int status, const struct http_request *request)
{
    char date[HTTP_DATE_SIZE];
    http_date_write(time(NULL), date);
    http_answer_add(answer, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, statuses[find(status)].reason,
                    date);
    if (!request->keep_alive)
        http_answer_add(answer, "Connection: close\r\n");
    else if (request->version_1_0)
        http_answer_add(answer, "Connection: keep-alive\r\n");
}

void http_answer_page(struct http_answer *answer, int status, const struct http_request *request,
                      const char *more, const char *sentence)
{
    char page[1024];
    int length = snprintf(page, sizeof(page), "%d %s\n%s\n", status, statuses[find(status)].reason,
                          sentence);
    http_answer_begin(answer, status, request);
    http_answer_add(answer,
                    "Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n%s\r\n",
                    length, more);
    if (request->method != HTTP_HEAD)
        http_answer_add(answer, "%s", page);
}
