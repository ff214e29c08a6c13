/* What is wrong or dubious with the certificates of all services, at its place in the
 * configuration. */
#ifndef ACTPASS_SERVER_CERTIFICATES_H
#define ACTPASS_SERVER_CERTIFICATES_H

#include "config/config.h"

/* Reads the files that all services name, also where other things are wrong, and reports all that
 * is found. CONFIG is of config_load_all. */
void certificates_check(const struct config *config, struct config_report *report);

/* Reports what TEXT says about the service's "tls": at the key with which TEXT begins, if that is
 * there. */
void certificates_report(struct config_report *report, const struct config *config, size_t service,
                         const char *text);

#endif
