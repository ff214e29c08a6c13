/* Rows of the tables of options (options.h), by what becomes of an option. */
#ifndef ACTPASS_SERVER_CONVERT_OPTION_ROWS_H
#define ACTPASS_SERVER_CONVERT_OPTION_ROWS_H

#include "server/daemon/convert/options.h"

#define SAME(option, key)                                    \
    {                                                        \
        .name = (option), .fate = OPTION_SAME, .ours = (key) \
    }
#define OTHER(option, key, why)                                                 \
    {                                                                           \
        .name = (option), .fate = OPTION_OTHER, .ours = (key), .remark = (why), \
        .said = OPTION_SAID_BY_CODE                                             \
    }
#define NEEDLESS(option, why)                                      \
    {                                                              \
        .name = (option), .fate = OPTION_NEEDLESS, .remark = (why) \
    }
#define LOST(option, value, key, why)                                                            \
    {                                                                                            \
        .name = (option), .fate = OPTION_LOST, .ours = (key), .remark = (why), .unless = (value) \
    }

#endif
