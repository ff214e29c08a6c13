/* The part of XML that XMPP needs before TLS (RFC 6120 section 11): elements with attributes, and
 * nothing else. Reads from a buffer that is borrowed. */
#ifndef ACTPASS_SERVER_STARTTLS_XML_H
#define ACTPASS_SERVER_STARTTLS_XML_H

#include <stdbool.h>
#include <stddef.h>

struct xml {
    const char *at;
    size_t left;
};

enum { XML_ATTRIBUTES_MAX = 12 };

struct xml_attribute {
    struct xml name, value; /* the value as it is written */
};

enum xml_kind { XML_START, XML_END, XML_EMPTY /* start and end in one */ };

struct xml_tag {
    enum xml_kind kind;
    struct xml name; /* with its prefix */
    struct xml_attribute attributes[XML_ATTRIBUTES_MAX];
    size_t count;
};

enum xml_result { XML_OK, XML_MORE, XML_WRONG };

/* Skips white space. */
void xml_skip_space(struct xml *xml);

/* Skips white space, then a declaration <?xml ...?> if there is one. */
enum xml_result xml_skip_declaration(struct xml *xml);

/* Takes the next tag, which must be all that comes next but for text before it, if TEXT says so.
 * Nothing is taken unless the result is XML_OK. */
enum xml_result xml_next(struct xml *xml, struct xml_tag *tag);
enum xml_result xml_next_in_text(struct xml *xml, struct xml_tag *tag);

/* The value of an attribute; NULL: there is none. */
const struct xml *xml_attribute(const struct xml_tag *tag, const char *name);

/* Is this what it says? */
bool xml_is(const struct xml *xml, const char *text);

/* The name behind the prefix. */
struct xml xml_local_name(const struct xml_tag *tag);

/* Is this the element NAME of a namespace that the tag itself declares? */
bool xml_is_element(const struct xml_tag *tag, const char *name, const char *space);

#endif
