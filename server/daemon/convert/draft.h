/* Our configuration as it grows: JSON with comments, and what is to be said about it. A member
 * named "//" is a comment. Memory that is short is noted, and draft_end reports it. For one
 * thread. */
#ifndef ACTPASS_SERVER_CONVERT_DRAFT_H
#define ACTPASS_SERVER_CONVERT_DRAFT_H

#include "server/daemon/convert/options.h"
#include "server/daemon/convert/settings.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Whether files that a configuration names may be looked at. */
enum draft_files { DRAFT_NO_FILES, DRAFT_FILES };

struct draft {
    cJSON *root, *services;
    FILE *said; /* errors, and what is lost, a line each */
    enum draft_files files;
    size_t lost, errors;
    bool no_memory;
};

/* False: out of memory; draft_free is due all the same. */
bool draft_begin(struct draft *draft, FILE *said, enum draft_files files);
void draft_free(struct draft *draft);

/* Our JSON with its comments, which the caller frees. NULL: memory was short at some time. */
char *draft_text_of(struct draft *draft);

/* A new item of "services". NULL is fine for all functions below. */
cJSON *draft_service(struct draft *draft, const char *name);

/* The object of that name in OBJECT, made where there is none. */
cJSON *draft_object(struct draft *draft, cJSON *object, const char *name);

/* Values: a text, in which nothing is a variable; a number; true. */
void draft_text(struct draft *draft, cJSON *object, const char *name, const char *text);
void draft_number(struct draft *draft, cJSON *object, const char *name, double number);
void draft_true(struct draft *draft, cJSON *object, const char *name);

/* One more text in the list of that name, which is made where there is none. */
void draft_item(struct draft *draft, cJSON *object, const char *name, const char *text);
/* One more object. */
cJSON *draft_item_object(struct draft *draft, cJSON *object, const char *name);

/* A comment that is about no setting. */
__attribute__((format(printf, 3, 4))) void draft_comment(struct draft *draft, cJSON *object,
                                                         const char *format, ...);

/* Says in a comment of OBJECT what becomes of a setting, and where it is lost or refused, also in
 * SAID. OPTION is the setting's. */
__attribute__((format(printf, 6, 7))) void
draft_remark(struct draft *draft, cJSON *object, const struct convert_option *option,
             const struct setting *setting, enum option_fate fate, const char *format, ...);

/* Says in comments of OBJECT what OPTIONS say about each setting of the section itself. */
void draft_say_all(struct draft *draft, const struct convert_option *options, cJSON *object,
                   const struct section *section);

/* Says about the last setting of that name what becomes of it: TEXT, or what OPTIONS say (NULL). */
void draft_say(struct draft *draft, const struct convert_option *options, cJSON *object,
               const struct section *section, const char *name, enum option_fate fate,
               const char *text);

/* What is wrong with the other program's configuration. Nothing is written then. Returns false. */
__attribute__((format(printf, 3, 4))) bool
draft_error(struct draft *draft, const struct setting_place *place, const char *format, ...);

#endif
