/* JSON with comments (JSONC), laid out for people. Pure function. */
#ifndef ACTPASS_SERVER_CONVERT_WRITE_H
#define ACTPASS_SERVER_CONVERT_WRITE_H

#include <cjson/cJSON.h>

#define WRITE_COMMENT "//" /* the name of a member that is a comment */

/* The text of an object, in which each member named "//" is a comment before the next member. The
 * caller frees it. NULL: out of memory. */
char *write_jsonc(const cJSON *root);

#endif
