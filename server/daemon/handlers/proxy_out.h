/* The PROXY header that a backend gets first, so that it knows whose connection it serves. */
#ifndef ACTPASS_SERVER_HANDLERS_PROXY_OUT_H
#define ACTPASS_SERVER_HANDLERS_PROXY_OUT_H

#include "server/daemon/handlers/handler.h"
#include "server/daemon/handlers/proxy_header.h"

/* Writes the header that "proxy_protocol" of "forward" wants to OUT, which has PROXY_HEADER_MAX
 * bytes, and returns its length; 0 for none. Version 1 has the addresses only; version 2 also says
 * what "proxy_tlvs" names. Where that is too long, the certificate is left out, and then the names;
 * job->problem says so. For the connection's thread. */
size_t proxy_out_write(struct handler_job *job, void *out);

#endif
