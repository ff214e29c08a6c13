/* Notifications to the service manager, by the protocol of sd_notify(3): datagrams with lines
 * NAME=value to the unix socket that NOTIFY_SOCKET names.
 *
 * No call waits longer than a second for the manager. All functions accept NULL, which stands for
 * "there is no manager", and then do nothing. Any thread, except notify_free. */
#ifndef ACTPASS_SERVER_NOTIFY_H
#define ACTPASS_SERVER_NOTIFY_H

#include "config/error_text.h"

#include <stdint.h>
#include <sys/types.h>

struct notify;

/* The values of the environment variables with these names; NULL: not set. */
struct notify_environment {
    const char *notify_socket; /* a path, or '@' and an abstract name */
    const char *watchdog_usec; /* the time without WATCHDOG=1 after which we are killed */
    const char *watchdog_pid;  /* whom the watchdog is for; NULL: for us */
};

/* Returns NULL without a manager. Also returns NULL if notifications are not possible; then ERROR
 * says why. Free it with notify_free. */
struct notify *notify_new(const struct notify_environment *environment, struct error_text *error);
void notify_free(struct notify *notify);

/* What is going on, with a sentence for `systemctl status`: ready for connections, also after a
 * reload; a reload begins; no more connections are accepted. Return 0, or an errno: the manager was
 * not notified. */
int notify_ready(struct notify *notify, const char *status);
int notify_reloading(struct notify *notify, const char *status);
int notify_stopping(struct notify *notify, const char *status);

/* Another process takes our place. Returns as above. */
int notify_main_pid(struct notify *notify, pid_t pid);

/* How often notify_alive is to be called, in microseconds: four times in the time that the manager
 * waits. 0: there is no watchdog. */
int64_t notify_watchdog_us(const struct notify *notify);

/* Tells the watchdog that all is well. Never waits. Returns 0, or an errno. */
int notify_alive(struct notify *notify);

#endif
