/* Notices when something happens in the folders of files, by inotify(7): also when a link is
 * replaced by another one, as certbot and Kubernetes do, since the folder of each link on the way
 * to a file is watched, and that of the file. Says nothing of what has happened, and sees nothing
 * that another machine does to a network file system. For one thread. */
#ifndef ACTPASS_SERVER_WATCH_H
#define ACTPASS_SERVER_WATCH_H

#include <stdbool.h>

struct watch;

/* NULL with errno. It holds one descriptor. */
struct watch *watch_new(void);
void watch_free(struct watch *watch); /* accepts NULL */

/* A file to watch from now on; again if the links that lead to it may have changed. False with
 * errno: a folder of it cannot be watched; the others are. */
bool watch_file(struct watch *watch, const char *path);

/* Readable when something has happened. */
int watch_fd(const struct watch *watch);

/* True: something has happened since the last call. */
bool watch_take(struct watch *watch);

#endif
