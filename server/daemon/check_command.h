/* The command --check. */
#ifndef ACTPASS_SERVER_CHECK_COMMAND_H
#define ACTPASS_SERVER_CHECK_COMMAND_H

enum check_result { CHECK_GOOD, CHECK_BAD, CHECK_NOT_PRINTED /* stdout cannot be written */ };

enum check_form {
    CHECK_TEXT, /* errors and warnings on stderr, and on stdout what a good configuration does */
    CHECK_JSON  /* all messages as one list of objects on stdout, and nothing else */
};

/* Reports what is wrong with the configuration FILE and with what it names. */
enum check_result check_command(const char *file, enum check_form form);

#endif
