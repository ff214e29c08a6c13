#include "server/daemon/admin/prometheus.h"

#include <inttypes.h>

void prometheus_begin(struct out *out, const char *name, enum prometheus_type type,
                      const char *help)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    out_format(out, "# HELP %s ", name);
    out_text(out, help);
    out_format(out, "\n# TYPE %s %s\n", name, types[type]);
}

void prometheus_name(struct out *out, const char *name, const char *service)
{
    out_format(out, "%s{service=\"", name);
    out_label(out, service);
    out_text(out, "\"");
}

void prometheus_label(struct out *out, const char *label, const char *value)
{
    out_format(out, ",%s=\"", label);
    out_label(out, value);
    out_text(out, "\"");
}

void prometheus_value(struct out *out, uint64_t value)
{
    out_format(out, "} %" PRIu64 "\n", value);
}

void prometheus_seconds(struct out *out, uint64_t us)
{
    enum { US = 1000000 };
    out_format(out, "%" PRIu64 ".%06u", us / US, (unsigned)(us % US));
}

void prometheus_alone(struct out *out, const char *name, enum prometheus_type type,
                      const char *help, uint64_t value)
{
    prometheus_begin(out, name, type, help);
    out_format(out, "%s %" PRIu64 "\n", name, value);
}
