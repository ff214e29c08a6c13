/* How those who use ocsp.h are called back. */
#ifndef ACTPASS_SERVER_LIB_OCSP_CALLERS_H
#define ACTPASS_SERVER_LIB_OCSP_CALLERS_H

struct entry;
struct ocsp;

/* CALL is called when it begins to fail, and when it works again; on a thread of its own. */
struct ocsp_report {
    void (*call)(const char *text, void *arg); /* NULL: nobody wants to know */
    void *arg;
    const char *name; /* of the certificate, in the text */
};

/* Who waits for what is found. WAKE is called at most once for each PENDING, before ocsp_leave
 * returns or never: on a thread of its own, or within ocsp_teach; with the lock of ocsp.h held, so
 * it must not call this module, nor take a lock under which others call it. The other members are
 * zero at first, and this module's. */
struct ocsp_waiter {
    void (*wake)(void *arg);
    void *arg;
    struct ocsp *ocsp;
    struct entry *entry;
    struct ocsp_waiter *before, *behind;
};

#endif
