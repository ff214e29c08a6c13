#include "server/lib/sessions/keyring.h"

#include "config/private_file.h"
#include "relay/clock.h"
#include "relay/lock.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LOOK_EVERY_US = 1000000 };

struct keyring {
    char *file;           /* NULL: a random key */
    pthread_mutex_t lock; /* guards what follows; no file is read under it */
    struct key_set *keys;
    struct stat seen; /* the file as it was last read */
    int64_t looked_us;
    bool bad; /* it could not be used when it was last read */
};

/* ---- One key ------------------------------------------------------------------------------ */

static bool derive(const uint8_t key[KEYRING_KEY], const char *use, uint8_t *out, size_t size)
{
    EVP_PKEY_CTX *kdf = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    bool done = kdf && EVP_PKEY_derive_init(kdf) > 0 &&
                EVP_PKEY_CTX_set_hkdf_md(kdf, EVP_sha256()) > 0 &&
                EVP_PKEY_CTX_set1_hkdf_key(kdf, key, KEYRING_KEY) > 0 &&
                EVP_PKEY_CTX_add1_hkdf_info(kdf, (const uint8_t *)use, (int)strlen(use)) > 0 &&
                EVP_PKEY_derive(kdf, out, &size) > 0;
    EVP_PKEY_CTX_free(kdf);
    return done;
}

static bool set_key(struct session_key *made, const uint8_t key[KEYRING_KEY])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    if (EVP_Digest(key, KEYRING_KEY, digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    memcpy(made->id, digest, KEYRING_ID);
    return derive(key, "actpass session seal", made->seal, sizeof(made->seal)) &&
           derive(key, "actpass ticket name", made->ticket_name, sizeof(made->ticket_name)) &&
           derive(key, "actpass ticket cipher", made->ticket_cipher, sizeof(made->ticket_cipher)) &&
           derive(key, "actpass ticket mac", made->ticket_mac, sizeof(made->ticket_mac));
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool from_hex(const char *text, uint8_t key[KEYRING_KEY])
{
    for (size_t i = 0; i < KEYRING_KEY; i++) {
        int high = digit(text[2 * i]);
        int low = high < 0 ? -1 : digit(text[2 * i + 1]);
        if (low < 0)
            return false;
        key[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* ---- The file ----------------------------------------------------------------------------- */

static bool add_line(struct key_set *keys, const char *file, int number, char *line,
                     struct error_text *error)
{
    uint8_t key[KEYRING_KEY];
    size_t length = strcspn(line, " \t\r\n");
    if (line[0] == '#' || line[strspn(line, " \t\r\n")] == '\0')
        return true;
    bool alone = line[length + strspn(line + length, " \t\r\n")] == '\0';
    if (length != (size_t)2 * KEYRING_KEY || !alone || !from_hex(line, key))
        return error_set(error,
                         "session_key_file %s, line %d: a key is 64 hex digits: make one with "
                         "openssl rand -hex 32",
                         file, number);
    if (keys->count == KEYRING_MAX)
        return error_set(error, "session_key_file %s has more than %d keys: remove the oldest",
                         file, KEYRING_MAX);
    bool set = set_key(&keys->keys[keys->count++], key);
    OPENSSL_cleanse(key, sizeof(key));
    return set || error_set(error, "out of memory for session_key_file");
}

/* Skips the rest of a comment that is too long for the buffer, so that it is not read as a line
 * with a key. Another line that is too long is made invalid. */
static void skip_rest(FILE *in, char *line)
{
    int c = 0;
    if (strchr(line, '\n') || feof(in))
        return;
    if (line[0] != '#')
        memcpy(line, "?", sizeof("?"));
    while (line[0] == '#' && c != '\n' && c != EOF)
        c = getc(in);
}

static bool read_lines(FILE *in, const char *file, struct key_set *keys, struct error_text *error)
{
    char line[256];
    bool fine = true;
    for (int number = 1; fine && fgets(line, sizeof(line), in); number++) {
        skip_rest(in, line);
        fine = add_line(keys, file, number, line, error);
    }
    OPENSSL_cleanse(line, sizeof(line));
    if (fine && ferror(in))
        return error_set(error, "session_key_file %s cannot be read: %s", file, strerror(errno));
    if (fine && keys->count == 0)
        return error_set(error, "session_key_file %s has no key: add one with openssl rand -hex 32",
                         file);
    return fine;
}

/* NULL with error. */
static FILE *open_file(const char *file, struct stat *seen, struct error_text *error)
{
    FILE *in = fopen(file, "re");
    bool open = in && fstat(fileno(in), seen) == 0;
    const char *others = open ? private_file_open_to(seen) : NULL;
    if (!open)
        error_set(error, "session_key_file %s cannot be read: %s", file, strerror(errno));
    else if (others)
        error_set(error,
                  "session_key_file %s holds secrets, and %s may read or write it: chmod 600 %s",
                  file, others, file);
    else
        return in;
    if (in)
        fclose(in);
    return NULL;
}

static bool read_file(const char *file, struct key_set *keys, struct stat *seen,
                      struct error_text *error)
{
    FILE *in = open_file(file, seen, error);
    if (!in)
        return false;
    char buffer[4096]; /* ours, so that no keys stay in freed memory */
    setvbuf(in, buffer, _IOFBF, sizeof(buffer));
    bool fine = read_lines(in, file, keys, error);
    fclose(in);
    OPENSSL_cleanse(buffer, sizeof(buffer));
    return fine;
}

static bool make_random(struct key_set *keys, struct error_text *error)
{
    uint8_t key[KEYRING_KEY];
    keys->count = 1;
    bool made = RAND_priv_bytes(key, sizeof(key)) == 1 && set_key(&keys->keys[0], key);
    OPENSSL_cleanse(key, sizeof(key));
    return made || error_set(error, "OpenSSL has no random key for sessions: %s", openssl_reason());
}

/* NULL with error. */
static struct key_set *make_keys(const char *file, struct stat *seen, struct error_text *error)
{
    struct key_set *keys = OPENSSL_zalloc(sizeof(*keys));
    if (!keys) {
        error_set(error, "out of memory for the keys of sessions");
        return NULL;
    }
    atomic_init(&keys->references, 1);
    if (file ? read_file(file, keys, seen, error) : make_random(keys, error))
        return keys;
    key_set_release(keys);
    return NULL;
}

/* ---- The ring ----------------------------------------------------------------------------- */

void key_set_release(struct key_set *keys)
{
    if (keys && atomic_fetch_sub(&keys->references, 1) == 1)
        OPENSSL_clear_free(keys, sizeof(*keys));
}

struct key_set *keyring_hold(struct keyring *keyring)
{
    lock_take(&keyring->lock);
    struct key_set *keys = keyring->keys;
    atomic_fetch_add(&keys->references, 1);
    lock_release(&keyring->lock);
    return keys;
}

struct keyring *keyring_new(const char *file, struct error_text *error)
{
    struct keyring *keyring = calloc(1, sizeof(*keyring));
    if (!keyring)
        goto out;
    keyring->file = file ? strdup(file) : NULL;
    if ((file && !keyring->file) || pthread_mutex_init(&keyring->lock, NULL))
        goto out_file;
    keyring->looked_us = clock_now_us();
    keyring->keys = make_keys(file, &keyring->seen, error);
    if (keyring->keys)
        return keyring;
    keyring_free(keyring);
    return NULL;
out_file:
    free(keyring->file);
    free(keyring);
out:
    error_set(error, "out of memory for the keys of sessions");
    return NULL;
}

void keyring_free(struct keyring *keyring)
{
    if (!keyring)
        return;
    key_set_release(keyring->keys);
    pthread_mutex_destroy(&keyring->lock);
    free(keyring->file);
    free(keyring);
}

bool keyring_reload(struct keyring *keyring, struct error_text *error)
{
    struct stat seen;
    if (!keyring->file)
        return true;
    struct key_set *made = make_keys(keyring->file, &seen, error);
    lock_take(&keyring->lock);
    keyring->bad = !made;
    struct key_set *before = made ? keyring->keys : NULL;
    if (made) {
        keyring->keys = made;
        keyring->seen = seen;
    }
    lock_release(&keyring->lock);
    key_set_release(before);
    return made;
}

static bool same_file(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino &&
           one->st_size == other->st_size && one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
           one->st_mtim.tv_nsec == other->st_mtim.tv_nsec;
}

bool keyring_refresh(struct keyring *keyring, struct error_text *error)
{
    struct stat now;
    int64_t now_us = clock_now_us();
    if (!keyring->file)
        return true;
    lock_take(&keyring->lock);
    bool look = now_us - keyring->looked_us >= LOOK_EVERY_US;
    bool again = keyring->bad;
    struct stat seen = keyring->seen;
    if (look)
        keyring->looked_us = now_us; /* other threads go on with the current keys */
    lock_release(&keyring->lock);
    if (!look || (stat(keyring->file, &now) == 0 && same_file(&now, &seen) && !again))
        return true;
    return keyring_reload(keyring, error);
}
