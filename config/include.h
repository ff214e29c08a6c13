/* "include": a folder with files of more services. */
#ifndef ACTPASS_CONFIG_INCLUDE_H
#define ACTPASS_CONFIG_INCLUDE_H

#include "config/messages.h"

/* Reads the files that ROOT's "include" names, in the order of their names, adds them to the
 * origin, and moves their services behind those of ROOT. Services keep their own file for messages
 * and paths. Files are those whose names end in .json or .jsonc and do not begin with a dot. */
void include_read(struct messages *messages, struct place *root);

#endif
