/* Is the place of a file store ours alone? Any thread. */
#ifndef ACTPASS_SERVER_SESSIONS_FILE_PLACE_H
#define ACTPASS_SERVER_SESSIONS_FILE_PLACE_H

#include "server/lib/base/error.h"

/* LMDB opens PATH and PATH-lock by name, follows links, and is killed by SIGBUS when somebody cuts
 * a file that it has mapped. Therefore:
 *   - the folder, those above it and links on the way to it belong to us or to root, and nobody
 * else may write to them; above the folder, the sticky bit will do, as /tmp has it
 *   - each of the two files is missing or a regular file (no link) of ours or of root, and private
 *     (config/private_file.h)
 * While that holds, nobody else can put another file in its place. False with a whole sentence in
 * error. */
bool file_place_is_safe(const char *path, struct tls_error *error);

#endif
