/* The server as main uses it: load, listen, run, stop. server/README.md describes the parts and the
 * threads. */
#ifndef ACTPASS_SERVER_SERVER_H
#define ACTPASS_SERVER_SERVER_H

#include "config/config.h"
#include "server/include/actpass.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct server;
struct service;
struct spawner;

/* Reads a JSON configuration and opens its listeners. Logs warnings. The caller frees the server
 * with server_free. NULL: *ERRORS is all errors, one a line, or NULL without memory; the
 * caller frees it with free(). */
struct server *server_new(const char *file, char **errors);

/* Accepts and serves connections until server_stop, then drains: accepts no more and waits
 * for the open connections. 0: each connection closed by itself; 1: some were cut off; -1: it could
 * not serve. */
int server_run(struct server *server);

/* Serves one connection of a service instead, whose socket is taken, and returns when it has ended,
 * or at a stop after the drain. 0: in order, or the peer has sent nothing; 1: it was cut off; -1:
 * in another way. */
int server_run_one(struct server *server, struct service *service, int fd,
                   const struct sockaddr_storage *address);

/* The first call makes server_run drain; the second cuts off the connections that are left.
 * Any thread, and async-signal-safe. */
void server_stop(struct server *server);

/* Loads the configuration again, with all that it names, and replaces what is served by it, or
 * changes nothing: then the log and the service manager say why. Connections that are open go on
 * with what they began with, unless their service is gone: they are then drained. Sessions kept in
 * memory are lost. 0, or -1: nothing has changed. Waits for server_run to carry it out. Any thread,
 * one at a time, but server_run's. */
int server_reload(struct server *server);

/* Attends to what is neither a connection nor a signal: files of "tls" that have changed, and the
 * control socket. Fills POLLS with what to wait for, and returns until when, to be called again
 * then. The thread that calls server_reload. */
enum { SERVER_POLLS = 3 };
int64_t server_attend(struct server *server, struct pollfd polls[SERVER_POLLS]);

/* Writes the last lines of the log, for a process that exits without server_free. */
void server_flush_log(struct server *server);

/* Not while server_run runs. SERVER may be NULL. */
void server_free(struct server *server);

/* Reads FILE and loads what it names, including certificates; opens no socket. Initialises *REPORT,
 * adds all errors and warnings to it, and leaves it to the caller to free. NULL if there are
 * errors. */
struct server *server_load(const char *file, struct config_report *report);

/* What was loaded; lives as long as the server. It knows its origin until server_listen. */
const struct config *server_config(const struct server *server);

/* Opens all listeners; gives up looking up names once CANCEL_FD (-1: none) is readable. If one
 * fails, closes the others, adds the reasons to the report's errors and returns false. Starts no
 * thread and logs nothing, so that the process can be confined next (confine.h). */
bool server_listen(struct server *server, int cancel_fd, struct config_report *report);

/* Takes the process that starts programs, or ends it if the configuration has no "exec". False,
 * with the reasons in the report: it cannot start what is configured. Before the process is
 * confined; starts no thread. */
bool server_use_spawner(struct server *server, struct spawner *spawner,
                        struct config_report *report);

/* Logs the warnings, and where it listens. */
void server_announce(struct server *server, const struct config_report *report);

/* Logs the counters so far, in total and for each service. Any thread. */
void server_log_status(struct server *server);

#endif
