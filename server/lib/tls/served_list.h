/* The certificates that a TLS server has for server names: of files, folders and texts. Constant
 * once loaded. */
#ifndef ACTPASS_SERVER_TLS_SERVED_LIST_H
#define ACTPASS_SERVER_TLS_SERVED_LIST_H

#include "server/lib/sessions/scope.h"
#include "server/lib/tls/identity.h"

enum { CHOICE_TYPES = 8 }; /* of keys: more than OpenSSL has for certificates */

struct choice {
    struct identity identity;
    char *path; /* of the certificate, for messages; NULL: it was in memory */
    int type;   /* of its key: EVP_PKEY_RSA and so on */
    struct config_strings names;
    bool beside_own; /* for all names of our own one, and of another type */
    uint8_t scope[SCOPE_SIZE];
};

struct served_list { /* all zero: empty */
    struct choice *items;
    size_t count;
};

/* Loads all of "certificates". OWN is our own identity, which may hold nothing. The caller ends it
 * with served_list_free, also on failure. False with error: it names the file. */
bool served_list_load(struct served_list *list, const struct config_tls *tls,
                      const struct pem_passphrase *passphrase, const struct identity *own,
                      struct error_text *error);
void served_list_free(struct served_list *list);

#endif
