#include "server/daemon/starttls/smtp.h"

#include "server/daemon/starttls/reply.h"

enum { READY = STARTTLS_REPLY_READY, OK = 250 };

/* ---- For a client ---------------------------------------------------------------------------- */

enum server_stage { SERVER_BEGIN, SERVER_GREETED, SERVER_EHLO };

static const char *name_of(const struct starttls_talk *talk)
{
    return talk->name ? talk->name : "localhost";
}

static enum starttls_next greet(struct starttls_talk *talk)
{
    talk->stage = SERVER_GREETED;
    (void)starttls_print_answer(talk, "220 %s ESMTP\r\n", name_of(talk));
    return starttls_send(talk, 0);
}

static enum starttls_next take_hello(struct starttls_talk *talk, const struct starttls_line *line)
{
    bool extended = starttls_line_begins(line, "EHLO");
    talk->stage = extended ? SERVER_EHLO : SERVER_GREETED;
    (void)starttls_print_answer(talk, extended ? "250-%s\r\n250 STARTTLS\r\n" : "250 %s\r\n",
                                name_of(talk));
    return starttls_send(talk, line->size);
}

static enum starttls_next take_starttls(struct starttls_talk *talk,
                                        const struct starttls_line *line)
{
    if (!starttls_line_is(line, "STARTTLS"))
        return starttls_answer_line(talk, line, "501 5.5.4 STARTTLS takes no parameter");
    if (talk->stage != SERVER_EHLO)
        return starttls_answer_line(talk, line, "503 5.5.1 Send EHLO first");
    return starttls_consent(talk, line, "220 2.0.0 Ready to start TLS");
}

static enum starttls_next take_command(struct starttls_talk *talk, const struct starttls_line *line)
{
    if (starttls_line_has_command(line, "EHLO") || starttls_line_has_command(line, "HELO"))
        return take_hello(talk, line);
    if (starttls_line_has_command(line, "STARTTLS"))
        return take_starttls(talk, line);
    if (starttls_line_has_command(line, "NOOP") || starttls_line_has_command(line, "RSET"))
        return starttls_answer_line(talk, line, "250 2.0.0 OK");
    if (!starttls_line_has_command(line, "QUIT"))
        return starttls_answer_line(talk, line, "530 5.7.0 Must issue a STARTTLS command first");
    (void)starttls_print_answer(talk, "221 2.0.0 Bye\r\n");
    return starttls_without_tls(talk, line->size);
}

static enum starttls_next serve(struct starttls_talk *talk, const unsigned char *input, size_t size)
{
    struct starttls_line line;
    if (talk->stage == SERVER_BEGIN)
        return greet(talk);
    enum starttls_next next =
        starttls_line_take(talk, &line, input, size, "SMTP", "500 5.5.2 Syntax error");
    return next == STARTTLS_DONE ? take_command(talk, &line) : next;
}

const struct starttls_protocol starttls_smtp_server = {.name = "smtp", .read = serve};

/* ---- For a server ---------------------------------------------------------------------------- */

enum client_stage { CLIENT_BEGIN, CLIENT_EHLO, CLIENT_STARTTLS };

/* The client that gets the connection says its own EHLO in TLS; so the name does not matter here,
 * but for its syntax. */
static enum starttls_next ask(struct starttls_talk *talk, const struct starttls_reply *reply,
                              enum client_stage stage, const char *command)
{
    talk->stage = stage;
    (void)starttls_print_answer(talk, "%s\r\n", command);
    return starttls_send(talk, reply->size);
}

static enum starttls_next take_extensions(struct starttls_talk *talk,
                                          const struct starttls_reply *reply)
{
    if (reply->code != OK)
        return starttls_wrong_reply(talk, "a reply to EHLO (250)", reply);
    if (!starttls_reply_has(reply, "STARTTLS"))
        return starttls_wrong(talk, "the server does not offer STARTTLS in its reply to EHLO");
    return ask(talk, reply, CLIENT_STARTTLS, "STARTTLS");
}

static enum starttls_next take_reply(struct starttls_talk *talk, const struct starttls_reply *reply)
{
    switch ((enum client_stage)talk->stage) {
    case CLIENT_BEGIN:
        return reply->code == READY ? ask(talk, reply, CLIENT_EHLO, "EHLO [127.0.0.1]")
                                    : starttls_wrong_reply(talk, "a greeting (220)", reply);
    case CLIENT_EHLO:
        return take_extensions(talk, reply);
    case CLIENT_STARTTLS:
        break;
    }
    if (reply->code != READY)
        return starttls_wrong_reply(talk, "consent to STARTTLS (220)", reply);
    talk->used = reply->size;
    return STARTTLS_DONE;
}

static enum starttls_next ask_server(struct starttls_talk *talk, const unsigned char *input,
                                     size_t size)
{
    struct starttls_reply reply;
    enum starttls_next next = starttls_reply_take(talk, STARTTLS_REPLIES_SMTP, &reply, input, size);
    if (next != STARTTLS_DONE)
        return next;
    if (talk->stage != CLIENT_STARTTLS && size > reply.size)
        return starttls_too_early(talk);
    return take_reply(talk, &reply);
}

const struct starttls_protocol starttls_smtp_client = {.name = "smtp", .read = ask_server};
