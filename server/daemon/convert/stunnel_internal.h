/* Shared by the files that convert stunnel.conf only (stunnel.h):
 *
 *   stunnel.c            all sections
 *   stunnel_service.c    timeouts, sockets, and what several files use
 *   stunnel_addresses.c  where connections come from and go to
 *   stunnel_handler.c    what is done with them
 *   stunnel_protocol.c   "protocol", and what there is no service for
 *   stunnel_routes.c     sections for a server name, and "redirect"
 *   stunnel_tls.c        certificate, versions, ciphers, sessions
 *   stunnel_engine.c     engines, which find keys
 *   stunnel_trust.c      whom to trust
 *
 * Each adds to OBJECT, a service or a route, or "tls" of one, what SECTION says, and says what
 * cannot be converted. */
#ifndef ACTPASS_SERVER_CONVERT_STUNNEL_INTERNAL_H
#define ACTPASS_SERVER_CONVERT_STUNNEL_INTERNAL_H

#include "server/daemon/convert/draft.h"
#include "server/daemon/convert/settings.h"
#include "server/daemon/convert/values.h"

enum stunnel_side { STUNNEL_SERVER, STUNNEL_CLIENT };

/* The value "yes" or "no" of an option; FALLBACK where there is none. Another value is an error. */
bool stunnel_yes(struct draft *draft, const struct section *section, const char *name,
                 bool fallback);

/* Says what the table says, or TEXT, about the last setting of that name. */
void stunnel_say(struct draft *draft, cJSON *object, const struct section *section,
                 const char *name, enum option_fate fate, const char *text);

/* The value of the option NAME, if it is not empty, becomes that of KEY. */
void stunnel_copy(struct draft *draft, cJSON *object, const struct section *section,
                  const char *name, const char *key);

void stunnel_timeouts(struct draft *draft, cJSON *service, const struct section *section);
void stunnel_sockets(struct draft *draft, cJSON *service, const struct section *section);

/* HOST: of an address that has only a port. False: said what is wrong with it. */
bool stunnel_read_address(struct draft *draft, const struct setting *setting, const char *host,
                          struct value_text *address);
/* "accept", "connect" and "local": under KEY. */
void stunnel_accept(struct draft *draft, cJSON *service, const struct section *section,
                    const char *key);
void stunnel_connect(struct draft *draft, cJSON *object, const struct section *section,
                     const char *key);
void stunnel_source(struct draft *draft, cJSON *object, const struct section *section,
                    const char *key);

/* What a server does with a connection: into the service, or into a route. */
void stunnel_handler(struct draft *draft, cJSON *object, const struct section *section);
/* Whom a client dials. */
void stunnel_dialed(struct draft *draft, cJSON *service, const struct section *section);

bool stunnel_has_protocol(const struct section *section, const char *protocol);
void stunnel_protocol(struct draft *draft, cJSON *service, const struct section *section,
                      enum stunnel_side side);
/* Says why there is no service for the section. */
bool stunnel_is_refused(struct draft *draft, const struct section *section, enum stunnel_side side);

/* Is it for a server name of another section? SNI: of a section that is, names PRIMARY. */
bool stunnel_is_secondary(const struct section *section);
bool stunnel_names_service(const struct setting *sni, const struct section *primary);
void stunnel_routes(struct draft *draft, cJSON *service, const struct settings *settings,
                    const struct section *primary);
/* Do clients that verifyPeer does not accept go elsewhere? Then a route has the others. */
bool stunnel_redirects(const struct section *section);
void stunnel_redirect(struct draft *draft, cJSON *service, const struct section *section);

/* All of "tls" of a service; or only certificate and key, and whom to trust, into OBJECT ("tls" of
 * a route, too). Comments go to SERVICE. */
void stunnel_tls(struct draft *draft, cJSON *service, const struct section *section,
                 enum stunnel_side side);
void stunnel_identity(struct draft *draft, cJSON *service, cJSON *object,
                      const struct section *section);
void stunnel_trust(struct draft *draft, cJSON *service, cJSON *object,
                   const struct section *section, enum stunnel_side side);
/* Says which engines are lost: those that are loaded, and that of a section, for whose key it would
 * be used. */
void stunnel_engines(struct draft *draft, const struct section *global);
void stunnel_engine(struct draft *draft, cJSON *object, const struct section *section);
/* Adds the pins of CAfile to the list KEY. */
void stunnel_pins(struct draft *draft, cJSON *object, const struct section *section,
                  const char *key);

#endif
