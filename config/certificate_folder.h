/* A folder of certificates, as an item of "certificates" may name one. Any thread. */
#ifndef ACTPASS_CONFIG_CERTIFICATE_FOLDER_H
#define ACTPASS_CONFIG_CERTIFICATE_FOLDER_H

#include "config/config.h"
#include "config/error_text.h"

enum { CERTIFICATE_FOLDER_MAX = 10000 }; /* files in one folder */

bool certificate_folder_is(const char *path);

/* The certificates in FOLDER, in the order of their names. Each file there holds a certificate and
 * its chain, but those that begin with a dot or end with one of .key, .ocsp, .issuer, .sctl, ~.
 * The private key is in the same file; else in the file with .key behind its name; else in the one
 * with .key in place of its ending. Folders below are left out. LIST is not changed by a failure.
 * The caller ends it with certificate_folder_free. Returns 0, or an errno: E2BIG for too many. */
struct certificate_folder {
    struct config_certificate *items; /* without server_names */
    size_t count;
};
int certificate_folder_read(const char *folder, struct certificate_folder *list);
/* Has this item of a list a private key? False with error. What cannot be read is found later. */
bool certificate_folder_has_key(const struct config_certificate *item, struct error_text *error);
void certificate_folder_free(struct certificate_folder *list);

#endif
