/* Are the named files there, and are the secret ones private? */
#include "config/check.h"
#include "config/file_form.h"
#include "config/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Looks without opening, since opening a FIFO would use it up. */
static bool look(struct messages *messages, struct place *place, const char *path, int access,
                 struct stat *status)
{
    char text[128];
    if (stat(path, status) == 0 && faccessat(AT_FDCWD, path, access, AT_EACCESS) == 0)
        return true;
    messages_error_at(messages, place, "%s cannot be read: %s", path,
                      strerror_r(errno, text, sizeof(text)));
    return false;
}

static bool look_at_file(struct messages *messages, struct place *place, const char *path,
                         const char *wanted, struct stat *status)
{
    if (!look(messages, place, path, R_OK, status))
        return false;
    if (S_ISDIR(status->st_mode))
        messages_error_at(messages, place, "%s is a directory; %s is expected", path, wanted);
    return !S_ISDIR(status->st_mode);
}

static void check_private(struct messages *messages, struct place *place, const char *path,
                          const char *secret, const struct stat *status)
{
    const char *others = private_file_open_to(status);
    if (others)
        messages_error_at(messages, place, "%s holds %s, and %s may read or write it: chmod 600 %s",
                          path, secret, others, path);
}

bool check_file(struct messages *messages, struct place *place, const char *path,
                const char *wanted)
{
    struct stat status;
    return look_at_file(messages, place, path, wanted, &status);
}

void check_secret_file(struct messages *messages, struct place *place, const char *path,
                       const char *secret, const char *wanted)
{
    struct stat status;
    if (look_at_file(messages, place, path, wanted, &status))
        check_private(messages, place, path, secret, &status);
}

void check_secret(struct messages *messages, struct place *place, const char *name,
                  const char *secret, const char *wanted)
{
    if (strncmp(name, CONFIG_CREDENTIAL, strlen(CONFIG_CREDENTIAL)) != 0)
        check_secret_file(messages, place, name, secret, wanted);
}

void check_folder(struct messages *messages, struct place *place, const char *path)
{
    struct stat status;
    if (!look(messages, place, path, F_OK, &status))
        return;
    if (S_ISDIR(status.st_mode))
        (void)look(messages, place, path, R_OK | X_OK, &status);
    else
        messages_error_at(messages, place, "%s is not a directory; a folder is expected", path);
}

/* Is the file in a form that other programs take? KIND is openssl's command for what it holds. True
 * if it was reported. */
static bool is_other_form(struct messages *messages, struct place *place, const char *path,
                          const char *kind)
{
    const struct file_form form = file_form_look(path);
    if (form.pkcs12)
        messages_error_at(messages, place,
                          "%s is a PKCS#12 file: openssl pkcs12 -in %s -noenc -out NEW makes a PEM "
                          "file with key and certificate",
                          path, path);
    else if (form.der)
        messages_error_at(messages, place,
                          "%s is in DER form: openssl %s -inform DER -in %s -out NEW makes a PEM "
                          "file",
                          path, kind, path);
    return form.pkcs12 || form.der;
}

enum key_file { KEY_APART, KEY_BESIDE /* in the certificate's file */ };

/* True if something was reported. */
static bool is_no_certificate(struct messages *messages, struct place *place, const char *path,
                              enum key_file key_file)
{
    const struct file_form form = file_form_look(path);
    if (form.request)
        messages_error_at(messages, place,
                          "%s holds a certificate request: give the certificate that a CA has made "
                          "of it",
                          path);
    else if (form.key && !form.certificate)
        messages_error_at(messages, place,
                          "%s holds a private key and no certificate: give the file with the "
                          "certificate, and this one as \"key\"",
                          path);
    else if (form.certificate && !form.key && key_file == KEY_BESIDE)
        messages_error_at(messages, place,
                          "%s holds no private key: name the file with the key in \"key\"", path);
    else
        return is_other_form(messages, place, path, "x509");
    return true;
}

static bool is_no_key(struct messages *messages, struct place *place, const char *path)
{
    const struct file_form form = file_form_look(path);
    if (form.key || !form.certificate)
        return is_other_form(messages, place, path, "pkey");
    messages_error_at(messages, place,
                      "%s holds a certificate and no private key: give the file with the key",
                      path);
    return true;
}

static bool are_exchanged(struct messages *messages, struct place *certificate_place,
                          struct place *key_place, const char *certificate, const char *key)
{
    const struct file_form form = file_form_look(certificate);
    const struct file_form other = file_form_look(key);
    if (!form.key || form.certificate || !other.certificate || other.key)
        return false;
    messages_error_at(messages, certificate_place,
                      "%s holds a private key, and the file of \"key\" a certificate: exchange the "
                      "two",
                      certificate);
    key_place->bad = true; /* the one error says it */
    return true;
}

static void check_own_file(struct messages *messages, struct place *place, const char *path,
                           enum key_file key_file)
{
    if (is_no_certificate(messages, place, path, key_file))
        return;
    if (key_file == KEY_APART)
        (void)check_file(messages, place, path, "a PEM file");
    else
        check_secret_file(messages, place, path, "a private key", "a PEM file");
}

static void check_passphrase(struct messages *messages, struct place *place, const char *file,
                             const struct place *certificate)
{
    if (place && !certificate)
        messages_error_at_key(messages, place, "needs \"certificate\" beside it");
    else if (place && file)
        check_secret(messages, place, file, "a passphrase", "a file with a passphrase");
}

/* What OpenSSL's own store opens: file:PATH, file:///PATH or a path. Another store has no file of
 * this name. */
static void check_store_file(struct messages *messages, struct place *place, const char *uri)
{
    struct stat status;
    const char *path = uri;
    if (strncmp(path, "file:", strlen("file:")) == 0)
        path += strlen("file:");
    if (strncmp(path, "//localhost/", strlen("//localhost/")) == 0)
        path += strlen("//localhost");
    const struct file_form form = file_form_look(path);
    if ((form.key || form.pkcs12) && stat(path, &status) == 0)
        check_private(messages, place, path, "a private key", &status);
}

static void check_store(struct messages *messages, struct place *place, const char *uri)
{
    if (strstr(uri, "pin-value="))
        messages_warning_at(messages, place,
                            "holds the PIN, which whoever reads this file can use: write the PIN "
                            "to a file, name that in \"key_passphrase_file\", and leave out "
                            "pin-value");
    check_store_file(messages, place, uri);
}

static void check_key(struct messages *messages, struct place *place, const char *key)
{
    if (strncmp(key, CONFIG_STORE, strlen(CONFIG_STORE)) == 0)
        check_store(messages, place, key + strlen(CONFIG_STORE));
    else if (!is_no_key(messages, place, key))
        check_secret_file(messages, place, key, "a private key", "a PEM file");
}

void check_key_pair(struct messages *messages, struct place *place,
                    const struct config_certificate *files)
{
    const char *certificate = files->certificate, *key = files->key;
    struct place *certificate_place =
        cJSON_IsString(place->item) ? place : place_find(place, "certificate");
    struct place *key_place = place_find(place, "key");
    check_passphrase(messages, place_find(place, "key_passphrase_file"), files->key_passphrase_file,
                     certificate_place);
    if (certificate && key && key_place &&
        are_exchanged(messages, certificate_place, key_place, certificate, key))
        return;
    if (key && key_place)
        check_key(messages, key_place, key);
    if (certificate)
        check_own_file(messages, certificate_place, certificate,
                       key_place ? KEY_APART : KEY_BESIDE);
}

static void check_list_file(struct messages *messages, const struct place *outer, const char *name,
                            const char *path, const char *kind)
{
    struct place *place = path ? place_find(outer, name) : NULL;
    if (place && check_file(messages, place, path, "a PEM file"))
        (void)is_other_form(messages, place, path, kind);
}

void check_tls_files(struct messages *messages, struct place *place, const struct config_tls *tls)
{
    const struct config_certificate own = {.certificate = tls->certificate,
                                           .key = tls->key,
                                           .key_passphrase_file = tls->key_passphrase_file};
    check_key_pair(messages, place, &own);
    check_list_file(messages, place, "ca", tls->ca, "x509");
    check_list_file(messages, place, "crl", tls->crl, "crl");
}

/* At each start, --check and reload. */
static void warn_of_key_log(const struct checked_service *checked)
{
    const char *path = checked->service->connection.tls.insecure_key_log;
    struct place *place = path ? place_find(checked->tls, "insecure_key_log") : NULL;
    if (place)
        messages_warning_at(checked->messages, place,
                            "the secrets of all connections are written to %s, and whoever reads "
                            "it can decrypt them: remove this key when it is not needed any more",
                            path);
}

void check_files(const struct checked_service *checked)
{
    struct messages *messages = checked->messages;
    const struct config_tls *tls = &checked->service->connection.tls;
    check_tls_files(messages, checked->tls, tls);
    warn_of_key_log(checked);
    if (tls->ocsp_response)
        (void)check_file(messages, place_find(checked->tls, "ocsp_response"), tls->ocsp_response,
                         "a DER file");
    const char *password = tls->sessions.password_file;
    if (password)
        check_secret(messages, place_find(checked->tls, "sessions_password_file"), password,
                     "a password", "a file with a password");
    if (tls->sessions.ca)
        (void)check_file(messages, place_find(checked->tls, "sessions_ca"), tls->sessions.ca,
                         "a PEM file");
    if (tls->session_key_file)
        check_secret_file(messages, place_find(checked->tls, "session_key_file"),
                          tls->session_key_file, "the keys of sessions", "a file with keys");
}
