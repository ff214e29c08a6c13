#include "server/lib/tls/passphrase.h"

#include "server/lib/base/secret.h"

#include <openssl/crypto.h>
#include <string.h>

_Static_assert(SECRET_MAX <= PEM_BUFSIZE, "there is room for the passphrase of a file");

static int read_file(struct passphrase *passphrase)
{
    struct secret secret;
    if (!secret_read(&secret, passphrase->source->file, "passphrase", &passphrase->problem))
        return -1;
    memcpy(passphrase->text, secret.text, secret.size);
    int size = (int)secret.size;
    secret_wipe(&secret);
    return size;
}

static void ask(struct passphrase *passphrase)
{
    const struct pem_passphrase *source = passphrase->source;
    int size = -1;
    passphrase->asked = true;
    passphrase->size = -1;
    if (source->file)
        size = read_file(passphrase);
    else if (source->call)
        size =
            source->call(passphrase->key, passphrase->text, sizeof(passphrase->text), source->arg);
    if (size >= 0 && (size_t)size <= sizeof(passphrase->text))
        passphrase->size = size;
}

/* Replaces OpenSSL's callback, which asks on the terminal. */
int passphrase_give(char *buffer, int size, int writing, void *arg)
{
    struct passphrase *passphrase = arg;
    (void)writing;
    if (!passphrase->asked)
        ask(passphrase);
    if (passphrase->size < 0 || passphrase->size > size)
        return -1;
    memcpy(buffer, passphrase->text, (size_t)passphrase->size);
    return passphrase->size;
}

void passphrase_forget(struct passphrase *passphrase)
{
    OPENSSL_cleanse(passphrase->text, sizeof(passphrase->text));
}

bool passphrase_was_missing(const struct passphrase *passphrase, const char *remedy,
                            struct error_text *error)
{
    const struct pem_passphrase *source = passphrase->source;
    if (!passphrase->asked || passphrase->size >= 0)
        return false;
    if (source->file)
        error_set(error, "key %s is protected by a passphrase, and its file cannot be used: %s",
                  passphrase->shown.text, passphrase->problem.text);
    else if (source->call)
        error_set(error, "key %s is protected by a passphrase, and the callback gave none",
                  passphrase->shown.text);
    else
        error_set(error, "key %s is protected by a passphrase: %s", passphrase->shown.text, remedy);
    return true;
}

void passphrase_report_wrong(const struct passphrase *passphrase, struct error_text *error)
{
    if (passphrase->source->file)
        error_set_code(error, ERROR_PASSPHRASE,
                       "key %s cannot be decrypted: the passphrase in %s is wrong",
                       passphrase->shown.text, passphrase->source->file);
    else
        error_set_code(error, ERROR_PASSPHRASE,
                       "key %s cannot be decrypted: the passphrase that the callback gave is wrong",
                       passphrase->shown.text);
}
