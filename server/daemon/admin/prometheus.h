/* The text format of Prometheus, version 0.0.4. */
#ifndef ACTPASS_SERVER_ADMIN_PROMETHEUS_H
#define ACTPASS_SERVER_ADMIN_PROMETHEUS_H

#include "server/daemon/admin/out.h"

#include <stdint.h>

enum prometheus_type { PROMETHEUS_COUNTER, PROMETHEUS_GAUGE, PROMETHEUS_HISTOGRAM };

/* Before the values of a metric. */
void prometheus_begin(struct out *out, const char *name, enum prometheus_type type,
                      const char *help);

/* A line of a service is a name, which has the service as its first label, further labels, and a
 * value, which ends it. */
void prometheus_name(struct out *out, const char *name, const char *service);
void prometheus_label(struct out *out, const char *label, const char *value);
void prometheus_value(struct out *out, uint64_t value);

void prometheus_seconds(struct out *out, uint64_t us); /* the number alone */

/* All of a metric without labels. */
void prometheus_alone(struct out *out, const char *name, enum prometheus_type type,
                      const char *help, uint64_t value);

#endif
