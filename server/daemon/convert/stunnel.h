/* stunnel.conf into our configuration. Each section becomes a service, or a route where it is for
 * a server name. */
#ifndef ACTPASS_SERVER_CONVERT_STUNNEL_H
#define ACTPASS_SERVER_CONVERT_STUNNEL_H

#include "server/daemon/convert/draft.h"
#include "server/daemon/convert/reader.h"

/* Reads the text. False: said why not, or memory was short. */
bool stunnel_read(struct reader *reader, const char *text, size_t length);

/* Adds all that SETTINGS say. */
void stunnel_convert(struct draft *draft, const struct settings *settings);

/* ---- Its parts, for the files of the converter --------------------------------------------- */

enum stunnel_side { STUNNEL_SERVER, STUNNEL_CLIENT };

/* The value "yes" or "no" of an option; FALLBACK where there is none. Another value is an error. */
bool stunnel_yes(struct draft *draft, const struct section *section, const char *name,
                 bool fallback);

/* Says what the table says, or TEXT, about the last setting of that name. */
void stunnel_say(struct draft *draft, cJSON *object, const struct section *section,
                 const char *name, enum option_fate fate, const char *text);

/* Certificate and key; whom to trust; versions, ciphers and sessions: into OBJECT ("tls" of a
 * service or of a route). Comments go to SERVICE. SERVER_NAME: the host that a client connects to,
 * "" where it is an address. */
void stunnel_identity(struct draft *draft, cJSON *service, cJSON *object,
                      const struct section *section);
void stunnel_trust(struct draft *draft, cJSON *service, cJSON *object,
                   const struct section *section, enum stunnel_side side);
/* Do clients that verifyPeer does not accept go elsewhere (redirect)? Then a route has the others.
 */
bool stunnel_redirects(const struct section *section);
/* Adds the pins of CAfile to the list KEY. */
void stunnel_pins(struct draft *draft, cJSON *object, const struct section *section,
                  const char *key);
void stunnel_negotiation(struct draft *draft, cJSON *service, cJSON *object,
                         const struct section *section);

/* Says which engines are lost: those that are loaded, and that of a section, for whose key it would
 * be used. */
void stunnel_engines(struct draft *draft, const struct section *global);
void stunnel_engine(struct draft *draft, cJSON *object, const struct section *section);

/* Timeouts, and options of sockets. */
void stunnel_timeouts(struct draft *draft, cJSON *service, const struct section *section);
void stunnel_sockets(struct draft *draft, cJSON *service, const struct section *section);

#endif
