#include "server/daemon/starttls/xml.h"

#include <string.h>

static const char spaces[] = " \t\r\n";

static bool is_space(char c)
{
    return c != '\0' && strchr(spaces, c);
}

/* What a name may consist of; bytes of UTF-8 are taken as they are. */
static bool is_name(char c)
{
    static const char more[] = ":_-.";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(more, c)) || (unsigned char)c >= 0x80;
}

static void skip(struct xml *xml, size_t size)
{
    xml->at += size;
    xml->left -= size;
}

void xml_skip_space(struct xml *xml)
{
    while (xml->left > 0 && is_space(*xml->at))
        skip(xml, 1);
}

/* Does it begin with TEXT? XML_MORE: as far as it goes. */
static enum xml_result begins_with(const struct xml *xml, const char *text)
{
    size_t length = strlen(text);
    if (memcmp(xml->at, text, xml->left < length ? xml->left : length) != 0)
        return XML_WRONG;
    return xml->left < length ? XML_MORE : XML_OK;
}

enum xml_result xml_skip_declaration(struct xml *xml)
{
    xml_skip_space(xml);
    if (xml->left == 0)
        return XML_MORE;
    enum xml_result begins = begins_with(xml, "<?xml ");
    if (begins != XML_OK)
        return begins == XML_MORE && xml->left > 1 ? XML_MORE : XML_OK;
    const char *end = memmem(xml->at, xml->left, "?>", 2);
    if (!end)
        return XML_MORE;
    skip(xml, (size_t)(end + 2 - xml->at));
    return XML_OK;
}

/* ---- A tag ----------------------------------------------------------------------------------- */

/* The size of the tag, up to its '>', which no quotes are around. 0: it is not all there. */
static size_t tag_size(const struct xml *xml)
{
    char quote = '\0';
    for (size_t i = 0; i < xml->left; i++) {
        char c = xml->at[i];
        if (quote == '\0' && c == '>')
            return i + 1;
        if (quote == '\0' && (c == '"' || c == '\''))
            quote = c;
        else if (c == quote)
            quote = '\0';
    }
    return 0;
}

static struct xml take_name(struct xml *xml)
{
    struct xml name = {.at = xml->at, .left = 0};
    while (xml->left > 0 && is_name(*xml->at)) {
        name.left++;
        skip(xml, 1);
    }
    return name;
}

/* A value in quotes, which has no tag and no control character in it. */
static bool take_value(struct xml *xml, struct xml *value)
{
    if (xml->left == 0 || (*xml->at != '"' && *xml->at != '\''))
        return false;
    const char *end = memchr(xml->at + 1, *xml->at, xml->left - 1);
    if (!end)
        return false;
    *value = (struct xml){.at = xml->at + 1, .left = (size_t)(end - xml->at - 1)};
    for (size_t i = 0; i < value->left; i++)
        if (value->at[i] == '<' || (unsigned char)value->at[i] < ' ')
            return false;
    skip(xml, value->left + 2);
    return true;
}

static bool is_same(const struct xml *one, const struct xml *other)
{
    return one->left == other->left && memcmp(one->at, other->at, one->left) == 0;
}

/* NAME = "value", and no second one of that name. */
static bool take_attribute(struct xml *xml, struct xml_tag *tag)
{
    struct xml_attribute attribute = {.name = take_name(xml)};
    xml_skip_space(xml);
    if (attribute.name.left == 0 || xml->left == 0 || *xml->at != '=' ||
        tag->count == XML_ATTRIBUTES_MAX)
        return false;
    skip(xml, 1);
    xml_skip_space(xml);
    if (!take_value(xml, &attribute.value))
        return false;
    for (size_t i = 0; i < tag->count; i++)
        if (is_same(&tag->attributes[i].name, &attribute.name))
            return false;
    tag->attributes[tag->count++] = attribute;
    return true;
}

/* What is between < and >. */
static bool read_inside(struct xml inside, struct xml_tag *tag)
{
    *tag = (struct xml_tag){.kind = XML_START};
    if (inside.left > 0 && *inside.at == '/') {
        tag->kind = XML_END;
        skip(&inside, 1);
    } else if (inside.left > 0 && inside.at[inside.left - 1] == '/') {
        tag->kind = XML_EMPTY;
        inside.left--;
    }
    tag->name = take_name(&inside);
    while (inside.left > 0) {
        if (!is_space(*inside.at))
            return false;
        xml_skip_space(&inside);
        if (inside.left > 0 && (tag->kind == XML_END || !take_attribute(&inside, tag)))
            return false;
    }
    return tag->name.left > 0;
}

enum xml_result xml_next(struct xml *xml, struct xml_tag *tag)
{
    xml_skip_space(xml);
    if (xml->left == 0)
        return XML_MORE;
    if (*xml->at != '<' || (xml->left > 1 && (xml->at[1] == '!' || xml->at[1] == '?')))
        return XML_WRONG;
    size_t size = tag_size(xml);
    if (size == 0)
        return XML_MORE;
    const struct xml inside = {.at = xml->at + 1, .left = size - 2};
    if (!read_inside(inside, tag))
        return XML_WRONG;
    skip(xml, size);
    return XML_OK;
}

enum xml_result xml_next_in_text(struct xml *xml, struct xml_tag *tag)
{
    const char *begin = memchr(xml->at, '<', xml->left);
    skip(xml, begin ? (size_t)(begin - xml->at) : xml->left);
    return xml_next(xml, tag);
}

/* ---- Questions ------------------------------------------------------------------------------- */

bool xml_is(const struct xml *xml, const char *text)
{
    return xml->left == strlen(text) && memcmp(xml->at, text, xml->left) == 0;
}

const struct xml *xml_attribute(const struct xml_tag *tag, const char *name)
{
    for (size_t i = 0; i < tag->count; i++)
        if (xml_is(&tag->attributes[i].name, name))
            return &tag->attributes[i].value;
    return NULL;
}

/* The size of the prefix, its colon included. */
static size_t prefix_size(const struct xml_tag *tag)
{
    const char *colon = memchr(tag->name.at, ':', tag->name.left);
    return colon ? (size_t)(colon + 1 - tag->name.at) : 0;
}

struct xml xml_local_name(const struct xml_tag *tag)
{
    struct xml name = tag->name;
    skip(&name, prefix_size(tag));
    return name;
}

/* Is it xmlns, or xmlns: with the tag's prefix? */
static bool declares(const struct xml *attribute, const struct xml_tag *tag)
{
    size_t prefix = prefix_size(tag);
    if (prefix == 0)
        return xml_is(attribute, "xmlns");
    return attribute->left == 5 + prefix && memcmp(attribute->at, "xmlns:", 6) == 0 &&
           memcmp(attribute->at + 6, tag->name.at, prefix - 1) == 0;
}

bool xml_is_element(const struct xml_tag *tag, const char *name, const char *space)
{
    struct xml local = xml_local_name(tag);
    if (!xml_is(&local, name))
        return false;
    for (size_t i = 0; i < tag->count; i++)
        if (declares(&tag->attributes[i].name, tag))
            return xml_is(&tag->attributes[i].value, space);
    return false;
}
