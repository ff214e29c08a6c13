/* The program of "exec", and the folder that it begins in: are they there? Whether its user may
 * execute it is seen by the daemon, which knows users. */
#include "config/check.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { MODE_EXECUTE = S_IXUSR | S_IXGRP | S_IXOTH };

static void check_program(struct messages *messages, struct place *place, const char *path)
{
    struct stat status;
    char reason[128];
    if (path[0] != '/')
        messages_error_at(messages, place,
                          "must be the absolute path of a program, which begins with \"/\", since "
                          "PATH is not searched");
    else if (stat(path, &status) != 0)
        messages_error_at(messages, place, "%s cannot be run: %s", path,
                          strerror_r(errno, reason, sizeof(reason)));
    else if (!S_ISREG(status.st_mode) || (status.st_mode & MODE_EXECUTE) == 0)
        messages_error_at(messages, place, "%s is not a program: nobody may execute it (chmod +x)",
                          path);
}

static void check_here(struct messages *messages, struct place *place, const char *path)
{
    struct stat status;
    if (place && !place->bad && (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)))
        messages_error_at(messages, place, "%s is not a folder", path);
}

/* The "exec" in PLACE, if there is one. */
static void check_one(const struct checked_service *checked, const struct place *place,
                      const struct config_exec *exec)
{
    struct place *here = place_find(place, "exec");
    struct place *command = place_find(here, "command");
    struct place *group = place_find(here, "group");
    if (command && command->child && !command->child->bad && exec->command.count > 0)
        check_program(checked->messages, command->child, exec->command.items[0]);
    if (exec->folder)
        check_here(checked->messages, place_find(here, "folder"), exec->folder);
    if (group && !place_find(here, "user"))
        messages_error_at_key(checked->messages, group, "only goes with \"user\", remove it");
}

void check_exec(const struct checked_service *checked)
{
    const struct config_service *service = checked->service;
    const struct config_route *route = service->routes;
    const struct place *list = route ? place_find(checked->place, "routes") : NULL;
    check_one(checked, checked->place, &service->as_server.exec);
    check_one(checked, place_find(checked->place, "as_server"), &service->as_server.exec);
    check_one(checked, place_find(checked->place, "as_client"), &service->as_client.exec);
    for (const struct place *child = list ? list->child : NULL; child; child = child->next, route++)
        check_one(checked, child, &route->handler.exec);
}
