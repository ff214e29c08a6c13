/* Parses any bytes as a request. The result may not depend on how the bytes are split, a decision
 * may not change later, and an accepted request must be in normal form. */
#include "server/daemon/handlers/http/path.h"
#include "server/daemon/handlers/http/select.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static bool inside(struct http_text text, const char *input, size_t size)
{
    return !text.at || (text.at >= input && text.at + text.length <= input + size);
}

static void check_path(struct http_text text)
{
    char path[HTTP_PATH_MAX];
    char again[3 * HTTP_PATH_MAX];
    if (!http_path_read(text, path))
        return;
    must(path[0] == '/' && strlen(path) < sizeof(path));
    must(!strstr(path, "//") && !strstr(path, "/./") && !strstr(path, "/../"));
    size_t length = strlen(path);
    must(length < 3 || strcmp(path + length - 3, "/..") != 0);
    must(http_path_encode(path, "", again, sizeof(again)));
    char twice[HTTP_PATH_MAX];
    if (strlen(again) < HTTP_REQUEST_LINE_MAX)
        must(http_path_read((struct http_text){again, strlen(again)}, twice) &&
             strcmp(path, twice) == 0);
}

static void check_request(const struct http_request *request, const char *input, size_t size)
{
    must(inside(request->path, input, size) && inside(request->query, input, size) &&
         inside(request->authority, input, size));
    for (size_t i = 0; i < HTTP_FIELD_COUNT; i++)
        must(inside(request->fields[i], input, size));
    check_path(request->path);
    const struct http_version version = {.etag = "\"a\"", .modified = 784111777, .size = 1000};
    struct http_part part = http_select(request, &version);
    must(part.first <= version.size && part.length <= version.size - part.first);
    must(part.status != 206 || part.length > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size = size < HTTP_HEAD_MAX ? size : HTTP_HEAD_MAX;
    char *input = malloc(size ? size : 1); /* of the exact size, for the sanitizer */
    must(input);
    if (size)
        memcpy(input, data, size);
    struct http_parser at_once = {.line = 0};
    struct http_parser by_byte = {.line = 0};
    enum http_head status = http_parse(&at_once, input, size);
    enum http_head slow = HTTP_MORE;
    for (size_t have = 1; have <= size && slow == HTTP_MORE; have++)
        slow = http_parse(&by_byte, input, have);
    must(status == slow || (status == HTTP_MORE && size == 0));
    must(status != HTTP_MORE || size < HTTP_HEAD_MAX);
    if (status == HTTP_DONE) {
        must(at_once.scanned == by_byte.scanned && at_once.scanned <= size);
        check_request(&at_once.request, input, at_once.scanned);
    }
    free(input);
    return 0;
}
