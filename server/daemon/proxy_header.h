/* It is in handlers/, which needs it, too. */
#ifndef ACTPASS_SERVER_PROXY_HEADER_OLD_H
#define ACTPASS_SERVER_PROXY_HEADER_OLD_H

#include "server/daemon/handlers/proxy_header.h"

#endif
