/* Where things are: what each process needs of the system, and which folder stands for a file. */
#ifndef ACTPASS_SERVER_SANDBOX_PLACES_H
#define ACTPASS_SERVER_SANDBOX_PLACES_H

#include "server/daemon/sandbox/paths.h"

/* Each adds to the paths; those that are not there are left out. False: out of memory. */

/* What the C library and OpenSSL read while they run. */
bool places_add_system(struct paths *paths);

/* What the resolver of host names reads. */
bool places_add_resolver(struct paths *paths);

/* What the C library reads to find users and groups. */
bool places_add_accounts(struct paths *paths);

/* The certificates that the system trusts. */
bool places_add_trust(struct paths *paths);

/* Exactly this file or folder. */
bool places_add_exactly(struct paths *paths, const char *path, unsigned access);

/* A file or folder that a configuration names. For a file the folders that it is in are added, as
 * named and behind symbolic links, since a file that is exchanged is another file there. Of a
 * folder that belongs to many, such as /etc, only the file is added. */
bool places_add_named(struct paths *paths, const char *path, unsigned access);

/* Does the folder, an absolute path, hold what belongs to many? */
bool places_is_shared(const char *folder);

#endif
