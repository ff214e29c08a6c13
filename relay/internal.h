/* What the files of the relay share, beside state.h and wake.h. A file calls only files of lower
 * floors ("Floors" in README.md).
 *
 * All functions here need the lock. Those marked (drops) release it around a system call. */
#ifndef ACTPASS_RELAY_INTERNAL_H
#define ACTPASS_RELAY_INTERNAL_H

#include "relay/state.h"
#include "relay/wake.h"

/* How long the conversation may be outside any call before the relay thread runs the loop. */
#define RELAY_GRACE_US INT64_C(10000)

/* Room that one TLS record and its overhead need (hazard 13: 16 406 and 16 469 were measured). */
#define RELAY_RECORD_ROOM 17408

/* From so many spilt bytes on, the BIO asks for a retry, or waits. */
#define RELAY_SPILL_MAX 32768

/* Max. bytes that SSL may read from one wait for input to the next. A peer can send messages
 * without data endlessly, and one SSL_read reads them all: it must return for its deadline and for
 * an abort.
 */
#define RELAY_INPUT_CREDIT RELAY_DEFAULT_RING

/* Max. descriptors that a conversation may add to the poll set. */
#define RELAY_EXTRAS_MAX 4

/* ---- fastopen.c ---------------------------------------------------------------------------- */

ssize_t fastopen_send(struct relay *relay, const void *data, size_t size); /* as send; no lock */

/* ---- socket.c ------------------------------------------------------------------------------ */

/* Receives once. Returns the number of bytes, or 0 if none came now: the input's state says whether
 * more may come. (drops) */
size_t socket_receive(struct relay *relay, void *buffer, size_t size);

/* Reads and discards once. (drops) */
void socket_discard(struct relay *relay);

/* Sends once. Returns 0, EAGAIN, EINTR, or the errno after which the output is OUTPUT_FAILED.
 * (drops) */
int socket_send(struct relay *relay, const void *data, size_t size, size_t *sent);

/* Ends the input with an error that is not the socket's. */
void socket_fail_input(struct relay *relay, int error);

/* Latches the error that poll has reported: input that was not read hides it from a receive. */
void socket_note_error(struct relay *relay);

/* What poll reports without being asked: POLLERR, POLLHUP. */
short socket_unasked_events(const struct relay *relay);

/* See relay_has_lost_peer. */
bool socket_has_lost_peer(struct relay *relay);

/* ---- glare.c ------------------------------------------------------------------------------- */

void glare_begin(struct relay *relay); /* we are client by silence or by a hint */
void glare_end(struct relay *relay);

/* Keeps what SSL writes until its ClientHello is complete. */
void glare_note_output(struct relay *relay, const void *data, size_t size);

void glare_judge(struct relay *relay); /* classifies the first bytes that came */

/* ---- sniff.c ------------------------------------------------------------------------------- */

void sniff_begin(struct relay *relay);
void sniff_receive(struct relay *relay); /* (drops) */
size_t sniff_read(struct relay *relay);  /* one receive into the first bytes; as socket_receive */
void sniff_check_time(struct relay *relay);

/* ---- loop.c -------------------------------------------------------------------------------- */

/* Sends until nothing is left or the socket takes no more. (drops) */
void loop_flush(struct relay *relay);

/* Sends FIN, if all is sent and the state is RELAY_DRAIN. (drops) */
void loop_finish(struct relay *relay);

/* One turn: sleeps until something can be done or the deadline passes, receives, sends. Returns
 * true if an extra descriptor has events. The caller has set LOOP_BUSY and has sent what can be
 * sent. (drops) */
bool loop_turn(struct relay *relay, struct pollfd *extra, nfds_t extras, int64_t deadline_us);

/* Receives, then sends what can be, without sleeping. Returns true if the socket may have more
 * input that there is room for. The caller has set LOOP_BUSY. (drops) */
bool loop_look(struct relay *relay);

/* The earliest of the caller's deadline, that of the first bytes and the write timeout's. */
int64_t loop_deadline(const struct relay *relay, int64_t deadline_us);

/* ---- wait.c -------------------------------------------------------------------------------- */

/* relay_wait with the lock held. (drops) */
enum relay_wait wait_for(struct relay *relay, unsigned want, struct pollfd *extra, nfds_t extras,
                         int64_t deadline_us);

/* Has the deadline passed? DEADLINE_NEVER has not, without a look at the clock. */
bool wait_is_late(int64_t deadline_us);

/* Lets SSL read on, but not once the deadline has passed (LATE): messages without data would
 * postpone that endlessly. Returns false if SSL has read all that it may. */
bool wait_renew_credit(struct relay *relay, unsigned want, bool late);

void wait_flush(struct relay *relay); /* relay_flush with the lock held. (drops) */

/* ---- life.c -------------------------------------------------------------------------------- */

/* Releases a reference; the last one frees the relay. Without the lock. */
void life_unref(struct relay *relay);

#endif
