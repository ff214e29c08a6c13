#include "server/daemon/commands/commands.h"

#include <stddef.h>
#include <string.h>

command_function *commands_find(const char *name)
{
    static const struct {
        const char *name;
        command_function *run;
    } commands[] = {{"status", status_command}, {"top", top_command}, {"reload", reload_command}};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run;
    return NULL;
}
