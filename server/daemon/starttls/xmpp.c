#include "server/daemon/starttls/xmpp.h"

#include "server/daemon/starttls/xml.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#define TLS_SPACE "urn:ietf:params:xml:ns:xmpp-tls"
#define STREAM_SPACE "http://etherx.jabber.org/streams"

enum { DOMAIN_MAX = 253 };
enum stage { STAGE_STREAM, STAGE_FEATURES, STAGE_PROCEED };

/* ---- What both sides read -------------------------------------------------------------------- */

/* Takes a stream's head, which must be of the namespace CONTENT, "jabber:client" or
 * "jabber:server". */
static enum xml_result take_head(struct xml *xml, struct xml_tag *tag, const char *content)
{
    enum xml_result result = xml_skip_declaration(xml);
    if (result != XML_OK)
        return result;
    result = xml_next(xml, tag);
    if (result != XML_OK)
        return result;
    const struct xml *version = xml_attribute(tag, "version");
    const struct xml *space = xml_attribute(tag, "xmlns");
    bool right = tag->kind == XML_START && xml_is_element(tag, "stream", STREAM_SPACE) && version &&
                 version->left >= 3 && memcmp(version->at, "1.", 2) == 0 && space &&
                 xml_is(space, content);
    return right ? XML_OK : XML_WRONG;
}

static struct xml whole(const unsigned char *input, size_t size)
{
    return (struct xml){.at = (const char *)input, .left = size};
}

/* Nobody is waited for who sends no end. */
static enum starttls_next more(struct starttls_talk *talk, size_t size)
{
    if (size < STARTTLS_INPUT_MAX)
        return STARTTLS_MORE;
    return starttls_wrong(talk, "the peer sent more than %d bytes before TLS", STARTTLS_INPUT_MAX);
}

/* ---- For a client ---------------------------------------------------------------------------- */

static enum starttls_next refuse(struct starttls_talk *talk, const char *condition, const char *why)
{
    const char *head = talk->stage == STAGE_STREAM
                           ? "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
                             "xmlns:stream='" STREAM_SPACE "' version='1.0'>"
                           : "";
    (void)starttls_print_answer(talk,
                                "%s<stream:error><%s xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
                                "</stream:error></stream:stream>",
                                head, condition);
    return starttls_wrong(talk, "%s", why);
}

/* Can it be repeated to the client as it is? */
static bool is_domain(const struct xml *name)
{
    for (size_t i = 0; i < name->left; i++)
        if (memchr("&'\"<> ", name->at[i], 6) || name->at[i] == 0x7f)
            return false;
    return name->left > 0 && name->left <= DOMAIN_MAX;
}

/* Answers a stream's head with ours, and with what is offered: TLS only. */
static enum starttls_next open_stream(struct starttls_talk *talk, const struct xml_tag *tag,
                                      const char *content, size_t used)
{
    uint64_t number;
    const struct xml *to = xml_attribute(tag, "to");
    if (to && !is_domain(to))
        return refuse(talk, "improper-addressing", "the client's \"to\" is not a domain");
    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != (ssize_t)sizeof(number))
        return refuse(talk, "internal-server-error", "no random number for the stream's id");
    (void)starttls_print_answer(talk,
                                "<?xml version='1.0'?><stream:stream xmlns='%s' "
                                "xmlns:stream='" STREAM_SPACE "' id='%016" PRIx64 "'%s%.*s%s "
                                "version='1.0'><stream:features><starttls xmlns='" TLS_SPACE
                                "'><required/></starttls></stream:features>",
                                content, number, to ? " from='" : "", to ? (int)to->left : 0,
                                to ? to->at : "", to ? "'" : "");
    talk->stage = STAGE_FEATURES;
    return starttls_send(talk, used);
}

static enum starttls_next read_stream(struct starttls_talk *talk, const unsigned char *input,
                                      size_t size, const char *content)
{
    struct xml xml = whole(input, size);
    struct xml_tag tag;
    switch (take_head(&xml, &tag, content)) {
    case XML_MORE:
        return more(talk, size);
    case XML_WRONG:
        return refuse(talk, "bad-format",
                      "the client sent no stream of XMPP 1.0, or one of the wrong kind (client or "
                      "server)");
    case XML_OK:
        break;
    }
    return open_stream(talk, &tag, content, size - xml.left);
}

/* <starttls/>, or <starttls></starttls>. */
static enum starttls_next read_request(struct starttls_talk *talk, const unsigned char *input,
                                       size_t size)
{
    struct xml xml = whole(input, size);
    struct xml_tag tag, end = {.kind = XML_END};
    enum xml_result result = xml_next(&xml, &tag);
    bool asks =
        result == XML_OK && tag.kind != XML_END && xml_is_element(&tag, "starttls", TLS_SPACE);
    if (asks && tag.kind == XML_START)
        result = xml_next(&xml, &end);
    if (result == XML_MORE)
        return more(talk, size);
    if (!asks || end.kind != XML_END || (tag.kind == XML_START && result != XML_OK))
        return refuse(talk, "policy-violation", "the client asked for something else than TLS");
    (void)starttls_print_answer(talk, "<proceed xmlns='" TLS_SPACE "'/>");
    talk->used = size - xml.left;
    return STARTTLS_DONE;
}

static enum starttls_next read_peer(struct starttls_talk *talk, const unsigned char *input,
                                    size_t size, const char *content)
{
    talk->used = talk->answer.size = 0;
    if (size > 0 && input[0] == 0x16)
        return starttls_wrong(talk, "the client began TLS at once where it must ask for it "
                                    "(starttls)");
    return talk->stage == STAGE_STREAM ? read_stream(talk, input, size, content)
                                       : read_request(talk, input, size);
}

static enum starttls_next read_client(struct starttls_talk *talk, const unsigned char *input,
                                      size_t size)
{
    return read_peer(talk, input, size, "jabber:client");
}

static enum starttls_next read_s2s_client(struct starttls_talk *talk, const unsigned char *input,
                                          size_t size)
{
    return read_peer(talk, input, size, "jabber:server");
}

/* ---- For a server ---------------------------------------------------------------------------- */

static enum starttls_next begin_stream(struct starttls_talk *talk, const char *content)
{
    const struct xml name = {.at = talk->name, .left = talk->name ? strlen(talk->name) : 0};
    if (talk->name && !is_domain(&name))
        return starttls_wrong(talk, "the server's name is not a domain");
    if (talk->name && strchr(talk->name, '*'))
        return starttls_wrong(talk, "the server's domain is not known: write \"server_name\" in "
                                    "\"tls\"");
    (void)starttls_print_answer(talk,
                                "<?xml version='1.0'?><stream:stream xmlns='%s' "
                                "xmlns:stream='" STREAM_SPACE "'%s%s%s version='1.0'>",
                                content, talk->name ? " to='" : "", talk->name ? talk->name : "",
                                talk->name ? "'" : "");
    talk->stage = STAGE_FEATURES;
    return starttls_send(talk, 0);
}

/* Reads the features up to their end. Is TLS among them? *STARTTLS says so. */
static enum xml_result take_features(struct xml *xml, bool *starttls)
{
    struct xml_tag tag;
    size_t depth = 1;
    *starttls = false;
    while (depth > 0) {
        enum xml_result result = xml_next_in_text(xml, &tag);
        if (result != XML_OK)
            return result;
        if (tag.kind != XML_END && depth == 1 && xml_is_element(&tag, "starttls", TLS_SPACE))
            *starttls = true;
        if (tag.kind != XML_EMPTY)
            depth = tag.kind == XML_START ? depth + 1 : depth - 1;
    }
    return XML_OK;
}

static enum starttls_next not_xmpp(struct starttls_talk *talk)
{
    return starttls_wrong(talk, "the server sent no valid stream of XMPP 1.0");
}

static enum starttls_next take_offer(struct starttls_talk *talk, bool offered, size_t used)
{
    if (!offered)
        return starttls_wrong(talk, "the XMPP server offers no TLS");
    (void)starttls_print_answer(talk, "<starttls xmlns='" TLS_SPACE "'/>");
    talk->stage = STAGE_PROCEED;
    return starttls_send(talk, used);
}

/* The head, and the features or an error: all is there, or nothing is used. */
static enum starttls_next read_features(struct starttls_talk *talk, const unsigned char *input,
                                        size_t size, const char *content)
{
    struct xml xml = whole(input, size);
    struct xml_tag tag = {.kind = XML_START};
    bool offered = false, failed = false;
    enum xml_result result = take_head(&xml, &tag, content);
    if (result == XML_OK)
        result = xml_next(&xml, &tag);
    const struct xml name = result == XML_OK ? xml_local_name(&tag) : (struct xml){.at = ""};
    if (xml_is(&name, "error")) {
        failed = true;
        result = xml_next(&xml, &tag);
    } else if (xml_is(&name, "features") && tag.kind == XML_START) {
        result = take_features(&xml, &offered);
    } else if (result == XML_OK && !xml_is(&name, "features")) {
        result = XML_WRONG;
    }
    if (result != XML_OK)
        return result == XML_MORE ? more(talk, size) : not_xmpp(talk);
    if (failed)
        return starttls_wrong(talk, "the XMPP server refused the stream: %s",
                              starttls_quote(tag.name.at, tag.name.left).text);
    return take_offer(talk, offered, size - xml.left);
}

static enum starttls_next read_proceed(struct starttls_talk *talk, const unsigned char *input,
                                       size_t size)
{
    struct xml xml = whole(input, size);
    struct xml_tag tag, end = {.kind = XML_END};
    enum xml_result result = xml_next(&xml, &tag);
    if (result == XML_OK && tag.kind == XML_START)
        result = xml_next(&xml, &end);
    if (result == XML_MORE)
        return more(talk, size);
    if (result == XML_WRONG || end.kind != XML_END || !xml_is_element(&tag, "proceed", TLS_SPACE))
        return starttls_wrong(talk, "the XMPP server refused TLS: \"%s\"",
                              starttls_quote(input, size).text);
    talk->used = size - xml.left;
    return STARTTLS_DONE;
}

static enum starttls_next read_other(struct starttls_talk *talk, const unsigned char *input,
                                     size_t size, const char *content)
{
    talk->used = talk->answer.size = 0;
    switch (talk->stage) {
    case STAGE_STREAM:
        return begin_stream(talk, content);
    case STAGE_FEATURES:
        return read_features(talk, input, size, content);
    default:
        return read_proceed(talk, input, size);
    }
}

static enum starttls_next read_server(struct starttls_talk *talk, const unsigned char *input,
                                      size_t size)
{
    return read_other(talk, input, size, "jabber:client");
}

static enum starttls_next read_s2s_server(struct starttls_talk *talk, const unsigned char *input,
                                          size_t size)
{
    return read_other(talk, input, size, "jabber:server");
}

const struct starttls_protocol starttls_xmpp_server = {.name = "xmpp", .read = read_client},
                               starttls_xmpp_s2s_server = {.name = "xmpp-server",
                                                           .read = read_s2s_client},
                               starttls_xmpp_client = {.name = "xmpp", .read = read_server},
                               starttls_xmpp_s2s_client = {.name = "xmpp-server",
                                                           .read = read_s2s_server};
