/* What no single key can tell: whom a service trusts, which handler it has, files, duplicates.
 * Keys that are wrong by themselves were reported already and are not held against the rest. */
#ifndef ACTPASS_CONFIG_CHECK_H
#define ACTPASS_CONFIG_CHECK_H

#include "config/document.h"
#include "config/messages.h"

/* The services in CONFIG are those under "services" in ROOT, one for one, and normalized. Changes
 * nothing. */
void check_config(struct messages *messages, const struct place *root, const struct config *config);

/* One service, as its checks see it. */
struct checked_service {
    struct messages *messages;
    const struct config_service *service;
    struct place *place, *tls;   /* tls: NULL if it could not be read */
    struct place *listen, *dial; /* the keys; NULL where they are not there */
    bool role_known;             /* else nothing that depends on the role is checked */
    bool may_serve, may_connect;
};

void check_needs(const struct checked_service *checked);
void check_dial(const struct checked_service *checked);
void check_keep(const struct checked_service *checked);
void check_through(const struct checked_service *checked);
/* Does it connect to where it listens? */
void check_itself(const struct checked_service *checked);
void check_fast_open(const struct checked_service *checked);
void check_roles(const struct checked_service *checked);
void check_starttls(const struct checked_service *checked);
void check_limits(const struct checked_service *checked);
void check_handlers(const struct checked_service *checked);
void check_exec(const struct checked_service *checked);
void check_http(const struct checked_service *checked);
void check_proxy(const struct checked_service *checked);
void check_offer(const struct checked_service *checked);
void check_reach(const struct checked_service *checked);
/* Whose headers of the PROXY protocol are believed. */
void check_accept_proxy(const struct checked_service *checked);

/* A service with "share": in the place of check_dial, check_handlers and those of handlers. */
void check_share(const struct checked_service *checked);
/* A gate without TLS (config_is_plain_gate): in the place of all other checks. */
void check_plain_gate(const struct checked_service *checked);
void check_routes(const struct checked_service *checked);
/* These need the "tls". */
void check_trust(const struct checked_service *checked);
void check_certificates(const struct checked_service *checked);
void check_ocsp(const struct checked_service *checked);
void check_sessions(const struct checked_service *checked);
void check_files(const struct checked_service *checked);

/* Does it listen on unix sockets only, where peers have no IP addresses? */
bool check_is_unix(const struct config_listen *listen);
/* And no header of a proxy tells the peers' addresses either? */
bool check_lacks_addresses(const struct config_service *service);
/* What goes with the sockets that listen: "listen_options". */
void check_listen(const struct checked_service *checked);
/* From where a service dials: "dial_source". */
void check_dial_source(const struct checked_service *checked);
/* The "source" beside "forward" in the object at PLACE. */
void check_source(const struct checked_service *checked, const struct place *place,
                  const struct config_handler *handler);
/* The same of a "source" at PLACE of what is dialed at TO, which is written under KEY. */
void check_source_to(const struct checked_service *checked, struct place *place,
                     const struct config_source *source, const struct config_address *to,
                     const char *key);
/* Has each object with "forward" a "source" that fits? */
void check_sources(const struct checked_service *checked);
/* The mode, the owner and the group in PLACE. */
void check_socket_file(struct messages *messages, const struct place *place, bool has_file);

/* Has the object exactly one handler? */
void check_object_handler(struct messages *messages, struct place *place);
/* Names of peers beside those of "tls", which is TLS, need somebody to vouch for them. */
void check_vouched(struct messages *messages, struct place *names, const struct config_tls *tls,
                   const struct place *place);
/* What is asked of clients for the sake of "protected" in LIST, which may be NULL. */
void check_asks(const struct checked_service *checked, struct place *list,
                const struct config_tls *tls, const struct place *place);
/* The "tls" of a route, or that of its service. */
struct config_tls check_tls_of(const struct checked_service *checked,
                               const struct config_route *route);
/* Of the two, where "ca" and its like are written; the result may be NULL. */
const struct place *check_trust_place(const struct checked_service *checked,
                                      const struct place *route);
void check_route_tls(const struct checked_service *checked);
/* Own certificate, CAs and revocation lists in the object at PLACE. */
void check_tls_files(struct messages *messages, struct place *place, const struct config_tls *tls);

/* A file that has to be there; WANTED is what it should be. Looks without opening it. */
bool check_file(struct messages *messages, struct place *place, const char *path,
                const char *wanted);
/* The same for one with a secret: it is an error if others may read or write it. */
void check_secret_file(struct messages *messages, struct place *place, const char *path,
                       const char *secret, const char *wanted);
/* A file with a secret, or "credential:ID", which is looked up only when it is used. */
void check_secret(struct messages *messages, struct place *place, const char *name,
                  const char *secret, const char *wanted);

/* What the object at PLACE says of a certificate: under "certificate" and, unless it lies in the
 * same file, "key"; the key's passphrase under "key_passphrase_file". */
void check_key_pair(struct messages *messages, struct place *place,
                    const struct config_certificate *files);
void check_folder(struct messages *messages, struct place *place, const char *path);

/* Who may connect to the "admin" listener, and what else listens there. */
void check_admin(struct messages *messages, const struct place *root, const struct config *config);

/* Is "control" a unix socket? */
void check_control(struct messages *messages, const struct place *root,
                   const struct config *config);

/* Has each pool that is reached for somebody who offers to it? */
void check_pools(struct messages *messages, const struct place *services,
                 const struct config *config);

/* Two services of one name, or two that listen on one address or port. */
void check_unique(struct messages *messages, const struct place *services,
                  const struct config *config);

#endif
