#include "server/daemon/handlers/http/parse.h"

#include <string.h>
#include <strings.h>

static const char *const field_names[HTTP_FIELD_COUNT] = {
    [HTTP_HOST] = "Host",
    [HTTP_CONTENT_LENGTH] = "Content-Length",
    [HTTP_TRANSFER_ENCODING] = "Transfer-Encoding",
    [HTTP_RANGE] = "Range",
    [HTTP_IF_RANGE] = "If-Range",
    [HTTP_IF_MATCH] = "If-Match",
    [HTTP_IF_NONE_MATCH] = "If-None-Match",
    [HTTP_IF_MODIFIED_SINCE] = "If-Modified-Since",
    [HTTP_IF_UNMODIFIED_SINCE] = "If-Unmodified-Since",
    [HTTP_MAX_FORWARDS] = "Max-Forwards",
    [HTTP_CONNECTION] = "Connection",
};

/* ---- Texts --------------------------------------------------------------------------------- */

bool http_text_is(struct http_text text, const char *word)
{
    return text.length == strlen(word) && strncasecmp(text.at, word, text.length) == 0;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t';
}

struct http_text http_text_trim(struct http_text text)
{
    while (text.length > 0 && is_space(text.at[0])) {
        text.at++;
        text.length--;
    }
    while (text.length > 0 && is_space(text.at[text.length - 1]))
        text.length--;
    return text;
}

/* Cuts off the text before the first DELIMITER, or all of it if there is none. */
static struct http_text cut(struct http_text *text, char delimiter)
{
    const char *end = text->length > 0 ? memchr(text->at, delimiter, text->length) : NULL;
    struct http_text head = {text->at, end ? (size_t)(end - text->at) : text->length};
    size_t gone = head.length + (end ? 1 : 0);
    text->at += gone;
    text->length -= gone;
    return head;
}

bool http_text_element(struct http_text *list, struct http_text *element)
{
    if (list->length == 0)
        return false;
    *element = http_text_trim(cut(list, ','));
    return true;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_alphanumeric(char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* tchar of RFC 9110 section 5.6.2. */
static bool is_token(struct http_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.at[i];
        if (!is_alphanumeric(byte) && (byte == '\0' || !strchr("!#$%&'*+-.^_`|~", byte)))
            return false;
    }
    return text.length > 0;
}

static bool is_all(struct http_text text, const char *more)
{
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.at[i];
        if (!is_alphanumeric(byte) && (byte == '\0' || !strchr(more, byte)))
            return false;
    }
    return true;
}

static bool is_number(struct http_text text, size_t max_digits)
{
    for (size_t i = 0; i < text.length; i++)
        if (!is_digit(text.at[i]))
            return false;
    return text.length > 0 && text.length <= max_digits;
}

/* "name", "192.0.2.1" or "[2001:db8::1]", with or without a port: less than RFC 3986 allows, and
 * all that is in use. */
static bool is_authority(struct http_text text)
{
    if (text.length > 0 && text.at[0] == '[') {
        struct http_text inner = cut(&text, ']');
        inner.at++;
        inner.length--;
        if (inner.length == 0 || !is_all(inner, ":.") || text.at[-1] != ']')
            return false;
        return text.length == 0 || (text.at[0] == ':' &&
                                    is_number((struct http_text){text.at + 1, text.length - 1}, 5));
    }
    struct http_text name = cut(&text, ':');
    if (name.length == 0 || !is_all(name, "-._~"))
        return false;
    bool has_port = text.at > name.at + name.length;
    return !has_port || is_number(text, 5);
}

/* ---- The request line ---------------------------------------------------------------------- */

static enum http_method method_of(struct http_text text)
{
    static const char *const others[] = {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"};
    if (text.length == 3 && memcmp(text.at, "GET", 3) == 0)
        return HTTP_GET;
    if (text.length == 4 && memcmp(text.at, "HEAD", 4) == 0)
        return HTTP_HEAD;
    if (text.length == 7 && memcmp(text.at, "CONNECT", 7) == 0)
        return HTTP_CONNECT;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (text.length == strlen(others[i]) && memcmp(text.at, others[i], text.length) == 0)
            return HTTP_OTHER_METHOD;
    return HTTP_UNKNOWN_METHOD;
}

static bool has_only_uri_bytes(struct http_text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.at[i] <= ' ' || text.at[i] > '~' || strchr("\"#<>\\", text.at[i]))
            return false;
    return text.length > 0;
}

/* http://authority/path: servers must take it (RFC 9112 section 3.2.2). */
static bool cut_authority(struct http_request *request, struct http_text *target)
{
    static const char *const schemes[] = {"https://", "http://"};
    for (size_t i = 0; i < 2; i++) {
        size_t length = strlen(schemes[i]);
        if (target->length < length || strncasecmp(target->at, schemes[i], length) != 0)
            continue;
        struct http_text rest = {target->at + length, target->length - length};
        size_t end = 0;
        while (end < rest.length && rest.at[end] != '/' && rest.at[end] != '?')
            end++;
        request->authority = (struct http_text){rest.at, end};
        *target = (struct http_text){rest.at + end, rest.length - end};
        return is_authority(request->authority);
    }
    return false;
}

/* A method that is not served may have a target of another form; the method is refused later. */
static bool take_target(struct http_request *request, struct http_text target)
{
    if (!has_only_uri_bytes(target))
        return false;
    if (request->method == HTTP_CONNECT) {
        request->authority = target;
        return is_authority(target);
    }
    if (target.at[0] != '/' && !cut_authority(request, &target))
        return request->method == HTTP_OTHER_METHOD && !request->authority.at;
    request->path = target;
    request->path.length = cut(&target, '?').length;
    request->query = (struct http_text){request->path.at + request->path.length, 0};
    request->query.length = (size_t)(target.at + target.length - request->query.at);
    return true;
}

static enum http_head take_version(struct http_request *request, struct http_text version)
{
    bool well_formed = version.length == 8 && memcmp(version.at, "HTTP/", 5) == 0 &&
                       is_digit(version.at[5]) && version.at[6] == '.' && is_digit(version.at[7]);
    if (!well_formed)
        return HTTP_BAD_REQUEST;
    request->version_1_0 = version.at[7] == '0';
    return version.at[5] == '1' ? HTTP_MORE : HTTP_BAD_VERSION;
}

static enum http_head take_request_line(struct http_parser *parser, struct http_text line)
{
    struct http_text method = cut(&line, ' ');
    struct http_text target = cut(&line, ' ');
    if (!is_token(method))
        return HTTP_BAD_REQUEST;
    parser->request.method = method_of(method);
    enum http_head head = take_version(&parser->request, line);
    if (head == HTTP_MORE && !take_target(&parser->request, target))
        head = HTTP_BAD_REQUEST;
    parser->fields_begin = parser->scanned;
    return head;
}

/* ---- Fields -------------------------------------------------------------------------------- */

/* Visible bytes, space, tab, and bytes beyond ASCII; no CR, NUL or other control character. */
static bool is_value(struct http_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if ((byte < ' ' && byte != '\t') || byte == 127)
            return false;
    }
    return true;
}

static void take_connection(struct http_parser *parser, struct http_text list)
{
    struct http_text option;
    while (http_text_element(&list, &option)) {
        parser->asked_close = parser->asked_close || http_text_is(option, "close");
        parser->asked_keep_alive = parser->asked_keep_alive || http_text_is(option, "keep-alive");
    }
}

/* No continuation lines, no space before the colon: neither is a token. */
static enum http_head take_field(struct http_parser *parser, struct http_text line)
{
    if (++parser->field_count > HTTP_FIELDS_MAX)
        return HTTP_FIELDS_TOO_LARGE;
    struct http_text value = line;
    struct http_text name = cut(&value, ':');
    if (name.length == line.length || !is_token(name) || !is_value(value))
        return HTTP_BAD_REQUEST;
    value = http_text_trim(value);
    for (size_t i = 0; i < HTTP_FIELD_COUNT; i++) {
        if (!http_text_is(name, field_names[i]))
            continue;
        if (i == HTTP_CONNECTION)
            take_connection(parser, value);
        else if (parser->request.fields[i].at)
            return HTTP_BAD_REQUEST;
        parser->request.fields[i] = value;
    }
    return HTTP_MORE;
}

/* ---- The whole ----------------------------------------------------------------------------- */

static bool same(struct http_text one, struct http_text other)
{
    return one.length == other.length && strncasecmp(one.at, other.at, one.length) == 0;
}

/* Some clients leave the port out in the Host of CONNECT. */
static bool is_without_port(const struct http_request *request, struct http_text host)
{
    struct http_text authority = request->authority;
    return request->method == HTTP_CONNECT && authority.length > host.length &&
           authority.at[host.length] == ':' &&
           same(host, (struct http_text){authority.at, host.length});
}

static bool host_is_right(const struct http_request *request)
{
    struct http_text host = request->fields[HTTP_HOST];
    if (!host.at)
        return request->version_1_0;
    if (!is_authority(host))
        return false;
    return !request->authority.at || same(request->authority, host) ||
           is_without_port(request, host);
}

/* Reads whether there is a body: nothing else of it matters. False: where it ends is ambiguous, or
 * not said. */
static bool read_framing(struct http_request *request)
{
    enum { DIGITS_MAX = 18 };
    struct http_text length = request->fields[HTTP_CONTENT_LENGTH];
    struct http_text coding = request->fields[HTTP_TRANSFER_ENCODING];
    if (coding.at) {
        request->has_body = true;
        return !length.at && !request->version_1_0 && http_text_is(coding, "chunked");
    }
    if (!length.at)
        return true;
    for (size_t i = 0; i < length.length; i++)
        request->has_body = request->has_body || length.at[i] != '0';
    return is_number(length, DIGITS_MAX);
}

static enum http_head finish(struct http_parser *parser)
{
    struct http_request *request = &parser->request;
    if (!host_is_right(request) || !read_framing(request))
        return HTTP_BAD_REQUEST;
    request->keep_alive =
        !parser->asked_close && (!request->version_1_0 || parser->asked_keep_alive);
    return HTTP_DONE;
}

static enum http_head take_line(struct http_parser *parser, struct http_text line)
{
    if (parser->fields_begin == 0) {
        /* One empty line before the request line is ignored (RFC 9112 section 2.2). */
        bool overlooked = line.length == 0 && parser->line == 0;
        return overlooked ? HTTP_MORE : take_request_line(parser, line);
    }
    return line.length > 0 ? take_field(parser, line) : finish(parser);
}

/* END: the end of the input, or of the line. */
static enum http_head check_sizes(const struct http_parser *parser, size_t end)
{
    if (parser->fields_begin == 0)
        return end - parser->line > HTTP_REQUEST_LINE_MAX + 1 ? HTTP_URI_TOO_LONG : HTTP_MORE;
    return end - parser->fields_begin > HTTP_FIELDS_BYTES_MAX ? HTTP_FIELDS_TOO_LARGE : HTTP_MORE;
}

enum http_head http_parse(struct http_parser *parser, const char *input, size_t size)
{
    while (parser->scanned < size) {
        const char *found = memchr(input + parser->scanned, '\n', size - parser->scanned);
        size_t end = found ? (size_t)(found - input) : size;
        parser->scanned = found ? end + 1 : end;
        enum http_head head = check_sizes(parser, end);
        if (head != HTTP_MORE || !found)
            return head;
        if (end == parser->line || input[end - 1] != '\r')
            return HTTP_BAD_REQUEST; /* a line ends with CRLF and nothing else */
        head = take_line(parser, (struct http_text){input + parser->line, end - 1 - parser->line});
        parser->line = parser->scanned;
        if (head != HTTP_MORE)
            return head;
    }
    return HTTP_MORE;
}
