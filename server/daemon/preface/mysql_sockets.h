/* The two sockets of the step "starttls" of MySQL: the peer's, and the other, which is the
 * backend's of a service that listens, and the local client's of one that dials. Part of the step
 * (mysql.c), on its thread. */
#ifndef ACTPASS_SERVER_PREFACE_MYSQL_SOCKETS_H
#define ACTPASS_SERVER_PREFACE_MYSQL_SOCKETS_H

#include "server/daemon/preface/preface.h"

/* WHOSE fault it is: a name as that of the other, or "". */
enum preface_next mysql_fail(struct preface *preface, const char *whose, const char *why);

const char *mysql_other_name(const struct preface *preface); /* ends with ": " */
enum preface_next mysql_wait_for_other(struct preface *preface, short events);

/* As preface_peek and preface_send. */
ssize_t mysql_peek_other(struct preface *preface, void *bytes, size_t size);
ssize_t mysql_send_other(struct preface *preface, const void *bytes, size_t size);

/* Wait for more than the SIZE bytes that have come, or fail if there will be no more. */
enum preface_next mysql_wait_for_more_of_other(struct preface *preface, size_t size);
enum preface_next mysql_wait_for_more_of_peer(struct preface *preface, size_t size);

/* Has a side left from which nobody reads now? Nobody who closes can complete a login, so there is
 * no half-close. PREFACE_WAITS: no. */
enum preface_next mysql_look_at_peer(struct preface *preface);
enum preface_next mysql_look_at_other(struct preface *preface);

#endif
