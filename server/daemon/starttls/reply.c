#include "server/daemon/starttls/reply.h"

#include <string.h>

enum { CODE_DIGITS = 3 };

/* Its code; 0: it begins with none. */
static unsigned code_of(const struct starttls_line *line)
{
    const char *text = line->text;
    if (line->length < CODE_DIGITS || text[0] < '1' || text[0] > '5')
        return 0;
    for (size_t i = 1; i < CODE_DIGITS; i++)
        if (text[i] < '0' || text[i] > '9')
            return 0;
    return (unsigned)(100 * (text[0] - '0') + 10 * (text[1] - '0') + text[2] - '0');
}

/* What follows the code: ' ' for the last line, '-' for another one. */
static char mark_of(const struct starttls_line *line)
{
    if (line->length == CODE_DIGITS)
        return ' ';
    return line->text[CODE_DIGITS];
}

static bool is_part(const struct starttls_line *line, unsigned code, char mark)
{
    return code_of(line) == code && mark_of(line) == mark;
}

static bool is_between(enum starttls_replies replies, const struct starttls_line *line,
                       unsigned code)
{
    return replies == STARTTLS_REPLIES_FTP || is_part(line, code, '-');
}

/* Takes one more line. STARTTLS_LINE_MORE: the reply has another one. */
static enum starttls_line_result add_line(enum starttls_replies replies,
                                          struct starttls_reply *reply,
                                          const struct starttls_line *line)
{
    bool is_first = reply->size == 0;
    if (is_first) {
        reply->first = *line;
        reply->code = code_of(line);
    }
    reply->size += line->size;
    if (reply->code == 0)
        return STARTTLS_LINE_WRONG;
    if (is_part(line, reply->code, ' '))
        return STARTTLS_LINE_OK;
    bool fits = is_first ? is_part(line, reply->code, '-') : is_between(replies, line, reply->code);
    return fits ? STARTTLS_LINE_MORE : STARTTLS_LINE_WRONG;
}

enum starttls_line_result starttls_reply_read(enum starttls_replies replies,
                                              struct starttls_reply *reply,
                                              const unsigned char *input, size_t size)
{
    enum starttls_line_result result;
    *reply = (struct starttls_reply){.first = {.text = ""}};
    do {
        struct starttls_line line;
        result = starttls_line_read(&line, input + reply->size, size - reply->size);
        if (result != STARTTLS_LINE_OK)
            break;
        result = add_line(replies, reply, &line);
    } while (result == STARTTLS_LINE_MORE);
    bool too_large = result == STARTTLS_LINE_MORE && size >= STARTTLS_INPUT_MAX;
    return too_large ? STARTTLS_LINE_WRONG : result;
}

enum starttls_next starttls_reply_take(struct starttls_talk *talk, enum starttls_replies replies,
                                       struct starttls_reply *reply, const unsigned char *input,
                                       size_t size)
{
    talk->used = talk->answer.size = 0;
    switch (starttls_reply_read(replies, reply, input, size)) {
    case STARTTLS_LINE_MORE:
        return STARTTLS_MORE;
    case STARTTLS_LINE_WRONG:
        return starttls_wrong(talk, "the server has sent no reply of %s",
                              replies == STARTTLS_REPLIES_FTP ? "FTP" : "SMTP");
    case STARTTLS_LINE_OK:
        break;
    }
    return STARTTLS_DONE;
}

bool starttls_reply_has(const struct starttls_reply *reply, const char *keyword)
{
    const unsigned char *input = (const unsigned char *)reply->first.text;
    struct starttls_line line = reply->first;
    for (size_t at = line.size; at < reply->size; at += line.size) {
        if (starttls_line_read(&line, input + at, reply->size - at) != STARTTLS_LINE_OK)
            return false;
        const struct starttls_line text = {
            .text = line.text + CODE_DIGITS + 1,
            .length = line.length > CODE_DIGITS ? line.length - CODE_DIGITS - 1 : 0};
        if (text.length > 0 && starttls_line_is(&text, keyword))
            return true;
    }
    return false;
}

enum starttls_next starttls_wrong_reply(struct starttls_talk *talk, const char *wanted,
                                        const struct starttls_reply *reply)
{
    return starttls_unexpected(talk, wanted, &reply->first);
}
