#include "server/daemon/starttls/line.h"

#include <string.h>
#include <strings.h>

/* A byte that no line has before its end. */
static bool is_control(unsigned char byte)
{
    return (byte < ' ' && byte != '\t') || byte == 0x7f;
}

enum starttls_line_result starttls_line_read(struct starttls_line *line, const unsigned char *input,
                                             size_t size)
{
    size_t max = size < STARTTLS_LINE_MAX ? size : STARTTLS_LINE_MAX, length = 0;
    *line = (struct starttls_line){.text = ""};
    while (length < max && !is_control(input[length]))
        length++;
    if (length == max || (input[length] == '\r' && length + 1 == max))
        return size < STARTTLS_LINE_MAX ? STARTTLS_LINE_MORE : STARTTLS_LINE_WRONG;
    if (input[length] != '\r' || input[length + 1] != '\n')
        return STARTTLS_LINE_WRONG;
    *line =
        (struct starttls_line){.text = (const char *)input, .length = length, .size = length + 2};
    return STARTTLS_LINE_OK;
}

bool starttls_line_begins(const struct starttls_line *line, const char *text)
{
    size_t length = strlen(text);
    return line->length >= length && strncasecmp(line->text, text, length) == 0;
}

bool starttls_line_is(const struct starttls_line *line, const char *text)
{
    return line->length == strlen(text) && starttls_line_begins(line, text);
}

bool starttls_line_has_command(const struct starttls_line *line, const char *word)
{
    size_t length = strlen(word);
    return starttls_line_begins(line, word) &&
           (line->length == length || line->text[length] == ' ');
}

enum starttls_next starttls_line_take(struct starttls_talk *talk, struct starttls_line *line,
                                      const unsigned char *input, size_t size, const char *protocol,
                                      const char *reply)
{
    talk->used = talk->answer.size = 0;
    switch (starttls_line_read(line, input, size)) {
    case STARTTLS_LINE_MORE:
        return STARTTLS_MORE;
    case STARTTLS_LINE_WRONG:
        if (reply[0] != '\0')
            (void)starttls_print_answer(talk, "%s\r\n", reply);
        return starttls_wrong(talk,
                              "the peer has sent no line of %s: at most %d bytes, which end with "
                              "CR LF",
                              protocol, STARTTLS_LINE_MAX);
    case STARTTLS_LINE_OK:
        break;
    }
    return STARTTLS_DONE;
}

enum starttls_next starttls_answer_line(struct starttls_talk *talk,
                                        const struct starttls_line *line, const char *text)
{
    (void)starttls_print_answer(talk, "%s\r\n", text);
    return starttls_send(talk, line->size);
}

enum starttls_next starttls_consent(struct starttls_talk *talk, const struct starttls_line *line,
                                    const char *text)
{
    (void)starttls_print_answer(talk, "%s\r\n", text);
    talk->used = line->size;
    return STARTTLS_DONE;
}

enum starttls_next starttls_without_tls(struct starttls_talk *talk, size_t used)
{
    talk->used = used;
    return starttls_wrong(talk, "the client has ended the dialog without beginning TLS");
}

enum starttls_next starttls_unexpected(struct starttls_talk *talk, const char *wanted,
                                       const struct starttls_line *line)
{
    return starttls_wrong(talk, "expected %s, the peer has sent \"%s\"", wanted,
                          starttls_quote(line->text, line->length).text);
}

enum starttls_next starttls_too_early(struct starttls_talk *talk)
{
    return starttls_wrong(talk, "the server has sent more than the reply, before it was asked");
}
