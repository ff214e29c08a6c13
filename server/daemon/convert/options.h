/* The options of another program, and what becomes of each: the table that the converter follows
 * and that `actpass convert --options` prints. Constant. */
#ifndef ACTPASS_SERVER_CONVERT_OPTIONS_H
#define ACTPASS_SERVER_CONVERT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum option_fate {
    OPTION_SAME,     /* a key of ours means the same */
    OPTION_OTHER,    /* a key of ours means nearly the same: a comment says what differs */
    OPTION_NEEDLESS, /* nothing is lost without it: a comment says why */
    OPTION_LOST,     /* there is no counterpart: a comment says so, and the exit status */
    OPTION_REFUSED   /* what has it cannot be converted */
};

enum option_said {
    OPTION_SAID_ALWAYS, /* the comment is written wherever the option is */
    OPTION_SAID_BY_CODE /* only where the code that converts it says so */
};

struct convert_option {
    const char *name; /* as the other program's manual writes it */
    enum option_fate fate;
    const char *ours;   /* our keys, for people; NULL: none */
    const char *remark; /* one sentence without its full stop; NULL only with OPTION_SAME */
    const char *unless; /* a value with which there is nothing to say, such as the default; NULL */
    enum option_said said;
    bool secret; /* the value is shown nowhere */
    bool flag;   /* on a command line: it takes no value */
};

/* The tables end with an option without a name. */
extern const struct convert_option stunnel_options[], hitch_options[], ghostunnel_options[];

/* The option of that name; case does not count. NULL: there is none. */
const struct convert_option *option_find(const struct convert_option *options, const char *name);

/* The name that was probably meant, or NULL. */
const char *option_nearest(const struct convert_option *options, const char *name);

/* Is there something to say wherever the option has this value? */
bool option_is_said(const struct convert_option *option, const char *value);

/* Writes the table in Markdown. Errors of the stream are left to the caller. */
void options_print(FILE *out, const struct convert_option *options);

#endif
