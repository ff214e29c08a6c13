/* Limits the log lines about peers that have not completed a handshake, since such lines cost the
 * peer next to nothing, and about what cannot be done for a peer. Each address (IPv6: each /64) may
 * cause 20 lines of a kind at once and one more each second; all addresses together may cause 200
 * and 100 more each second. Any thread. */
#ifndef ACTPASS_SERVER_THROTTLE_H
#define ACTPASS_SERVER_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct throttle;

struct throttle *throttle_new(void); /* NULL: out of memory */
void throttle_free(struct throttle *throttle);

/* Counts a line of this kind (1 to 65535) about the peer, "192.0.2.1:4711". False: it must not be
 * written now, and does not count. */
bool throttle_take(struct throttle *throttle, const char *peer, uint16_t kind);

/* Count a line that was left out; take and reset that count, for the next line to report. */
void throttle_note_suppressed(struct throttle *throttle);
unsigned long throttle_take_suppressed(struct throttle *throttle);

#endif
