/* Can other users replace the files of a file store? Any thread. */
#ifndef ACTPASS_SERVER_SESSIONS_FILE_PLACE_H
#define ACTPASS_SERVER_SESSIONS_FILE_PLACE_H

#include "server/lib/base/error.h"

/* LMDB opens PATH and PATH-lock by name, follows links, and dies of SIGBUS if a file that it has
 * mapped is truncated. Therefore the place is safe only if:
 *   - the folder, those above it and links on the way to it belong to us or to root, and no other
 *     user may write to them; above the folder, the sticky bit is enough, as in /tmp
 *   - each of the two files is missing or a regular file (no link) of ours or of root, and private
 *     (config/private_file.h)
 * Then no other user can put another file in its place. False with a whole sentence in error. */
bool file_place_is_safe(const char *path, struct error_text *error);

#endif
