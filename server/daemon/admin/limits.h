/* What the admin listener may take. Includes nothing, so that the sharing of descriptors
 * (capacity.c) can know it. */
#ifndef ACTPASS_SERVER_ADMIN_LIMITS_H
#define ACTPASS_SERVER_ADMIN_LIMITS_H

/* How many may ask at the same time. */
enum { ADMIN_CONNECTIONS = 32 };

#endif
