/* What a /status says. A daemon of another version may lack members, or have others. Pure
 * functions. */
#ifndef ACTPASS_SERVER_COMMANDS_MEMBER_H
#define ACTPASS_SERVER_COMMANDS_MEMBER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* "" and 0: it is not there, or of another type. */
const char *member_text(const cJSON *object, const char *name);
double member_number(const cJSON *object, const char *name);

/* Is it there, and not null? */
bool member_known(const cJSON *object, const char *name);

/* The first item of a list or an object, with more at ->next, and how many there are. */
const cJSON *member_first(const cJSON *object, const char *name);
size_t member_count(const cJSON *object, const char *name);

#endif
