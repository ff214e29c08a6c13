/* Packets between the daemon and its spawner. */
#include "server/daemon/spawner/message.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2];
static struct message sent, got;

static void setup(void)
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

static void teardown(void)
{
    close(ends[0]);
    close(ends[1]);
}

TestSuite(message, .init = setup, .fini = teardown);

Test(message, what_is_sent_is_received)
{
    int descriptor;
    message_begin(&sent, MESSAGE_LINE, 7);
    sent.number = 3;
    message_set_text(&sent, "hello");
    cr_assert_eq(message_send(ends[0], &sent, -1, 0), 0);
    cr_assert_eq(message_receive(ends[1], &got, &descriptor, 0), 0);
    cr_assert_eq(descriptor, -1);
    cr_assert_eq(got.kind, MESSAGE_LINE);
    cr_assert_eq(got.id, 7);
    cr_assert_eq(got.number, 3);
    cr_assert_str_eq(got.text, "hello");
    cr_assert_eq(message_receive(ends[1], &got, &descriptor, MSG_DONTWAIT), EAGAIN);
}

Test(message, a_descriptor_goes_along_and_closes_at_execve)
{
    int descriptor;
    message_begin(&sent, MESSAGE_START, 1);
    cr_assert_eq(message_send(ends[0], &sent, STDERR_FILENO, 0), 0);
    cr_assert_eq(message_receive(ends[1], &got, &descriptor, 0), 0);
    cr_assert_gt(descriptor, STDERR_FILENO);
    cr_assert_eq(fcntl(descriptor, F_GETFD), FD_CLOEXEC);
    close(descriptor);
}

Test(message, a_long_text_is_cut_off)
{
    static char text[2 * MESSAGE_TEXT_MAX];
    int descriptor;
    memset(text, 'x', sizeof(text) - 1);
    message_begin(&sent, MESSAGE_FAILED, 1);
    message_set_text(&sent, text);
    cr_assert_eq(message_send(ends[0], &sent, -1, 0), 0);
    cr_assert_eq(message_receive(ends[1], &got, &descriptor, 0), 0);
    cr_assert_eq(strlen(got.text), MESSAGE_TEXT_MAX - 1);
}

/* Each is dropped, with the descriptor that came along, and the next one is taken. */
Test(message, what_is_none_is_dropped)
{
    static const char zero[sizeof(struct message) + 100];
    static struct message wrong_kind = {.kind = MESSAGE_KINDS}, wrong_size = {.size = 5};
    const struct {
        const void *bytes;
        size_t size;
    } rows[] = {{"x", 1},
                {zero, 8},
                {zero, offsetof(struct message, text) + 1},
                {zero, sizeof(zero)},
                {&wrong_kind, offsetof(struct message, text)},
                {&wrong_size, offsetof(struct message, text) + 4}};
    int descriptor;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert_eq(send(ends[0], rows[i].bytes, rows[i].size, 0), (ssize_t)rows[i].size);
        cr_assert_eq(message_receive(ends[1], &got, &descriptor, 0), EPROTO, "%zu", i);
        cr_assert_eq(descriptor, -1);
    }
    message_begin(&sent, MESSAGE_COMMIT, 0);
    cr_assert_eq(message_send(ends[0], &sent, -1, 0), 0);
    cr_assert_eq(message_receive(ends[1], &got, &descriptor, 0), 0);
}

Test(message, the_end_of_the_other_side)
{
    int descriptor;
    cr_assert_eq(shutdown(ends[0], SHUT_WR), 0);
    cr_assert_eq(message_receive(ends[1], &got, &descriptor, 0), EPIPE);
    cr_assert_eq(shutdown(ends[1], SHUT_RD), 0);
    message_begin(&sent, MESSAGE_END, 1);
    cr_assert_eq(message_send(ends[0], &sent, -1, 0), EPIPE);
}
