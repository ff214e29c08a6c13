/* Stores a value under a key of the table, after the key's own checks: for the reader of JSON and
 * for the setters of the C API, so that both accept the same values and give the same reasons. */
#ifndef ACTPASS_CONFIG_KEY_SET_H
#define ACTPASS_CONFIG_KEY_SET_H

#include "config/config.h"
#include "config/error_text.h"
#include "config/keys.h"

/* All: BASE is the structure that the key's object fills. False with the error, to be put behind
 * the key's name ("must not be empty"); then nothing has changed. The
 * code is ERROR_NO_MEMORY if the value could not be stored for lack of memory. */

/* Replaces the string, path or address, or adds to the list of strings, names or pins. */
bool key_set_text(const struct key *key, const char *text, void *base, struct error_text *error);

/* An INTEGER, or a DURATION in milliseconds or CONFIG_NEVER. */
bool key_set_number(const struct key *key, int64_t number, void *base, struct error_text *error);

/* Parses an address as the key wants it. NULL, or what is wrong (a static string); then the address
 * is empty. */
const char *key_parse_address(const struct key *key, const char *text,
                              struct config_address *address);

/* Is the text a path, and not the key's word or of its scheme? */
bool key_is_path(const struct key *key, const char *text);

/* Frees what the key's value holds, and empties it. */
void key_release(const struct key *key, void *base);
void key_release_all(const struct key_object *object, void *base); /* every key of the object */

/* NULL, or what is wrong with any text of ours: it is empty or holds control characters. */
const char *key_wrong_text(const char *text);

#endif
