/* Lists of messages: the errors and warnings of a load. */
#ifndef ACTPASS_SERVER_LINES_H
#define ACTPASS_SERVER_LINES_H

#include "config/config.h"

/* Appends a formatted line; control characters are escaped, and a long line is cut. Free the list
 * with config_report_free. If memory is short, the line is left out. */
void lines_add(struct config_strings *list, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Writes the lines to stderr while there is no log: as they are, or, with a FORMAT that programs
 * read, as lines of a log with event=configuration. */
void lines_print(const struct config_strings *lines, enum config_log_level level,
                 enum config_log_format format);

/* All lines as one text, each with a newline, which the caller frees. NULL: out of memory. */
char *lines_join(const struct config_strings *lines);

#endif
