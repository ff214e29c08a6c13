/* The step "starttls": the clear part of a protocol, until both sides have agreed to begin TLS. */
#include "server/daemon/preface/preface.h"

#include "server/daemon/starttls/table.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TLS_HANDSHAKE = 0x16 };

/* preface->state. */
struct dialog {
    const struct starttls_protocol *protocol;
    struct starttls_talk talk;
    enum starttls_next next; /* what follows when the answer is sent */
    size_t sent;             /* of the answer */
    bool started;
    char name[HOST_NAME_MAX + 1]; /* ours, if we are the server */
};

/* ---- Whom it concerns ------------------------------------------------------------------------ */

/* NULL: nobody. */
static const struct starttls_protocol *protocol_of(const struct config_service *config)
{
    return starttls_talk_of(config->starttls, config->connection.role);
}

static bool wanted(const struct preface *preface)
{
    return protocol_of(preface->config);
}

/* The name of the server that we talk with; NULL: not known. */
static const char *peer_name_of(const struct config_tls *tls)
{
    if (tls->server_name)
        return tls->server_name;
    for (size_t i = 0; i < tls->peer_names.count; i++)
        if (tls->peer_names.items[i].kind == CONFIG_NAME_DNS)
            return tls->peer_names.items[i].text;
    return NULL;
}

/* That of this machine. */
static const char *own_name(struct dialog *dialog)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    if (gethostname(dialog->name, sizeof(dialog->name)) != 0)
        return NULL;
    dialog->name[sizeof(dialog->name) - 1] = '\0';
    bool valid = dialog->name[0] != '\0' && dialog->name[strspn(dialog->name, allowed)] == '\0';
    return valid ? dialog->name : NULL;
}

/* NULL after preface_fail. */
static struct dialog *dialog_of(struct preface *preface)
{
    struct dialog *dialog = preface->state;
    if (dialog)
        return dialog;
    dialog = preface->state = calloc(1, sizeof(*dialog));
    if (!dialog) {
        (void)preface_fail(preface, ACTPASS_CANCELLED, "out of memory for STARTTLS");
        return NULL;
    }
    const struct config_connection *connection = &preface->config->connection;
    dialog->protocol = protocol_of(preface->config);
    dialog->talk.protocol = dialog->protocol;
    dialog->talk.name =
        connection->role == CONFIG_ROLE_CLIENT ? peer_name_of(&connection->tls) : own_name(dialog);
    dialog->next = STARTTLS_SEND;
    return dialog;
}

/* ---- Input ----------------------------------------------------------------------------------- */

static enum preface_next fail(struct preface *preface, const char *why)
{
    const struct dialog *dialog = preface->state;
    return preface_fail(preface, ACTPASS_PROTOCOL, "starttls (%s): %s", dialog->protocol->name,
                        why);
}

/* What is there is no whole line, or the like. */
static enum preface_next wait_for_more(struct preface *preface, size_t size)
{
    return preface_has_ended(preface, size) ? fail(preface, "the peer has closed before TLS")
                                            : PREFACE_WAITS;
}

/* Nothing that came before TLS may be taken for something that came in it (CVE-2011-0411,
 * CVE-2021-38371), so a peer that tries that is refused. */
static enum preface_next fail_behind(struct preface *preface)
{
    return fail(preface, "the peer has sent more behind the command that begins TLS, or behind its "
                         "answer; was something inserted?");
}

/* Lets the protocol read what is there. PREFACE_DONE: there is an answer to send, perhaps empty. */
static enum preface_next read_input(struct preface *preface)
{
    struct dialog *dialog = preface->state;
    unsigned char input[STARTTLS_INPUT_MAX];
    ssize_t size = dialog->started ? preface_peek(preface, input, sizeof(input)) : 0;
    if (size < 0 || (size == 0 && dialog->started))
        return size < 0 ? PREFACE_FAILED : PREFACE_WAITS;
    dialog->started = true;
    dialog->sent = 0;
    dialog->next = dialog->protocol->read(&dialog->talk, input, (size_t)size);
    switch (dialog->next) {
    case STARTTLS_MORE:
        return wait_for_more(preface, (size_t)size);
    case STARTTLS_WRONG:
        return PREFACE_DONE;
    case STARTTLS_SEND:
    case STARTTLS_DONE:
    case STARTTLS_DIRECT:
        break;
    }
    if (dialog->next == STARTTLS_DONE && (size_t)size > dialog->talk.used)
        return fail_behind(preface);
    return preface_take(preface, dialog->talk.used) ? PREFACE_DONE : PREFACE_FAILED;
}

/* ---- Output ---------------------------------------------------------------------------------- */

/* PREFACE_DONE: all of the answer is sent. */
static enum preface_next send_answer(struct preface *preface)
{
    struct dialog *dialog = preface->state;
    const struct starttls_answer *answer = &dialog->talk.answer;
    while (dialog->sent < answer->size) {
        ssize_t sent =
            preface_send(preface, answer->bytes + dialog->sent, answer->size - dialog->sent);
        if (sent < 0)
            return PREFACE_FAILED;
        dialog->sent += (size_t)sent;
        if (sent == 0) {
            preface->events = POLLOUT;
            return PREFACE_WAITS;
        }
    }
    return PREFACE_DONE;
}

/* A peer that begins with TLS wants another port. */
static enum preface_next fail_wrong(struct preface *preface)
{
    struct dialog *dialog = preface->state;
    unsigned char first = 0;
    preface->in_order = dialog->talk.answer.size > 0;
    if (recv(preface->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && first == TLS_HANDSHAKE)
        return fail(preface, "the peer begins with TLS at once, which is for a service without "
                             "\"starttls\"");
    return fail(preface, dialog->talk.why.text);
}

static enum preface_next run(struct preface *preface)
{
    struct dialog *dialog = dialog_of(preface);
    enum preface_next next = dialog ? PREFACE_DONE : PREFACE_FAILED;
    while (next == PREFACE_DONE) {
        next = send_answer(preface);
        if (next != PREFACE_DONE)
            return next;
        switch (dialog->next) {
        case STARTTLS_DIRECT:
            preface->alpn_wanted = dialog->protocol->name;
            return PREFACE_DONE;
        case STARTTLS_DONE:
            return PREFACE_DONE;
        case STARTTLS_WRONG:
            return fail_wrong(preface);
        case STARTTLS_SEND:
        case STARTTLS_MORE:
            next = read_input(preface);
        }
    }
    return next;
}

const struct preface_step preface_starttls = {
    .name = "starttls", .wanted = wanted, .run = run, .release = free};
