#include "server/daemon/handlers/http/select.h"

#include "server/daemon/handlers/http/date.h"

#include <string.h>
#include <strings.h>

/* ---- Conditions ---------------------------------------------------------------------------- */

static bool skip(struct http_text *text, const char *word)
{
    size_t length = strlen(word);
    if (text->length < length || memcmp(text->at, word, length) != 0)
        return false;
    text->at += length;
    text->length -= length;
    return true;
}

/* Takes off the entity tag at the beginning of the text, with its quotes. An entity tag may contain
 * a comma. */
static bool take_etag(struct http_text *text, struct http_text *etag)
{
    *etag = *text;
    if (!skip(text, "\""))
        return false;
    const char *end = memchr(text->at, '"', text->length);
    if (!end)
        return false;
    etag->length = (size_t)(end + 1 - etag->at);
    text->length -= (size_t)(end + 1 - text->at);
    text->at = end + 1;
    return true;
}

static bool is_etag(struct http_text text, const char *etag)
{
    return text.length == strlen(etag) && memcmp(text.at, etag, text.length) == 0;
}

/* RFC 9110 section 8.8.3.2: with strong comparison a weak tag matches nothing. */
enum comparison { COMPARE_STRONG, COMPARE_WEAK };

/* Is ETAG, which is strong, in the list? */
static bool list_has(struct http_text list, const char *etag, enum comparison comparison)
{
    if (http_text_is(list, "*"))
        return true;
    struct http_text one;
    for (;;) {
        bool is_weak = skip(&list, "W/");
        if (!take_etag(&list, &one))
            return false;
        if (is_etag(one, etag) && (comparison == COMPARE_WEAK || !is_weak))
            return true;
        list = http_text_trim(list);
        if (!skip(&list, ","))
            return false;
        list = http_text_trim(list);
    }
}

/* Does the field have a date, and was the file modified after it? */
static bool is_newer(struct http_text field, const struct http_version *version)
{
    time_t date;
    return http_date_read(field, &date) && version->modified > date;
}

/* Does the field have a date, and was the file not modified after it? */
static bool is_not_newer(struct http_text field, const struct http_version *version)
{
    time_t date;
    return http_date_read(field, &date) && version->modified <= date;
}

/* In the order of RFC 9110 section 13.2.2. 200: go on. */
static int check_conditions(const struct http_request *request, const struct http_version *version)
{
    const struct http_text *fields = request->fields;
    if (fields[HTTP_IF_MATCH].at) {
        if (!list_has(fields[HTTP_IF_MATCH], version->etag, COMPARE_STRONG))
            return 412;
    } else if (fields[HTTP_IF_UNMODIFIED_SINCE].at &&
               is_newer(fields[HTTP_IF_UNMODIFIED_SINCE], version)) {
        return 412;
    }
    if (fields[HTTP_IF_NONE_MATCH].at)
        return list_has(fields[HTTP_IF_NONE_MATCH], version->etag, COMPARE_WEAK) ? 304 : 200;
    bool same =
        fields[HTTP_IF_MODIFIED_SINCE].at && is_not_newer(fields[HTTP_IF_MODIFIED_SINCE], version);
    return same ? 304 : 200;
}

/* ---- Ranges -------------------------------------------------------------------------------- */

/* Takes the digits at the beginning off. False: there are none. What is too large for the type is
 * as large as can be. */
static bool take_number(struct http_text *text, uint64_t *value)
{
    bool any = false;
    *value = 0;
    while (text->length > 0 && text->at[0] >= '0' && text->at[0] <= '9') {
        uint64_t digit = (uint64_t)(text->at[0] - '0');
        *value = *value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *value * 10 + digit;
        text->at++;
        text->length--;
        any = true;
    }
    return any;
}

/* The last bytes of the file. */
static struct http_part take_suffix(struct http_text text, uint64_t size)
{
    struct http_part whole = {.status = 200, .length = size};
    uint64_t length;
    if (!take_number(&text, &length) || text.length > 0)
        return whole;
    if (length == 0 || size == 0)
        return (struct http_part){.status = 416};
    length = length < size ? length : size;
    return (struct http_part){.status = 206, .first = size - length, .length = length};
}

static struct http_part take_range(struct http_text text, uint64_t size)
{
    struct http_part whole = {.status = 200, .length = size};
    uint64_t first;
    uint64_t last = UINT64_MAX;
    if (text.length < 6 || strncasecmp(text.at, "bytes=", 6) != 0)
        return whole;
    text = http_text_trim((struct http_text){text.at + 6, text.length - 6});
    if (skip(&text, "-"))
        return take_suffix(text, size);
    if (!take_number(&text, &first) || !skip(&text, "-"))
        return whole;
    bool open = text.length == 0;
    if (!open && (!take_number(&text, &last) || text.length > 0 || last < first))
        return whole;
    if (first >= size)
        return (struct http_part){.status = 416};
    last = last < size ? last : size - 1;
    return (struct http_part){.status = 206, .first = first, .length = last - first + 1};
}

/* Sends the range only if the client's part is of the same state of the file. */
static bool range_counts(const struct http_request *request, const struct http_version *version)
{
    struct http_text condition = request->fields[HTTP_IF_RANGE];
    time_t date;
    if (request->method != HTTP_GET || !request->fields[HTTP_RANGE].at)
        return false;
    return !condition.at || is_etag(condition, version->etag) ||
           (http_date_read(condition, &date) && date == version->modified);
}

struct http_part http_select(const struct http_request *request, const struct http_version *version)
{
    struct http_part whole = {.status = check_conditions(request, version),
                              .length = version->size};
    if (whole.status == 200 && range_counts(request, version))
        return take_range(request->fields[HTTP_RANGE], version->size);
    return whole;
}
