/* Looks at everything that "tls" names, to report all that is wrong at once, and what is dubious:
 * tls_context_new stops at the first error. Any thread. */
#ifndef ACTPASS_SERVER_TLS_INSPECT_H
#define ACTPASS_SERVER_TLS_INSPECT_H

#include "config/config.h"

/* Files whose passphrase or PIN a "store:URI" has refused: not tried again in one load, since
 * tokens lock after a few wrong PINs. All zero at first. Those beyond the last place are tried. */
enum { INSPECT_REFUSED_MAX = 16 };
struct inspect_refused {
    const char *files[INSPECT_REFUSED_MAX]; /* the configuration's */
    size_t count;
};

/* Called with each finding. KEY is a path below the service, such as "tls/certificate"; TEXT, one
 * sentence, begins with the last part of it. */
struct inspection {
    void (*note)(enum config_severity severity, const char *key, const char *text, void *arg);
    void *arg;
    struct inspect_refused *refused; /* the same for all services of a load */
};

/* Files that are no regular ones are left out, since reading a pipe would use it up; so is what is
 * in memory. This thread's error queue is empty on return. */
void inspect_tls(const struct config_tls *tls, const struct inspection *inspection);

#endif
