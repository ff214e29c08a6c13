/* Heads of requests: each has one meaning, or is refused. */
#include "server/daemon/handlers/http/parse.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
#define GET "GET / HTTP/1.1\r\n"
#define HOST "Host: a.example\r\n"
#define END "\r\n"

struct row {
    const char *name;
    const char *text;
    size_t size; /* 0: the text's length */
    int status;
};

/* Parses a copy of exactly that size, so that a sanitizer sees what is read beyond it. */
static int parse(struct http_parser *parser, const char *text, size_t size, size_t step,
                 char **copy)
{
    int status = HTTP_MORE;
    *copy = malloc(size);
    cr_assert_not_null(*copy);
    memcpy(*copy, text, size);
    memset(parser, 0, sizeof(*parser));
    for (size_t have = 0; have < size && status == HTTP_MORE;) {
        have = have + step < size ? have + step : size;
        status = http_parse(parser, *copy, have);
    }
    return status;
}

static void check(const struct row *row)
{
    size_t size = row->size ? row->size : strlen(row->text);
    static const size_t steps[] = {100000, 1, 7};
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct http_parser parser;
        char *copy;
        int status = parse(&parser, row->text, size, steps[i], &copy);
        cr_assert_eq(status, row->status, "%s, in steps of %zu: %d", row->name, steps[i], status);
        if (status == HTTP_DONE)
            cr_assert_eq(parser.scanned, size, "%s: its end", row->name);
        free(copy);
    }
}

static const struct row rows[] = {
    /* The request line */
    {"plain", GET HOST END, 0, HTTP_DONE},
    {"an empty line before it", "\r\n" GET HOST END, 0, HTTP_DONE},
    {"two empty lines before it", "\r\n\r\n" GET HOST END, 0, 400},
    {"HEAD", "HEAD /a HTTP/1.1\r\n" HOST END, 0, HTTP_DONE},
    {"method of another kind", "BREW /a HTTP/1.1\r\n" HOST END, 0, HTTP_DONE},
    {"method in small letters", "get / HTTP/1.1\r\n" HOST END, 0, HTTP_DONE},
    {"OPTIONS *", "OPTIONS * HTTP/1.1\r\n" HOST END, 0, HTTP_DONE},
    {"GET *", "GET * HTTP/1.1\r\n" HOST END, 0, 400},
    {"CONNECT", "CONNECT a.example:443 HTTP/1.1\r\n" HOST END, 0, HTTP_DONE},
    {"GET of an authority", "GET a.example:443 HTTP/1.1\r\n" HOST END, 0, 400},
    {"absolute form", "GET http://a.example/x HTTP/1.1\r\n" HOST END, 0, HTTP_DONE},
    {"absolute form, https, no path", "GET HTTPS://A.example HTTP/1.1\r\n" HOST END, 0, HTTP_DONE},
    {"absolute form of another host", "GET http://b.example/ HTTP/1.1\r\n" HOST END, 0, 400},
    {"absolute form with a user", "GET http://u@a.example/ HTTP/1.1\r\n" HOST END, 0, 400},
    {"absolute form of another scheme", "GET ftp://a.example/ HTTP/1.1\r\n" HOST END, 0, 400},
    {"no method", " / HTTP/1.1\r\n" HOST END, 0, 400},
    {"method with a colon", "GE:T / HTTP/1.1\r\n" HOST END, 0, 400},
    {"no target", "GET HTTP/1.1\r\n" HOST END, 0, 400},
    {"empty target", "GET  HTTP/1.1\r\n" HOST END, 0, 400},
    {"two spaces", "GET  / HTTP/1.1\r\n" HOST END, 0, 400},
    {"two spaces before the version", "GET /  HTTP/1.1\r\n" HOST END, 0, 400},
    {"space at the end", "GET / HTTP/1.1 \r\n" HOST END, 0, 400},
    {"tab for a space", "GET\t/ HTTP/1.1\r\n" HOST END, 0, 400},
    {"space in the target", "GET /a b HTTP/1.1\r\n" HOST END, 0, 400},
    {"fragment", "GET /a#b HTTP/1.1\r\n" HOST END, 0, 400},
    {"backslash", "GET /a\\b HTTP/1.1\r\n" HOST END, 0, 400},
    {"control character in the target", "GET /a\001b HTTP/1.1\r\n" HOST END, 0, 400},
    {"beyond ASCII in the target", "GET /\303\244 HTTP/1.1\r\n" HOST END, 0, 400},
    {"NUL in the target", "GET /a\0b HTTP/1.1\r\n" HOST END,
     sizeof("GET /a\0b HTTP/1.1\r\n" HOST END) - 1, 400},
    {"HTTP/0.9", "GET /\r\n", 0, 400},
    {"no version", "GET / \r\n" HOST END, 0, 400},
    {"HTTP/1.2", "GET / HTTP/1.2\r\n" HOST END, 0, HTTP_DONE},
    {"HTTP/2.0", "GET / HTTP/2.0\r\n" HOST END, 0, 505},
    {"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, 505},
    {"HTTP/11", "GET / HTTP/11\r\n" HOST END, 0, 400},
    {"HTTP/1.10", "GET / HTTP/1.10\r\n" HOST END, 0, 400},
    {"http/1.1", "GET / http/1.1\r\n" HOST END, 0, 400},
    /* Ends of lines */
    {"bare LF after the request line", "GET / HTTP/1.1\n" HOST END, 0, 400},
    {"bare LF after a field", GET "Host: a.example\n" END, 0, 400},
    {"bare LF at the end", GET HOST "\n", 0, 400},
    {"bare CR in the request line", "GET /\r HTTP/1.1\r\n" HOST END, 0, 400},
    {"bare CR in a field", GET HOST "A: b\rc\r\n" END, 0, 400},
    {"CR CR LF", GET "Host: a.example\r\r\n" END, 0, 400},
    {"LF at once", "\n" GET HOST END, 0, 400},
    /* Fields */
    {"no colon", GET HOST "Abc\r\n" END, 0, 400},
    {"no name", GET HOST ": b\r\n" END, 0, 400},
    {"space before the colon", GET HOST "A : b\r\n" END, 0, 400},
    {"space before the colon of Content-Length", GET HOST "Content-Length : 5\r\n" END, 0, 400},
    {"tab before the colon", GET HOST "Transfer-Encoding\t: chunked\r\n" END, 0, 400},
    {"space before the name", GET " Host: a.example\r\n" END, 0, 400},
    {"continuation line", GET HOST "A: b\r\n c\r\n" END, 0, 400},
    {"continuation line with a tab", GET HOST "A: b\r\n\tc\r\n" END, 0, 400},
    {"continuation before any field", GET " a: b\r\n" HOST END, 0, 400},
    {"empty value", GET HOST "A:\r\n" END, 0, HTTP_DONE},
    {"spaces around a value", GET "Host:\t a.example \t\r\n" END, 0, HTTP_DONE},
    {"beyond ASCII in a value", GET HOST "A: \344\303\244\r\n" END, 0, HTTP_DONE},
    {"beyond ASCII in a name", GET HOST "A\344: b\r\n" END, 0, 400},
    {"NUL in a value", GET HOST "A: \0\r\n" END, sizeof(GET HOST "A: \0\r\n" END) - 1, 400},
    {"NUL in a name", GET HOST "A\0: b\r\n" END, sizeof(GET HOST "A\0: b\r\n" END) - 1, 400},
    {"control character in a value", GET HOST "A: \177\r\n" END, 0, 400},
    {"parenthesis in a name", GET HOST "A(b): c\r\n" END, 0, 400},
    /* Host */
    {"no Host", GET END, 0, 400},
    {"no Host in 1.0", "GET / HTTP/1.0\r\n" END, 0, HTTP_DONE},
    {"two Hosts", GET HOST HOST END, 0, 400},
    {"two Hosts in 1.0", "GET / HTTP/1.0\r\n" HOST "HOST: b\r\n" END, 0, 400},
    {"empty Host", GET "Host:\r\n" END, 0, 400},
    {"Host with a port", GET "Host: a.example:8443\r\n" END, 0, HTTP_DONE},
    {"Host with a port that is none", GET "Host: a.example:8x\r\n" END, 0, 400},
    {"Host with two ports", GET "Host: a.example:1:2\r\n" END, 0, 400},
    {"Host with a path", GET "Host: a.example/b\r\n" END, 0, 400},
    {"Host with a user", GET "Host: u@a.example\r\n" END, 0, 400},
    {"Host of two names", GET "Host: a, b\r\n" END, 0, 400},
    {"Host by IPv6", GET "Host: [2001:db8::1]:8443\r\n" END, 0, HTTP_DONE},
    {"Host by half an IPv6", GET "Host: [2001:db8::1\r\n" END, 0, 400},
    {"Host of a bracket", GET "Host: [\r\n" END, 0, 400},
    {"Host of no IPv6", GET "Host: []\r\n" END, 0, 400},
    {"Host by IPv6 and noise", GET "Host: [::1]a\r\n" END, 0, 400},
    /* Bodies, and how request smugglers frame them */
    {"Content-Length: 0", GET HOST "Content-Length: 0\r\n" END, 0, HTTP_DONE},
    {"Content-Length twice", GET HOST "Content-Length: 5\r\nContent-Length: 5\r\n" END, 0, 400},
    {"Content-Length twice, not alike", GET HOST "Content-Length: 0\r\nContent-Length: 5\r\n" END,
     0, 400},
    {"Content-Length as a list", GET HOST "Content-Length: 5, 5\r\n" END, 0, 400},
    {"Content-Length +5", GET HOST "Content-Length: +5\r\n" END, 0, 400},
    {"Content-Length -5", GET HOST "Content-Length: -5\r\n" END, 0, 400},
    {"Content-Length 0x5", GET HOST "Content-Length: 0x5\r\n" END, 0, 400},
    {"Content-Length 5 5", GET HOST "Content-Length: 5 5\r\n" END, 0, 400},
    {"Content-Length empty", GET HOST "Content-Length:\r\n" END, 0, 400},
    {"Content-Length beyond all", GET HOST "Content-Length: 99999999999999999999\r\n" END, 0, 400},
    {"chunked", GET HOST "Transfer-Encoding: chunked\r\n" END, 0, HTTP_DONE},
    {"chunked in 1.0", "GET / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n" END, 0, 400},
    {"both", GET HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END, 0, 400},
    {"both, the other way round",
     GET HOST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n" END, 0, 400},
    {"chunked twice", GET HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" END,
     0, 400},
    {"xchunked", GET HOST "Transfer-Encoding: xchunked\r\n" END, 0, 400},
    {"chunked, identity", GET HOST "Transfer-Encoding: chunked, identity\r\n" END, 0, 400},
    {"identity", GET HOST "Transfer-Encoding: identity\r\n" END, 0, 400},
    {"chunked with a vertical tab", GET HOST "Transfer-Encoding: \vchunked\r\n" END, 0, 400},
    {"Transfer-Encoding empty", GET HOST "Transfer-Encoding:\r\n" END, 0, 400},
    /* Others that are there once */
    {"Range twice", GET HOST "Range: bytes=0-1\r\nrange: bytes=2-3\r\n" END, 0, 400},
    {"Connection twice", GET HOST "Connection: a\r\nConnection: close\r\n" END, 0, HTTP_DONE},
    /* Not all of it */
    {"nothing yet", "GET", 0, HTTP_MORE},
    {"no empty line yet", GET HOST, 0, HTTP_MORE},
    {"half an empty line", GET HOST "\r", 0, HTTP_MORE},
};

Test(http_parse, rows)
{
    cr_assert_geq(COUNT(rows), 60);
    for (size_t i = 0; i < COUNT(rows); i++)
        check(&rows[i]);
}

/* A head whose request line and fields are of these sizes. */
static char *head_of(size_t line, size_t fields, size_t count)
{
    char *text = malloc(line + fields + 6 * count + 64);
    cr_assert_not_null(text);
    int used = sprintf(text, "GET /%*s HTTP/1.1\r\n", (int)(line - strlen("GET / HTTP/1.1")), "");
    memset(text + 5, 'a', line - strlen("GET / HTTP/1.1"));
    char *field = text + used;
    field += sprintf(field, HOST);
    for (size_t i = 1; i < count; i++)
        field += sprintf(field, "A: b\r\n");
    size_t used_by_fields = (size_t)(field - text - used) + strlen("\r\n");
    if (fields > used_by_fields + 4) { /* one more */
        size_t left = fields - used_by_fields;
        memset(field, 'x', left);
        memcpy(field, "X:", 2);
        memcpy(field + left - 2, "\r\n", 2);
        field += left;
    }
    strcpy(field, "\r\n");
    return text;
}

static void check_size(size_t line, size_t fields, size_t count, int status)
{
    char *text = head_of(line, fields, count);
    char name[64];
    snprintf(name, sizeof(name), "%zu, %zu, %zu", line, fields, count);
    check(&(struct row){name, text, 0, status});
    free(text);
}

Test(http_parse, limits)
{
    check_size(HTTP_REQUEST_LINE_MAX, 100, 1, HTTP_DONE);
    check_size(HTTP_REQUEST_LINE_MAX + 1, 100, 1, 414);
    check_size(100, HTTP_FIELDS_BYTES_MAX, 1, HTTP_DONE);
    check_size(100, HTTP_FIELDS_BYTES_MAX + 2, 1, 431);
    check_size(HTTP_REQUEST_LINE_MAX, HTTP_FIELDS_BYTES_MAX, 1, HTTP_DONE);
    check_size(100, 0, HTTP_FIELDS_MAX, HTTP_DONE);
    check_size(100, 0, HTTP_FIELDS_MAX + 1, 431);
}

/* Whatever comes, there is a decision when the buffer is full. */
Test(http_parse, never_undecided)
{
    static const char *const beginnings[] = {"", "\r\n", GET, GET "A: ", "\r\n" GET};
    static char text[HTTP_HEAD_MAX];
    for (size_t i = 0; i < COUNT(beginnings); i++) {
        struct http_parser parser = {.line = 0};
        memset(text, 'a', sizeof(text));
        memcpy(text, beginnings[i], strlen(beginnings[i]));
        int status = http_parse(&parser, text, sizeof(text));
        cr_assert(status == 414 || status == 431, "row %zu: %d", i, status);
    }
}

static const struct http_request *parsed(struct http_parser *parser, const char *text)
{
    memset(parser, 0, sizeof(*parser));
    cr_assert_eq(http_parse(parser, text, strlen(text)), HTTP_DONE, "%s", text);
    return &parser->request;
}

static bool is(struct http_text text, const char *expected)
{
    return text.length == strlen(expected) &&
           (text.length == 0 || memcmp(text.at, expected, text.length) == 0);
}

Test(http_parse, target)
{
    static const struct {
        const char *target, *path, *query, *authority;
    } targets[] = {
        {"/", "/", "", ""},
        {"/a/b?c=d?e", "/a/b", "?c=d?e", ""},
        {"/?", "/", "?", ""},
        {"http://a.example", "", "", "a.example"},
        {"http://a.example?x/y", "", "?x/y", "a.example"},
        {"https://a.example/x?y", "/x", "?y", "a.example"},
    };
    for (size_t i = 0; i < COUNT(targets); i++) {
        struct http_parser parser;
        char text[256];
        snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a.example\r\n\r\n",
                 targets[i].target);
        const struct http_request *request = parsed(&parser, text);
        cr_assert(is(request->path, targets[i].path), "path of %s", targets[i].target);
        cr_assert(is(request->query, targets[i].query), "query of %s", targets[i].target);
        cr_assert(is(request->authority, targets[i].authority), "host of %s", targets[i].target);
    }
}

Test(http_parse, meaning)
{
    static const struct {
        const char *text;
        enum http_method method;
        bool keep_alive, has_body;
    } meanings[] = {
        {GET HOST END, HTTP_GET, true, false},
        {"HEAD / HTTP/1.1\r\n" HOST END, HTTP_HEAD, true, false},
        {"head / HTTP/1.1\r\n" HOST END, HTTP_UNKNOWN_METHOD, true, false},
        {"GETS / HTTP/1.1\r\n" HOST END, HTTP_UNKNOWN_METHOD, true, false},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n" END, HTTP_OTHER_METHOD, true, true},
        {GET HOST "Content-Length: 000\r\n" END, HTTP_GET, true, false},
        {GET HOST "Content-Length: 010\r\n" END, HTTP_GET, true, true},
        {GET HOST "transfer-encoding: Chunked\r\n" END, HTTP_GET, true, true},
        {GET HOST "Connection: close\r\n" END, HTTP_GET, false, false},
        {GET HOST "connection: x , CLOSE\r\n" END, HTTP_GET, false, false},
        {GET HOST "Connection: close\r\nConnection: keep-alive\r\n" END, HTTP_GET, false, false},
        {GET HOST "Connection: closed\r\n" END, HTTP_GET, true, false},
        {"GET / HTTP/1.0\r\n" END, HTTP_GET, false, false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n" END, HTTP_GET, true, false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n" END, HTTP_GET, false, false},
    };
    for (size_t i = 0; i < COUNT(meanings); i++) {
        struct http_parser parser;
        const struct http_request *request = parsed(&parser, meanings[i].text);
        cr_assert_eq(request->method, meanings[i].method, "%s", meanings[i].text);
        cr_assert_eq(request->keep_alive, meanings[i].keep_alive, "%s", meanings[i].text);
        cr_assert_eq(request->has_body, meanings[i].has_body, "%s", meanings[i].text);
    }
}

/* What follows a head is left alone. */
Test(http_parse, pipelined)
{
    const char *text = GET HOST END "GET /b HTTP/1.1\r\n" HOST END;
    struct http_parser parser = {.line = 0};
    cr_assert_eq(http_parse(&parser, text, strlen(text)), HTTP_DONE);
    cr_assert_eq(parser.scanned, strlen(GET HOST END));
    const struct http_request *second = parsed(&parser, text + strlen(GET HOST END));
    cr_assert(is(second->path, "/b"));
}

Test(http_parse, elements)
{
    const char *expected[] = {"a", "", "b c"};
    struct http_text list = {" a ,, b c", 9}, element;
    for (size_t i = 0; i < COUNT(expected); i++) {
        cr_assert(http_text_element(&list, &element));
        cr_assert(is(element, expected[i]), "element %zu", i);
    }
    cr_assert_not(http_text_element(&list, &element));
}
