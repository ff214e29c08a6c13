#include "config/file_form.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOKED_AT = 65536 };

/* The content of the SEQUENCE that the bytes begin with, or NULL; *SIZE is then what is left. */
static const unsigned char *inside_sequence(const unsigned char *bytes, size_t *size)
{
    if (*size < 2 || bytes[0] != 0x30)
        return NULL;
    size_t head = 2 + (bytes[1] > 0x80 ? bytes[1] & 0x7fU : 0);
    if (bytes[1] == 0x80 || head > 6 || *size <= head)
        return NULL;
    *size -= head;
    return bytes + head;
}

/* PKCS#12 begins with version 3, a key with 0 or 1, certificates and lists with a sequence. */
static void look_at_der(const unsigned char *bytes, size_t size, struct file_form *form)
{
    static const unsigned char version_3[] = {2, 1, 3};
    const unsigned char *inside = inside_sequence(bytes, &size);
    if (!inside)
        return;
    form->pkcs12 = size >= sizeof(version_3) && memcmp(inside, version_3, sizeof(version_3)) == 0;
    form->der = !form->pkcs12 && (inside[0] == 0x30 || inside[0] == 2);
}

static bool has(const unsigned char *bytes, size_t size, const char *text)
{
    return memmem(bytes, size, text, strlen(text));
}

struct file_form file_form_of(const unsigned char *bytes, size_t size)
{
    struct file_form form = {.key = has(bytes, size, "PRIVATE KEY-----")};
    form.certificate = has(bytes, size, "-----BEGIN CERTIFICATE-----") ||
                       has(bytes, size, "-----BEGIN X509 CERTIFICATE-----") ||
                       has(bytes, size, "-----BEGIN TRUSTED CERTIFICATE-----");
    form.request = !form.certificate && has(bytes, size, "CERTIFICATE REQUEST-----");
    if (!has(bytes, size, "-----BEGIN ")) /* before which any text may stand */
        look_at_der(bytes, size, &form);
    return form;
}

/* What a part of a file shows: the PEM blocks behind it are not known. */
static struct file_form form_of_part(const unsigned char *bytes, size_t size)
{
    struct file_form form = file_form_of(bytes, size);
    form.certificate = form.key = form.request = false;
    return form;
}

static struct file_form read_form(int fd, unsigned char *bytes)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return (struct file_form){.key = false};
    ssize_t size = read(fd, bytes, LOOKED_AT);
    if (size <= 0)
        return (struct file_form){.key = false};
    return size < status.st_size ? form_of_part(bytes, (size_t)size)
                                 : file_form_of(bytes, (size_t)size);
}

/* To open a FIFO and close it would end its writer, and the next to open it would wait for ever. */
static bool is_regular(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

struct file_form file_form_look(const char *path)
{
    struct file_form form = {.key = false};
    unsigned char *bytes = is_regular(path) ? malloc(LOOKED_AT) : NULL;
    int fd = bytes ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
    if (fd >= 0) {
        form = read_form(fd, bytes);
        (void)close(fd);
    }
    if (bytes)
        explicit_bzero(bytes, LOOKED_AT); /* it may be a key */
    free(bytes);
    return form;
}
