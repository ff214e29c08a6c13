/* Where sessions are kept, and the keys that seal them. */
#include "config/check.h"

void check_sessions(const struct checked_service *checked)
{
    struct place *sessions = place_find(checked->tls, "sessions");
    struct place *key_file = place_find(checked->tls, "session_key_file");
    enum config_sessions_kind kind = checked->service->connection.tls.sessions.kind;
    if (sessions && sessions->bad)
        return;
    if ((kind == CONFIG_SESSIONS_FILE || kind == CONFIG_SESSIONS_REDIS) && !key_file)
        error_at(checked->messages, sessions,
                 "keeps secrets outside of this process, where they are sealed: add "
                 "\"session_key_file\"");
    else if ((kind == CONFIG_SESSIONS_OFF || kind == CONFIG_SESSIONS_MEMORY) && key_file &&
             !key_file->bad)
        warning_at(checked->messages, key_file,
                   "has no effect: with \"sessions\": \"%s\" nothing is sealed",
                   kind == CONFIG_SESSIONS_OFF ? "off" : "memory");
}
