/* The backend of a service with "starttls" of MySQL, which is connected before there is TLS. Part
 * of the step (mysql.c), on its thread. */
#ifndef ACTPASS_SERVER_PREFACE_MYSQL_BACKEND_H
#define ACTPASS_SERVER_PREFACE_MYSQL_BACKEND_H

#include "server/daemon/preface/preface.h"
#include "server/lib/dial/race.h"

/* All zero: not begun. It must not move while it dials. */
struct mysql_backend {
    struct dial dial;
    struct race race;
    struct error_text reason; /* the last failure */
    bool dials;
};

void mysql_backend_begin(struct preface *preface, struct mysql_backend *backend);

/* PREFACE_DONE: preface->backend is connected. preface->own and again_us are its until it does not
 * return PREFACE_WAITS any more. */
enum preface_next mysql_backend_dial(struct preface *preface, struct mysql_backend *backend);

/* Also in the middle of it, or before its begin. */
void mysql_backend_end(struct mysql_backend *backend);

#endif
