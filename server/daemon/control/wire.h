/* Lines of text, each perhaps with a descriptor, over a connected unix stream socket: what a
 * running actpass and the commands that control it say to each other (control.h). For one thread.
 */
#ifndef ACTPASS_SERVER_CONTROL_WIRE_H
#define ACTPASS_SERVER_CONTROL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_LINE_MAX = 4096, WIRE_DESCRIPTORS_MAX = 16 };

struct wire {
    int fd; /* -1: not connected */
    char text[WIRE_LINE_MAX];
    size_t length;
    int descriptors[WIRE_DESCRIPTORS_MAX]; /* that have come and were not taken, oldest first */
    size_t count;
};

/* Takes the socket. */
void wire_begin(struct wire *wire, int fd);

/* Connects to the unix socket at PATH. Returns 0, or an errno: then it is not connected. */
int wire_connect(struct wire *wire, const char *path);

/* Closes the socket and what was not taken. Again does nothing. */
void wire_end(struct wire *wire);

/* Sends a line, with DESCRIPTOR unless it is -1, which stays the caller's. What does not fit is cut
 * off. Waits up to a few seconds for a peer that does not read. False: the connection has failed.
 */
bool wire_send(const struct wire *wire, int descriptor, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

enum wire_result {
    WIRE_LINE,
    WIRE_NOTHING, /* not now, or not by the deadline */
    WIRE_ENDED    /* or failed, or not one of our lines */
};

/* Takes the next line without its end. Never waits. */
enum wire_result wire_take(struct wire *wire, char line[WIRE_LINE_MAX]);

/* The same, but waits for it. */
enum wire_result wire_await(struct wire *wire, char line[WIRE_LINE_MAX], int64_t deadline_us);

/* The descriptor of the line that was taken, which is then the caller's; -1: it has none. */
int wire_take_descriptor(struct wire *wire);

#endif
