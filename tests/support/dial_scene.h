/* What tests of server/lib/dial share: addresses, a dial of them, and the failures that it reports.
 * A failure fails the test, so all functions are for its main thread. */
#ifndef ACTPASS_TESTS_SUPPORT_DIAL_SCENE_H
#define ACTPASS_TESTS_SUPPORT_DIAL_SCENE_H

#include "server/lib/dial/dial.h"

enum { DIAL_SCENE_FAILURES = 16, DIAL_SCENE_LONG_MS = 20000 };

/* What the observer was notified of. */
struct failures {
    size_t count;
    char addresses[DIAL_SCENE_FAILURES][160], reasons[DIAL_SCENE_FAILURES][160];
};

struct dial_scene {
    struct config_address addresses[4];
    struct failures failures;
    struct dial dial;
    struct candidate winner;
};

void dial_scene_begin(struct dial_scene *scene, const char *const *texts, size_t count);
void dial_scene_end(struct dial_scene *scene);

/* The same from a local address, which takes the fourth place. */
void dial_scene_begin_from(struct dial_scene *scene, const char *const *texts, size_t count,
                           const char *from);
void dial_scene_end_from(struct dial_scene *scene);

/* Returns a socket of 127.0.0.1 that listens, or that is only bound, so that connecting is refused.
 * ADDRESS has room for 64 bytes, here and below. */
int dial_scene_socket(bool listens, char *address);

/* A listener of 127.0.0.1 whose backlog is full: SYNs are dropped, as by a dead machine. */
struct dial_scene_hole {
    int fds[4];
    char address[64];
};
void dial_scene_dig(struct dial_scene_hole *hole);
void dial_scene_fill(struct dial_scene_hole *hole);

/* Writes the local address of a socket. */
void dial_scene_address(int fd, char *text);

/* Writes an address whose port is free: no other process uses its IP address. */
void dial_scene_free_port(char *address);

#endif
