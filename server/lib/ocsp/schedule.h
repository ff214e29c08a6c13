/* When a response is fetched again. Pure functions; any thread. */
#ifndef ACTPASS_SERVER_LIB_OCSP_SCHEDULE_H
#define ACTPASS_SERVER_LIB_OCSP_SCHEDULE_H

#include <stdint.h>

/* Milliseconds from NOW_S until a response of that time (seconds since 1970) is to be renewed: half
 * of its life after thisUpdate and up to a tenth more by CHANCE, so that many do not come at once;
 * if that has passed, half of what is left. At least a second. */
int64_t ocsp_renew_ms(int64_t now_s, int64_t from_s, int64_t until_s, uint32_t chance);

/* Milliseconds to wait after so many failures in a row, at least 1: 2 s, doubled up to an hour, and
 * up to a quarter more by CHANCE. */
int64_t ocsp_retry_ms(unsigned failures, uint32_t chance);

#endif
