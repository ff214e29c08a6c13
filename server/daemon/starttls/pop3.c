#include "server/daemon/starttls/pop3.h"

#include "server/daemon/starttls/line.h"

/* ---- For a client ---------------------------------------------------------------------------- */

enum server_stage { SERVER_BEGIN, SERVER_GREETED };

static enum starttls_next take_command(struct starttls_talk *talk, const struct starttls_line *line)
{
    if (starttls_line_is(line, "STLS"))
        return starttls_consent(talk, line, "+OK Begin TLS");
    if (starttls_line_is(line, "CAPA"))
        return starttls_answer_line(talk, line, "+OK\r\nSTLS\r\n.");
    if (!starttls_line_is(line, "QUIT"))
        return starttls_answer_line(talk, line, "-ERR Begin TLS with STLS first");
    (void)starttls_print_answer(talk, "+OK Bye\r\n");
    return starttls_without_tls(talk, line->size);
}

/* The greeting has no timestamp, so clients do not try APOP, which needs that of the server behind
 * us. */
static enum starttls_next serve(struct starttls_talk *talk, const unsigned char *input, size_t size)
{
    struct starttls_line line;
    if (talk->stage == SERVER_BEGIN) {
        talk->stage = SERVER_GREETED;
        (void)starttls_print_answer(talk, "+OK POP3 ready\r\n");
        return starttls_send(talk, 0);
    }
    enum starttls_next next =
        starttls_line_take(talk, &line, input, size, "POP3", "-ERR Syntax error");
    return next == STARTTLS_DONE ? take_command(talk, &line) : next;
}

const struct starttls_protocol starttls_pop3_server = {.name = "pop3", .read = serve};

/* ---- For a server ---------------------------------------------------------------------------- */

enum client_stage { CLIENT_BEGIN, CLIENT_STLS };

static enum starttls_next take_greeting(struct starttls_talk *talk,
                                        const struct starttls_line *line, size_t size)
{
    if (!starttls_line_has_command(line, "+OK"))
        return starttls_unexpected(talk, "a greeting (+OK)", line);
    if (size > line->size)
        return starttls_too_early(talk);
    talk->stage = CLIENT_STLS;
    return starttls_answer_line(talk, line, "STLS");
}

static enum starttls_next ask_server(struct starttls_talk *talk, const unsigned char *input,
                                     size_t size)
{
    struct starttls_line line;
    enum starttls_next next = starttls_line_take(talk, &line, input, size, "POP3", "");
    if (next != STARTTLS_DONE)
        return next;
    if (talk->stage == CLIENT_BEGIN)
        return take_greeting(talk, &line, size);
    if (!starttls_line_has_command(&line, "+OK"))
        return starttls_unexpected(talk, "consent to STLS (+OK)", &line);
    talk->used = line.size;
    return STARTTLS_DONE;
}

const struct starttls_protocol starttls_pop3_client = {.name = "pop3", .read = ask_server};
