/* STARTTLS of SMTP, IMAP, POP3 and FTP: what is answered to which bytes, however they are split. */
#include "server/daemon/starttls/ftp.h"
#include "server/daemon/starttls/imap.h"
#include "server/daemon/starttls/line.h"
#include "server/daemon/starttls/pop3.h"
#include "server/daemon/starttls/smtp.h"
#include "server/daemon/starttls/table.h"
#include "tests/support/starttls_talk.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

struct row {
    const char *input;
    const char *sent; /* all that is answered */
    enum starttls_next next;
    const char *why; /* STARTTLS_WRONG: a part of it */
};

static void check(const struct starttls_protocol *protocol, const struct row *row, size_t step)
{
    struct starttls_result result =
        starttls_talk_read(protocol, "mx.example", row->input, strlen(row->input), step);
    cr_assert_eq(result.next, row->next, "%s: %d, %s", row->input, (int)result.next,
                 result.talk.why.text);
    cr_assert_str_eq((const char *)result.sent, row->sent, "%s", row->input);
    if (row->next == STARTTLS_DONE)
        cr_assert_eq(result.used, strlen(row->input), "%s", row->input);
    if (row->next == STARTTLS_WRONG)
        cr_assert(strstr(result.talk.why.text, row->why), "%s: %s", row->input,
                  result.talk.why.text);
}

static void check_all(const struct starttls_protocol *protocol, const struct row *rows,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(protocol, &rows[i], 1);
}

/* ---- The server's part ----------------------------------------------------------------------- */

#define SMTP_HELLO "220 mx.example ESMTP\r\n"
#define SMTP_EHLO "250-mx.example\r\n250 STARTTLS\r\n"
#define SMTP_READY "220 2.0.0 Ready to start TLS\r\n"
#define SMTP_FIRST "530 5.7.0 Must issue a STARTTLS command first\r\n"

static const struct row smtp_server[] = {
    {"", SMTP_HELLO, STARTTLS_MORE, NULL},
    {"EHLO a\r\nSTARTTLS\r\n", SMTP_HELLO SMTP_EHLO SMTP_READY, STARTTLS_DONE, NULL},
    {"ehlo a\r\nNoop\r\nstarttls\r\n", SMTP_HELLO SMTP_EHLO "250 2.0.0 OK\r\n" SMTP_READY,
     STARTTLS_DONE, NULL},
    {"HELO a\r\nSTARTTLS\r\n", SMTP_HELLO "250 mx.example\r\n503 5.5.1 Send EHLO first\r\n",
     STARTTLS_MORE, NULL},
    {"EHLO a\r\nSTARTTLS now\r\n", SMTP_HELLO SMTP_EHLO "501 5.5.4 STARTTLS takes no parameter\r\n",
     STARTTLS_MORE, NULL},
    {"EHLO a\r\nMAIL FROM:<a@b>\r\nSTARTTLSX\r\n", SMTP_HELLO SMTP_EHLO SMTP_FIRST SMTP_FIRST,
     STARTTLS_MORE, NULL},
    {"QUIT\r\n", SMTP_HELLO "221 2.0.0 Bye\r\n", STARTTLS_WRONG, "without beginning TLS"},
    {"EHLO a\n", SMTP_HELLO "500 5.5.2 Syntax error\r\n", STARTTLS_WRONG, "CR LF"},
    {"EHLO a\rSTARTTLS\r\n", SMTP_HELLO "500 5.5.2 Syntax error\r\n", STARTTLS_WRONG, "CR LF"},
    {"EHLO \x1b\r\n", SMTP_HELLO "500 5.5.2 Syntax error\r\n", STARTTLS_WRONG, "no line of SMTP"},
};

#define IMAP_CAPABILITY "CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED"
#define IMAP_HELLO "* OK [" IMAP_CAPABILITY "] IMAP ready\r\n"

static const struct row imap_server[] = {
    {"a STARTTLS\r\n", IMAP_HELLO "a OK Begin TLS negotiation now\r\n", STARTTLS_DONE, NULL},
    {"A.1 capability\r\nA.2 noop\r\n",
     IMAP_HELLO "* " IMAP_CAPABILITY "\r\nA.1 OK CAPABILITY completed\r\nA.2 OK NOOP completed\r\n",
     STARTTLS_MORE, NULL},
    {"a LOGIN me {5}\r\n", IMAP_HELLO "a NO [PRIVACYREQUIRED] Begin TLS with STARTTLS first\r\n",
     STARTTLS_MORE, NULL},
    {"a+ STARTTLS\r\nSTARTTLS\r\n",
     IMAP_HELLO "* BAD Expected a tag and a command\r\n* BAD Expected a tag and a command\r\n",
     STARTTLS_MORE, NULL},
    {"abcdefghijklmnopqrstuvwxyz0123456 NOOP\r\n",
     IMAP_HELLO "* BAD Expected a tag and a command\r\n", STARTTLS_MORE, NULL},
    {"a LOGOUT\r\n", IMAP_HELLO "* BYE\r\na OK LOGOUT completed\r\n", STARTTLS_WRONG,
     "without beginning TLS"},
};

#define POP3_HELLO "+OK POP3 ready\r\n"

static const struct row pop3_server[] = {
    {"CAPA\r\nSTLS\r\n", POP3_HELLO "+OK\r\nSTLS\r\n.\r\n+OK Begin TLS\r\n", STARTTLS_DONE, NULL},
    {"USER me\r\n", POP3_HELLO "-ERR Begin TLS with STLS first\r\n", STARTTLS_MORE, NULL},
    {"quit\r\n", POP3_HELLO "+OK Bye\r\n", STARTTLS_WRONG, "without beginning TLS"},
    {"\r\r\n", POP3_HELLO "-ERR Syntax error\r\n", STARTTLS_WRONG, "no line of POP3"},
};

#define FTP_HELLO "220 FTP server ready.\r\n"

static const struct row ftp_server[] = {
    {"AUTH SSL\r\nauth tls\r\n", FTP_HELLO "504 Only AUTH TLS is supported.\r\n234 Begin TLS.\r\n",
     STARTTLS_DONE, NULL},
    {"FEAT\r\nAUTH TLS-C\r\n",
     FTP_HELLO "211-Features:\r\n AUTH TLS\r\n211 End\r\n234 Begin TLS.\r\n", STARTTLS_DONE, NULL},
    {"USER me\r\n", FTP_HELLO "530 Begin TLS with AUTH TLS first.\r\n", STARTTLS_MORE, NULL},
    {"QUIT\r\n", FTP_HELLO "221 Goodbye.\r\n", STARTTLS_WRONG, "without beginning TLS"},
};

Test(starttls, for_a_client)
{
    check_all(&starttls_smtp_server, smtp_server, COUNT(smtp_server));
    check_all(&starttls_imap_server, imap_server, COUNT(imap_server));
    check_all(&starttls_pop3_server, pop3_server, COUNT(pop3_server));
    check_all(&starttls_ftp_server, ftp_server, COUNT(ftp_server));
}

/* ---- The client's part ----------------------------------------------------------------------- */

#define EHLO "EHLO [127.0.0.1]\r\n"

static const struct row smtp_client[] = {
    {"220 mx ESMTP\r\n250 STARTTLS\r\n", EHLO, STARTTLS_WRONG, "does not offer STARTTLS"},
    {"220-mx\r\n220 ESMTP\r\n250-mx\r\n250-SIZE\r\n250-starttls\r\n250 HELP\r\n220 go\r\n",
     EHLO "STARTTLS\r\n", STARTTLS_DONE, NULL},
    {"220\r\n250-mx\r\n250 STARTTLS\r\n454 no\r\n", EHLO "STARTTLS\r\n", STARTTLS_WRONG,
     "consent to STARTTLS (220), the peer has sent \"454 no\""},
    {"220 mx\r\n250-mx\r\n250-STARTTLSX\r\n250 XSTARTTLS\r\n", EHLO, STARTTLS_WRONG,
     "does not offer STARTTLS"},
    {"220 mx\r\n502 no\r\n", EHLO, STARTTLS_WRONG, "a reply to EHLO (250)"},
    {"554 go\x80 \"away\"\r\n", "", STARTTLS_WRONG, "the peer has sent \"554 go? ?away?\""},
    {"220-mx\r\n221 mx\r\n", "", STARTTLS_WRONG, "no reply of SMTP"},
    {"220-mx\r\nmore\r\n220 mx\r\n", "", STARTTLS_WRONG, "no reply of SMTP"},
    {"220x\r\n", "", STARTTLS_WRONG, "no reply of SMTP"},
    {"620 mx\r\n", "", STARTTLS_WRONG, "no reply of SMTP"},
    {"22\r\n", "", STARTTLS_WRONG, "no reply of SMTP"},
    {"220 mx\n", "", STARTTLS_WRONG, "no reply of SMTP"},
};

static const struct row imap_client[] = {
    {"* OK hello\r\n* CAPABILITY IMAP4rev1\r\na1 OK go\r\n", "a1 STARTTLS\r\n", STARTTLS_DONE,
     NULL},
    {"* PREAUTH hello\r\n", "", STARTTLS_WRONG, "a greeting (* OK)"},
    {"* OKAY\r\n", "", STARTTLS_WRONG, "a greeting (* OK)"},
    {"* OK\r\na1 NO no\r\n", "a1 STARTTLS\r\n", STARTTLS_WRONG, "consent to STARTTLS"},
    {"* OK\r\na2 OK\r\n", "a1 STARTTLS\r\n", STARTTLS_WRONG, "consent to STARTTLS"},
    {"* OK\r\n* BYE\r\n", "a1 STARTTLS\r\n", STARTTLS_WRONG, "consent to STARTTLS"},
    {"* OK\r\n+ go\r\n", "a1 STARTTLS\r\n", STARTTLS_WRONG, "consent to STARTTLS"},
};

static const struct row pop3_client[] = {
    {"+OK hello <1@a>\r\n+OK\r\n", "STLS\r\n", STARTTLS_DONE, NULL},
    {"+OKAY\r\n", "", STARTTLS_WRONG, "a greeting (+OK)"},
    {"+OK\r\n-ERR no\r\n", "STLS\r\n", STARTTLS_WRONG, "consent to STLS"},
};

static const struct row ftp_client[] = {
    {"220-hello\r\n220 -\r\n", "AUTH TLS\r\n", STARTTLS_MORE, NULL},
    {"220-hello\r\n   221 text\r\n\r\n220 hello\r\n234 go\r\n", "AUTH TLS\r\n", STARTTLS_DONE,
     NULL},
    {"120 soon\r\n220 hello\r\n234-go\r\n234 on\r\n", "AUTH TLS\r\n", STARTTLS_DONE, NULL},
    {"220 hello\r\n220 go\r\n", "AUTH TLS\r\n", STARTTLS_WRONG, "consent to AUTH TLS"},
    {"hello\r\n", "", STARTTLS_WRONG, "no reply of FTP"},
};

Test(starttls, for_a_server)
{
    check_all(&starttls_smtp_client, smtp_client, COUNT(smtp_client));
    check_all(&starttls_imap_client, imap_client, COUNT(imap_client));
    check_all(&starttls_pop3_client, pop3_client, COUNT(pop3_client));
    check_all(&starttls_ftp_client, ftp_client, COUNT(ftp_client));
}

/* What is inserted behind a reply, in one piece with it. */
Test(starttls, a_server_that_answers_before_it_is_asked)
{
    static const struct row row = {"220 a\r\n250-a\r\n250 STARTTLS\r\n220 go\r\n", "",
                                   STARTTLS_WRONG, "before it was asked"};
    static const struct row pop3 = {"+OK\r\n+OK\r\n", "", STARTTLS_WRONG, "before it was asked"};
    check(&starttls_smtp_client, &row, 1000);
    check(&starttls_pop3_client, &pop3, 1000);
}

/* ---- The plain side -------------------------------------------------------------------------- */

Test(starttls, each_has_a_greeting_that_its_own_plain_server_may_say)
{
    for (enum config_starttls kind = CONFIG_STARTTLS_SMTP; kind <= CONFIG_STARTTLS_FTP; kind++) {
        const struct starttls_kind *found = starttls_kind_of(kind);
        struct starttls_result said = starttls_talk_read(found->plain_as_client, NULL, "", 0, 1);
        cr_assert_eq(said.next, STARTTLS_DONE);
        const struct row row = {(const char *)said.sent, "", STARTTLS_DONE, NULL};
        check(found->plain_as_server, &row, 1);
        check(found->plain_as_server, &row, 1000);
    }
}

Test(starttls, a_plain_server_that_refuses)
{
    static const struct row rows[] = {
        {"554 no\r\n", "", STARTTLS_WRONG, "a greeting"},
        {"+OK\r\n", "", STARTTLS_WRONG, "no reply of"},
    };
    static const struct row lines[] = {{"* PREAUTH\r\n", "", STARTTLS_WRONG, "a greeting"}};
    check_all(starttls_plain_talk(CONFIG_STARTTLS_SMTP, CONFIG_ROLE_SERVER), rows, COUNT(rows));
    check_all(starttls_plain_talk(CONFIG_STARTTLS_FTP, CONFIG_ROLE_SERVER), rows, COUNT(rows));
    check_all(starttls_plain_talk(CONFIG_STARTTLS_IMAP, CONFIG_ROLE_SERVER), lines, COUNT(lines));
    check_all(starttls_plain_talk(CONFIG_STARTTLS_POP3, CONFIG_ROLE_SERVER), lines, COUNT(lines));
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

/* A text of COUNT times the UNIT, which the caller frees. */
static char *repeat(const char *unit, size_t count)
{
    size_t length = strlen(unit);
    char *text = malloc(count * length + 1);
    cr_assert_not_null(text);
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * length, unit, length);
    text[count * length] = '\0';
    return text;
}

static void check_ends(const struct starttls_protocol *protocol, const char *unit)
{
    char *text = repeat(unit, 2 * STARTTLS_INPUT_MAX / strlen(unit));
    struct starttls_result result = starttls_talk_read(protocol, NULL, text, strlen(text), 100);
    cr_assert_eq(result.next, STARTTLS_WRONG, "%s", unit);
    cr_assert_lt(result.used, 2 * STARTTLS_INPUT_MAX);
    free(text);
}

Test(starttls, a_peer_that_never_ends)
{
    static const struct starttls_protocol *const all[] = {
        &starttls_smtp_server, &starttls_imap_server, &starttls_pop3_server, &starttls_ftp_server,
        &starttls_smtp_client, &starttls_imap_client, &starttls_pop3_client, &starttls_ftp_client};
    for (size_t i = 0; i < COUNT(all); i++) {
        check_ends(all[i], "x");
        check_ends(all[i], "NOOP\r\n");
        check_ends(all[i], "220-x\r\n");
        check_ends(all[i], "* OK\r\n");
        check_ends(all[i], "120 x\r\n");
    }
}

Test(starttls, the_longest_line)
{
    struct starttls_line line;
    char *text = repeat("x", STARTTLS_LINE_MAX);
    memcpy(text + STARTTLS_LINE_MAX - 2, "\r\n", 2);
    const unsigned char *bytes = (const unsigned char *)text;
    cr_assert_eq(starttls_line_read(&line, bytes, STARTTLS_LINE_MAX), STARTTLS_LINE_OK);
    cr_assert_eq(line.length, STARTTLS_LINE_MAX - 2);
    cr_assert_eq(starttls_line_read(&line, bytes, STARTTLS_LINE_MAX - 1), STARTTLS_LINE_MORE);
    memcpy(text + STARTTLS_LINE_MAX - 2, "x\r", 2);
    cr_assert_eq(starttls_line_read(&line, bytes, STARTTLS_LINE_MAX), STARTTLS_LINE_WRONG);
    free(text);
}
