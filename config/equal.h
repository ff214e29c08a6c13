/* Which of many texts are equal: names, addresses and the like that may occur only once. */
#ifndef ACTPASS_CONFIG_EQUAL_H
#define ACTPASS_CONFIG_EQUAL_H

#include "config/messages.h"

struct equal_entry;

/* Begins as {.messages = ...}. */
struct equals {
    struct messages *messages;
    struct equal_entry *entries;
    size_t count, capacity;
};

/* Takes the text; NULL: there was no memory for it. */
void equals_add(struct equals *equals, struct place *place, char *text);

/* Reports all but the first of equal texts, as "WRONG, see LINE:COLUMN", and frees all. */
void equals_report(struct equals *equals, const char *wrong);

#endif
