#include "server/daemon/starttls/imap.h"

#include "server/daemon/starttls/line.h"

#include <string.h>

enum { TAG_MAX = 32 };

/* ---- For a client ---------------------------------------------------------------------------- */

enum server_stage { SERVER_BEGIN, SERVER_GREETED };

#define CAPABILITIES "CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED"

/* A command: tag, space, the rest. */
struct command {
    char tag[TAG_MAX + 1];
    struct starttls_line line; /* behind the tag; its size is that of the whole line */
};

static bool is_tag_byte(char byte)
{
    return byte > ' ' && byte < 0x7f && !strchr("(){%*\"\\+", byte);
}

static bool take_tag(struct command *command, const struct starttls_line *line)
{
    size_t length = 0;
    while (length < line->length && length <= TAG_MAX && is_tag_byte(line->text[length]))
        length++;
    if (length == 0 || length > TAG_MAX || length == line->length || line->text[length] != ' ')
        return false;
    memcpy(command->tag, line->text, length);
    command->tag[length] = '\0';
    command->line = (struct starttls_line){
        .text = line->text + length + 1, .length = line->length - length - 1, .size = line->size};
    return true;
}

static enum starttls_next answer(struct starttls_talk *talk, const struct command *command,
                                 const char *before, const char *text)
{
    (void)starttls_print_answer(talk, "%s%s %s\r\n", before, command->tag, text);
    return starttls_send(talk, command->line.size);
}

static enum starttls_next begin_tls(struct starttls_talk *talk, const struct command *command)
{
    (void)starttls_print_answer(talk, "%s OK Begin TLS negotiation now\r\n", command->tag);
    talk->used = command->line.size;
    return STARTTLS_DONE;
}

static enum starttls_next take_command(struct starttls_talk *talk, const struct command *command)
{
    const struct starttls_line *line = &command->line;
    if (starttls_line_is(line, "STARTTLS"))
        return begin_tls(talk, command);
    if (starttls_line_is(line, "CAPABILITY"))
        return answer(talk, command, "* " CAPABILITIES "\r\n", "OK CAPABILITY completed");
    if (starttls_line_is(line, "NOOP"))
        return answer(talk, command, "", "OK NOOP completed");
    if (!starttls_line_is(line, "LOGOUT"))
        return answer(talk, command, "", "NO [PRIVACYREQUIRED] Begin TLS with STARTTLS first");
    (void)starttls_print_answer(talk, "* BYE\r\n%s OK LOGOUT completed\r\n", command->tag);
    return starttls_without_tls(talk, line->size);
}

static enum starttls_next serve(struct starttls_talk *talk, const unsigned char *input, size_t size)
{
    struct starttls_line line;
    struct command command;
    if (talk->stage == SERVER_BEGIN) {
        talk->stage = SERVER_GREETED;
        (void)starttls_print_answer(talk, "* OK [" CAPABILITIES "] IMAP ready\r\n");
        return starttls_send(talk, 0);
    }
    enum starttls_next next =
        starttls_line_take(talk, &line, input, size, "IMAP", "* BAD Syntax error");
    if (next != STARTTLS_DONE)
        return next;
    return take_tag(&command, &line)
               ? take_command(talk, &command)
               : starttls_answer_line(talk, &line, "* BAD Expected a tag and a command");
}

const struct starttls_protocol starttls_imap_server = {.name = "imap", .read = serve};

/* ---- For a server ---------------------------------------------------------------------------- */

enum client_stage { CLIENT_BEGIN, CLIENT_STARTTLS };

#define TAG "a1"

/* PREAUTH is no greeting for STARTTLS: a client that is authenticated already may not begin TLS,
 * and who can inject it could so keep the client in clear. */
static enum starttls_next take_greeting(struct starttls_talk *talk,
                                        const struct starttls_line *line, size_t size)
{
    if (!starttls_line_has_command(line, "* OK"))
        return starttls_unexpected(talk, "a greeting (* OK)", line);
    if (size > line->size)
        return starttls_too_early(talk);
    talk->stage = CLIENT_STARTTLS;
    return starttls_answer_line(talk, line, TAG " STARTTLS");
}

/* What the server reports before it consents, such as its capabilities, is of no use: it was not
 * sent in TLS. */
static enum starttls_next take_response(struct starttls_talk *talk,
                                        const struct starttls_line *line)
{
    if (starttls_line_has_command(line, "*") && !starttls_line_has_command(line, "* BYE"))
        return starttls_send(talk, line->size);
    if (!starttls_line_has_command(line, TAG " OK"))
        return starttls_unexpected(talk, "consent to STARTTLS (OK)", line);
    talk->used = line->size;
    return STARTTLS_DONE;
}

static enum starttls_next ask_server(struct starttls_talk *talk, const unsigned char *input,
                                     size_t size)
{
    struct starttls_line line;
    enum starttls_next next = starttls_line_take(talk, &line, input, size, "IMAP", "");
    if (next != STARTTLS_DONE)
        return next;
    return talk->stage == CLIENT_BEGIN ? take_greeting(talk, &line, size)
                                       : take_response(talk, &line);
}

const struct starttls_protocol starttls_imap_client = {.name = "imap", .read = ask_server};
