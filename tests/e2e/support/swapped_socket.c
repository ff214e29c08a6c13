/* Preloaded into a program under test: who gets a socket's file puts a link to $VICTIM in its
 * place, at the first moment that he can. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

typedef int change_owner(const char *, uid_t, gid_t);

int lchown(const char *path, uid_t owner, gid_t group)
{
    change_owner *next = (change_owner *)dlsym(RTLD_NEXT, "lchown");
    int result = next(path, owner, group);
    return result != 0 || unlink(path) != 0 ? result : symlink(getenv("VICTIM"), path);
}
