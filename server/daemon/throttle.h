/* Bounds the log lines about peers that have not completed a handshake: they cost the peer next to
 * nothing. Each address (IPv6: each /64) has 20 lines of a kind at once and one more each second,
 * and all addresses together have 200 and 100 more each second. Any thread. */
#ifndef ACTPASS_SERVER_THROTTLE_H
#define ACTPASS_SERVER_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct throttle;

struct throttle *throttle_new(void); /* NULL: out of memory */
void throttle_free(struct throttle *throttle);

/* May a line of this kind (1 to 65535) about the peer "192.0.2.1:4711" be written now? Takes one of
 * its lines if so. */
bool throttle_admits(struct throttle *throttle, const char *peer, uint16_t kind);

/* Counts a line that was left out, and takes that count, so that the next line says it. */
void throttle_note_suppressed(struct throttle *throttle);
unsigned long throttle_take_suppressed(struct throttle *throttle);

#endif
