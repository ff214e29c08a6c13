#include "server/daemon/starttls/ftp.h"

#include "server/daemon/starttls/reply.h"

enum { DELAYED = 120, READY = STARTTLS_REPLY_READY, ACCEPTED = 234 };

/* ---- For a client ---------------------------------------------------------------------------- */

enum server_stage { SERVER_BEGIN, SERVER_GREETED };

/* AUTH SSL, which never was a standard, would protect the data connections as well, and these are
 * not ours. Clients that try it go on with AUTH TLS. */
static enum starttls_next take_auth(struct starttls_talk *talk, const struct starttls_line *line)
{
    if (starttls_line_is(line, "AUTH TLS") || starttls_line_is(line, "AUTH TLS-C"))
        return starttls_consent(talk, line, "234 Begin TLS.");
    return starttls_answer_line(talk, line, "504 Only AUTH TLS is supported.");
}

static enum starttls_next take_command(struct starttls_talk *talk, const struct starttls_line *line)
{
    if (starttls_line_has_command(line, "AUTH"))
        return take_auth(talk, line);
    if (starttls_line_is(line, "FEAT"))
        return starttls_answer_line(talk, line, "211-Features:\r\n AUTH TLS\r\n211 End");
    if (starttls_line_is(line, "NOOP"))
        return starttls_answer_line(talk, line, "200 OK.");
    if (!starttls_line_is(line, "QUIT"))
        return starttls_answer_line(talk, line, "530 Begin TLS with AUTH TLS first.");
    (void)starttls_print_answer(talk, "221 Goodbye.\r\n");
    return starttls_without_tls(talk, line->size);
}

static enum starttls_next serve(struct starttls_talk *talk, const unsigned char *input, size_t size)
{
    struct starttls_line line;
    if (talk->stage == SERVER_BEGIN) {
        talk->stage = SERVER_GREETED;
        (void)starttls_print_answer(talk, "220 FTP server ready.\r\n");
        return starttls_send(talk, 0);
    }
    enum starttls_next next =
        starttls_line_take(talk, &line, input, size, "FTP", "500 Syntax error.");
    return next == STARTTLS_DONE ? take_command(talk, &line) : next;
}

const struct starttls_protocol starttls_ftp_server = {.name = "ftp", .read = serve};

/* ---- For a server ---------------------------------------------------------------------------- */

enum client_stage { CLIENT_BEGIN, CLIENT_AUTH };

static enum starttls_next take_greeting(struct starttls_talk *talk,
                                        const struct starttls_reply *reply)
{
    if (reply->code != READY && reply->code != DELAYED)
        return starttls_wrong_reply(talk, "a greeting (220)", reply);
    if (reply->code == READY) {
        talk->stage = CLIENT_AUTH;
        (void)starttls_print_answer(talk, "AUTH TLS\r\n");
    }
    return starttls_send(talk, reply->size);
}

static enum starttls_next ask_server(struct starttls_talk *talk, const unsigned char *input,
                                     size_t size)
{
    struct starttls_reply reply;
    enum starttls_next next = starttls_reply_take(talk, STARTTLS_REPLIES_FTP, &reply, input, size);
    if (next != STARTTLS_DONE)
        return next;
    if (talk->stage != CLIENT_AUTH && reply.code != DELAYED && size > reply.size)
        return starttls_too_early(talk);
    if (talk->stage == CLIENT_BEGIN)
        return take_greeting(talk, &reply);
    if (reply.code != ACCEPTED)
        return starttls_wrong_reply(talk, "consent to AUTH TLS (234)", &reply);
    talk->used = reply.size;
    return STARTTLS_DONE;
}

const struct starttls_protocol starttls_ftp_client = {.name = "ftp", .read = ask_server};
