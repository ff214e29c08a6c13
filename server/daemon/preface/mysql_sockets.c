/* The two sockets of the step "starttls" of MySQL. */
#include "server/daemon/preface/mysql_sockets.h"

#include "server/daemon/handlers/hangup.h"
#include "server/lib/base/would_block.h"

#include <errno.h>
#include <string.h>

enum preface_next mysql_fail(struct preface *preface, const char *whose, const char *why)
{
    return preface_fail(preface, ACTPASS_PROTOCOL, "starttls (mysql): %s%s", whose, why);
}

static int other_of(const struct preface *preface)
{
    return preface->dialed ? preface->plain : preface->backend;
}

const char *mysql_other_name(const struct preface *preface)
{
    return preface->dialed ? "the local client: " : "the backend: ";
}

enum preface_next mysql_wait_for_other(struct preface *preface, short events)
{
    preface->own = (struct pollfd){.fd = other_of(preface), .events = events};
    return PREFACE_WAITS;
}

ssize_t mysql_peek_other(struct preface *preface, void *bytes, size_t size)
{
    ssize_t length = recv(other_of(preface), bytes, size, MSG_PEEK | MSG_DONTWAIT);
    if (length > 0)
        return length;
    if (length < 0 && would_block()) {
        (void)mysql_wait_for_other(preface, POLLIN | POLLRDHUP);
        return 0;
    }
    (void)mysql_fail(preface, mysql_other_name(preface),
                     length < 0 ? strerror(errno) : "it has closed before TLS");
    return -1;
}

ssize_t mysql_send_other(struct preface *preface, const void *bytes, size_t size)
{
    ssize_t length = send(other_of(preface), bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (length >= 0)
        return length;
    if (would_block()) {
        (void)mysql_wait_for_other(preface, POLLOUT | POLLRDHUP);
        return 0;
    }
    (void)mysql_fail(preface, mysql_other_name(preface), strerror(errno));
    return -1;
}

enum preface_next mysql_wait_for_more_of_other(struct preface *preface, size_t size)
{
    return hangup_is_behind(other_of(preface), size)
               ? mysql_fail(preface, mysql_other_name(preface), "it has closed before TLS")
               : mysql_wait_for_other(preface, POLLIN | POLLRDHUP);
}

enum preface_next mysql_wait_for_more_of_peer(struct preface *preface, size_t size)
{
    return preface_has_ended(preface, size)
               ? mysql_fail(preface, "the peer: ", "it has closed before TLS")
               : PREFACE_WAITS;
}

enum preface_next mysql_look_at_peer(struct preface *preface)
{
    char byte;
    if (!hangup_is_there(preface->fd))
        return PREFACE_WAITS;
    if (preface_peek(preface, &byte, 1) >= 0) /* it has said something, and does not wait for us */
        (void)preface_fail(preface, ACTPASS_TRUNCATED,
                           "starttls (mysql): the peer has closed "
                           "before TLS");
    return PREFACE_FAILED;
}

enum preface_next mysql_look_at_other(struct preface *preface)
{
    return hangup_is_there(other_of(preface))
               ? mysql_fail(preface, mysql_other_name(preface), "it has closed before TLS")
               : PREFACE_WAITS;
}
