/* A position in a text, and the first fault found there. */
#ifndef ACTPASS_CONFIG_POSITION_H
#define ACTPASS_CONFIG_POSITION_H

#include "config/error_text.h"

/* Both from 1; columns count characters, not bytes. Line 0: the file as a whole. FILE is its number
 * in the origin. */
struct position {
    unsigned line, column, file;
};

/* The first thing that is wrong; nothing after it can be trusted. */
struct fault {
    struct position at;
    struct error_text error;
};

#endif
