/* The commands that ask a running actpass: `actpass status`, `actpass top`, `actpass reload`. */
#ifndef ACTPASS_SERVER_COMMANDS_COMMANDS_H
#define ACTPASS_SERVER_COMMANDS_COMMANDS_H

/* Runs a command, whose name is argv[0]. Messages go to stderr. Returns the exit status. */
typedef int command_function(int argc, char **argv);

/* The command of that name. NULL: there is none, and the word is a file's name. */
command_function *commands_find(const char *name);

command_function status_command, top_command, reload_command;

#endif
