/* The request to stop, which others than server.c make, too. */
#ifndef ACTPASS_SERVER_STOP_H
#define ACTPASS_SERVER_STOP_H

struct server;

/* See server_stop. */
void stop_request(struct server *server);

#endif
