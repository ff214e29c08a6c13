#include "server/daemon/starttls/greeting.h"

#include "server/daemon/starttls/reply.h"

#include <string.h>

enum starttls_next starttls_greeting_say(struct starttls_talk *talk, const unsigned char *input,
                                         size_t size)
{
    (void)input, (void)size;
    const char *text = talk->protocol->greeting;
    talk->used = 0;
    starttls_set_answer(talk, text, strlen(text));
    return STARTTLS_DONE;
}

enum starttls_next starttls_greeting_read_line(struct starttls_talk *talk,
                                               const unsigned char *input, size_t size)
{
    struct starttls_line line;
    enum starttls_next next = starttls_line_take(talk, &line, input, size, "a greeting", "");
    if (next != STARTTLS_DONE)
        return next;
    if (!starttls_line_has_command(&line, talk->protocol->greeting))
        return starttls_unexpected(talk, "a greeting", &line);
    talk->used = line.size;
    return STARTTLS_DONE;
}

static enum starttls_next read_reply(struct starttls_talk *talk, enum starttls_replies replies,
                                     const unsigned char *input, size_t size)
{
    struct starttls_reply reply;
    enum starttls_next next = starttls_reply_take(talk, replies, &reply, input, size);
    if (next != STARTTLS_DONE)
        return next;
    if (reply.code != STARTTLS_REPLY_READY)
        return starttls_wrong_reply(talk, "a greeting (220)", &reply);
    talk->used = reply.size;
    return STARTTLS_DONE;
}

enum starttls_next starttls_greeting_read_smtp(struct starttls_talk *talk,
                                               const unsigned char *input, size_t size)
{
    return read_reply(talk, STARTTLS_REPLIES_SMTP, input, size);
}

enum starttls_next starttls_greeting_read_ftp(struct starttls_talk *talk,
                                              const unsigned char *input, size_t size)
{
    return read_reply(talk, STARTTLS_REPLIES_FTP, input, size);
}
