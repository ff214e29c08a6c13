/* Names of services. */
#ifndef ACTPASS_SERVER_CONVERT_NAMES_H
#define ACTPASS_SERVER_CONVERT_NAMES_H

#include "server/daemon/convert/draft.h"
#include "server/daemon/convert/values.h"

/* TEXT with a "-" for what a name may not have, and with a number where there is such a service
 * already. */
struct value_text name_fit(const struct draft *draft, const char *text);

#endif
